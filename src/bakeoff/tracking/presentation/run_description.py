"""The description of a run in MLflow: what it is, how to repeat it, the history of its jobs."""

from datetime import UTC, datetime

from bakeoff.tracking.journal.events import Status
from bakeoff.tracking.journal.run_state import RunState
from bakeoff.tracking.presentation.notes import LONGEST_NOTE, code
from bakeoff.tracking.presentation.reproduction import origin, reproduction

LONGEST_ERROR = 1500


def of_run(run: RunState) -> str:
    """The description of a run.

    Of a long history, the first job and the last ones; of a long error, its beginning and end.
    """
    lines = [*_what(run), *reproduction([run.tags])]
    if run.jobs:
        lines += ["| when (UTC) | status | host | SLURM job | |", "|---|---|---|---|---|"]
    end = []
    if run.jobs and run.state is not run.jobs[-1]:
        end.append("\nIt has been measuring again since.")
    room = LONGEST_NOTE - sum(len(line) + 1 for line in lines + end)
    return _shortened("\n".join(lines + _fitting(run.jobs, room) + end), LONGEST_NOTE)


def _what(state: RunState) -> list[str]:
    run = state.run
    if run is None:
        return []
    if run.is_pretraining:
        what = f"The pretraining {code(run.variant.partition('/')[2])}, from which variants start,"
        weights = "weights.safetensors"
    else:
        what = f"Seed {run.seed} of the variant {code(run.variant)}"
        weights = "checkpoints/best.safetensors"
    what += f" of the bake-off {code(run.experiment)}. {origin([state.tags])}"
    return [what.strip(), f"Its weights are the artifact `{weights}`.", ""]


def _fitting(jobs: list[Status], room: int) -> list[str]:
    """A row of the table for each job, without those in the middle where `room` characters are too few."""
    if not jobs:
        return []
    first, last = _row(jobs[0]), list[str]()
    left_out = "| | | | | {} more, in journal.jsonl |"
    room -= len(first) + len(left_out) + 10
    for job in reversed(jobs[1:]):
        row = _row(job)
        room -= len(row) + 1
        if room < 0 and last:  # how it ended is never left out
            break
        last.append(row)
    missing = len(jobs) - 1 - len(last)
    return [first, *([left_out.format(missing)] if missing else []), *reversed(last)]


def _row(job: Status) -> str:
    when = datetime.fromtimestamp(job.time, UTC).strftime("%Y-%m-%d %H:%M:%S")
    host, slurm = job.process.get("host", ""), job.process.get("slurm_job_id", "")
    error = _shortened(job.error, LONGEST_ERROR).replace("|", "\\|").replace("\n", " ")
    return f"| {when} | {job.status} | {host} | {slurm} | {error} |"


def _shortened(text: str, longest: int) -> str:
    """At most `longest` characters: the beginning and the end of a text that has more."""
    if len(text) <= longest:
        return text
    gap = " [...] "
    tail = (longest - len(gap)) // 2
    return text[: longest - len(gap) - tail] + gap + text[-tail:]
