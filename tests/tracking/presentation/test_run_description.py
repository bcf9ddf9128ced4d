"""A run in words for a person, within what MLflow takes."""

from bakeoff.tracking.journal.events import Status, Tags
from bakeoff.tracking.journal.run_state import RunState
from bakeoff.tracking.presentation.run_description import of_run


def test_a_long_history_keeps_how_to_repeat_the_run_its_first_job_and_its_last_error() -> None:
    run_state = RunState()
    run_state.add([Tags(time=0.0, values={"command": "bakeoff train", "git_commit": "374264a"})])
    for job in range(300):
        process = {"host": f"gr{job:03}", "slurm_job_id": str(job)}
        run_state.add([Status(time=2.0 * job, status="RUNNING", process=process)])
        run_state.add([Status(time=2.0 * job + 1, status="SCHEDULED", process=process)])
    error = "RuntimeError: " + "x | " * 4000 + "no space left"
    run_state.add([Status(time=1000.0, status="FAILED", error=error)])
    note = of_run(run_state)
    assert len(note) <= 7900
    lines = note.splitlines()
    assert lines[:5] == ["Trained by", "", "```", "git checkout 374264a", "bakeoff train"]
    first, left_out, *last = [line for line in lines if line.startswith("| ")][1:]
    assert "RUNNING | gr000 | 0" in first
    assert f"{601 - 1 - len(last)} more" in left_out
    assert "SCHEDULED | gr299 | 299" in last[-2]
    assert "FAILED" in last[-1] and "RuntimeError: x" in last[-1] and "no space left" in last[-1]
    assert len(last[-1]) > 1000 and len(last) > 20
