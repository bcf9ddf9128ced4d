"""Commands that are missing, barred, silent or talk nonsense: told apart, soon over, nothing left of them."""

import json
import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from bakeoff.commands import ask
from bakeoff.doctor import machine, probe, probing, site, slurm, verdict
from bakeoff.doctor.findings import Finding
from bakeoff.doctor.requests import job_requests
from bakeoff.tracking.delivery import system_metrics as monitor
from bakeoff.training.commit import commit_of

GARBAGE = r"printf '\377\376\000\001\233garbage\n'"
FAULTS = {
    "missing": (None, "command not found"),
    "barred": ("barred", "it cannot be executed (Permission denied)"),
    "no program": (GARBAGE, "it cannot be executed (Exec format error)"),
    "no interpreter": ("#!/no/such/shell\n", "is missing"),
    "needs another": ("#!/bin/bash\nexit 127", "exit code 127: it needs a command that was not found"),
    "killed": ("#!/bin/bash\nkill -9 $$", "killed by signal 9"),
    "fails": ("#!/bin/bash\necho 'error: no such luck' >&2; exit 1", "no such luck"),
    "fails in bytes": (f"#!/bin/bash\n{GARBAGE} >&2; exit 1", "???garbage"),
    "nonsense": (f"#!/bin/bash\n{GARBAGE}", "its answer is no text"),
    "silent": ("#!/bin/bash\n/bin/sleep 1000 & /bin/sleep 1000", "no answer within 0.5 s"),
}  # fmt: skip
QUICK = [fault for fault in FAULTS if fault != "silent"]


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that is all of the PATH; nothing of what is called there is left running."""
    monkeypatch.setenv("PATH", str(tmp_path))
    before = psutil.Process().children(recursive=True)
    yield tmp_path
    left = [child for child in psutil.Process().children(recursive=True) if child not in before]
    assert left == [], "no process is left, not even a zombie"


def place(folder: Path, name: str, fault: str) -> None:
    """A command that is broken in this way."""
    script = FAULTS[fault][0]
    if script is not None:
        (folder / name).write_text("#!/bin/bash\n" if script == "barred" else script)
        (folder / name).chmod(0o644 if script == "barred" else 0o755)


@pytest.mark.parametrize("fault", FAULTS)
def test_every_way_of_failing_has_a_sentence_of_its_own(broken: Path, fault: str) -> None:
    place(broken, "tool", fault)
    begin = time.monotonic()
    answer = ask("tool", patience=0.5)
    assert not answer.ok and answer.error.startswith("tool: ")
    assert FAULTS[fault][1] in answer.error
    assert answer.error.isprintable()
    assert time.monotonic() - begin < 5


@pytest.mark.parametrize("fault", QUICK)
def test_the_doctor_says_what_is_wrong_with_nvidia_smi(broken: Path, fault: str) -> None:
    place(broken, "nvidia-smi", fault)
    found = list(machine.capacity(None))
    told = [each for each in found if "GPUs of this machine are not seen" in each.what]
    assert len(told) == (fault != "missing")  # a machine without GPUs has none
    assert all(FAULTS[fault][1] in each.what for each in told)


@pytest.mark.parametrize("fault", QUICK)
@pytest.mark.parametrize("name", slurm.PROGRAMS)
def test_the_doctor_ends_with_a_sentence_whichever_command_of_slurm_is_broken(
    broken: Path, name: str, fault: str
) -> None:
    for program in slurm.PROGRAMS:
        place(broken, program, "fails")
    (broken / "scontrol").write_text("#!/bin/bash\necho Slurmctld is UP")
    (broken / name).unlink()
    place(broken, name, fault)
    first = slurm.reachable()
    findings = [first] if first.level == "problem" else list(slurm.describe(site.Site.read()))
    assert all(isinstance(each, Finding) for each in findings)
    if fault in ("missing", "barred"):
        assert name in first.what and first.level == "problem"
    elif name == "scontrol":
        assert first.level == "problem" and FAULTS[fault][1] in first.what


@pytest.mark.parametrize("silent", ["scontrol", "sinfo", "sacctmgr"])
@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("echo no such luck >&2; exit 1", "no such luck"),
        (GARBAGE, "its answer is no text"),
        ("echo Welcome to all", "found 'Welcome to all'"),
    ],
)
def test_what_slurm_does_not_tell_the_doctor_is_not_taken_for_nothing(
    broken: Path, silent: str, answer: str, words: str
) -> None:
    """No partition, no GPU, no account: only where SLURM said so."""
    answers = {
        "scontrol": "echo PartitionName=main State=UP",
        "sinfo": "echo 'n1|main*|idle|4|9|gpu:2|(null)'",
        "sacctmgr": "echo research",
    } | {silent: answer}
    answers["scontrol"] = (
        f'if [[ "$*" == *partition* ]]; then {answers["scontrol"]}; '
        "else echo SLURM_VERSION = 22; echo ClusterName = c; fi"
    )
    for name, script in answers.items():
        (broken / name).write_text(f"#!/bin/bash\n{script}\n")
        (broken / name).chmod(0o755)
    found = list(slurm.describe(site.Site.read()))
    told = [each.what for each in found if each.level == "ok"]
    (warned,) = [each.what for each in found if each.level != "ok"]
    assert words in warned and silent in warned
    assert ("partitions: main" in " ".join(told)) == (silent != "scontrol")
    assert ("GPUs: 2 gpu" in told) == (silent != "sinfo") and "GPUs: none" not in told
    assert ("accounts of yours: research" in " ".join(told)) == (silent != "sacctmgr")


@pytest.mark.parametrize("fault", QUICK)
def test_the_doctors_job_of_which_slurm_says_nothing_is_not_taken_for_one_that_waits(
    broken: Path, fault: str
) -> None:
    place(broken, "scontrol", fault)
    probed = probing.ProbeResult(job_id="7")
    assert probing._query_state(probed) == {}
    (light,) = job_requests(None, {}, "", "")
    (finding,) = verdict.judge(probed, light, None, 60)
    assert finding.level == "problem" and FAULTS[fault][1] in finding.what
    assert "busy" not in finding.what and "scontrol show job 7" in finding.way_out


@pytest.mark.parametrize("said", ["Welcome", "a=b c=d", "JobId=7 JobState=RUNNING ExitCode=x:y"])
def test_the_doctor_takes_no_other_text_for_the_state_of_its_job(broken: Path, said: str) -> None:
    (broken / "scontrol").write_text(f"#!/bin/bash\necho {said}")
    (broken / "scontrol").chmod(0o755)
    probed = probing.ProbeResult(job_id="7", state="PENDING")
    probing._query_state(probed)
    assert (probed.state, probed.exit_code) == (
        "RUNNING" if "JobState" in said else "PENDING",
        0,
    )
    assert ("expected" in probed.state_error) == ("JobState" not in said)


@pytest.mark.parametrize("said", ["printf '\\377\\n'", "echo Welcome"])
def test_a_job_that_sbatch_may_have_made_is_cancelled_by_name(broken: Path, said: str) -> None:
    (broken / "sbatch").write_text(f"#!/bin/bash\n{said}")
    (broken / "scancel").write_text(f'#!/bin/bash\necho "$@" >> {broken}/cancelled')
    for name in ("sbatch", "scancel"):
        (broken / name).chmod(0o755)
    (light,) = job_requests(None, {}, "", "")
    probed = probing.ProbeResult()
    probing._submit(light, "its-name", "#!/bin/bash", probed)
    assert probed.refused and not probed.job_id
    probing._cancel("its-name", probed)
    assert (broken / "cancelled").read_text() == "--quiet --name=its-name\n"


def test_a_warning_of_nvidia_smi_is_no_gpu(broken: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it prints them for a GPU whose infoROM is corrupted."""
    warning = "echo 'WARNING: infoROM is corrupted at gpu 0000:3B:00.0'"
    (broken / "nvidia-smi").write_text(
        f"""#!/bin/bash
        {warning}
        [[ "$*" == *power* ]] && echo '50, 1000, 70.5' || echo '0, NVIDIA H100'
        {warning}
        """
    )
    (broken / "nvidia-smi").chmod(0o755)
    assert machine.local_gpus() == ["NVIDIA H100"]
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    watching = monitor.Monitor(os.getpid())
    watching._visible = None
    gpus = {key: value for key, value in watching.sample().items() if "gpu" in key}
    assert gpus == {
        "system/gpu_0_utilization_percentage": 50,
        "system/gpu_0_memory_usage_megabytes": 1000,
        "system/gpu_0_power_usage_watts": 70.5,
    }


@pytest.mark.parametrize("fault", QUICK)
@pytest.mark.parametrize("answered", ["HEAD|*toplevel", "HEAD|*toplevel|*=no"])
def test_provenance_claims_nothing_that_git_did_not_answer(
    broken: Path, fault: str, answered: str
) -> None:
    """A git that says where it is, and then nothing of the files."""
    commit, top = "0" * 40, Path(machine.__file__).parents[3]
    place(broken, "rest", fault)
    (broken / "git").write_text(
        f"""#!/bin/bash
        case "$*" in *{answered}) ;; *) exec {broken}/rest ;; esac
        case "$*" in *HEAD) echo {commit} ;; *toplevel) echo {top} ;; esac
        """
    )
    (broken / "git").chmod(0o755)
    found = commit_of([top / "pyproject.toml"])
    assert found == {"git_commit": commit, "git_dirty": None, "not_in_commit": []}


@pytest.mark.parametrize("top", ["Welcome", "/no/such/folder"])
def test_provenance_takes_no_other_text_for_a_checkout(broken: Path, top: str) -> None:
    (broken / "git").write_text(
        f"#!/bin/bash\ncase $* in *HEAD) echo {'0' * 40} ;; *toplevel) echo {top} ;; esac"
    )
    (broken / "git").chmod(0o755)
    assert commit_of([])["git_commit"] is None


@pytest.mark.parametrize("fault", QUICK)
def test_provenance_without_git_says_that_it_does_not_know(broken: Path, fault: str) -> None:
    place(broken, "git", fault)
    found = commit_of([])
    assert found["git_commit"] is None and found["git_dirty"] is None


@pytest.mark.parametrize("fault", FAULTS)
def test_the_doctors_job_reports_whatever_scontrol_and_its_python_answer(
    broken: Path, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("scontrol", "python"):
        place(broken, name, fault)
    monkeypatch.setattr(sys, "executable", str(broken / "python"))
    for patience in ("REQUEUE_PATIENCE", "CUDA_PATIENCE"):
        monkeypatch.setattr(probe, patience, 0.5)
    question = {"seconds": 1, "tracking": None, "internet": None, "gpus": True}
    room = broken / "room"
    room.mkdir()
    (room / "question.json").write_text(json.dumps({**question, "working_folder": str(room)}))
    (room / "ping").touch()
    begin = time.monotonic()
    assert probe.main(room) == 0
    assert time.monotonic() - begin < 10
    requeue = json.loads((room / "requeue.json").read_text())["error"]
    cuda = json.loads((room / "report.json").read_text())["cuda"]["error"]
    assert requeue.startswith("scontrol: ") and cuda.startswith("python: ")
    for error in (requeue, cuda):
        assert FAULTS[fault][1] in error and error.isprintable()


@pytest.mark.parametrize("line", ["Welcome", "lib: v1 for you", "12", "null"])
def test_the_doctors_job_reads_torchs_versions_between_lines_that_others_write(
    broken: Path, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(broken / "python"))
    said = '{"torch": "2.8.0", "cuda": "12.8", "count": 2}'
    (broken / "python").write_text(f"#!/bin/bash\necho {line}; echo '{said}'; echo {line}")
    (broken / "python").chmod(0o755)
    assert probe.cuda() == {"torch": "2.8.0", "cuda": "12.8", "count": 2}
    (broken / "python").write_text(f"#!/bin/bash\necho {line}")
    error = probe.cuda()["error"]
    assert error == f"python: expected what torch says of the GPUs, found {line!r}"


def test_a_server_that_answers_nonsense_is_reported_in_a_sentence(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"\xff\xfe\0garbage\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        target = f"http://127.0.0.1:{server.getsockname()[1]}"
        told = probe.together({"it": lambda: probe.reach(target, 5)}, 5)["it"]
        thread.join()
    assert told == "its answer is not HTTP"
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("address", "words"),
    [("http://127.0.0.1:abc/", "nonnumeric port: 'abc'"), ("http://127.0.0.1/a b", "'/a b'")],
)
def test_an_invalid_address_is_reported_as_such(address: str, words: str) -> None:
    told = probe.reach(address, 5)
    assert told is not None and words in told and "HTTP" not in told


def test_a_server_that_closes_without_a_word_has_not_answered() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def close() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)

        thread = threading.Thread(target=close)
        thread.start()
        told = probe.reach(f"http://127.0.0.1:{server.getsockname()[1]}", 5)
        thread.join()
    assert told == "Remote end closed connection without response"


def test_tabs_of_an_error_are_blanks(broken: Path) -> None:
    (broken / "tool").write_text("#!/bin/bash\nprintf 'no\\tsuch luck' >&2; exit 1")
    (broken / "tool").chmod(0o755)
    assert ask("tool").error == "tool: no such luck"


def test_a_driver_that_does_not_answer_is_asked_ever_more_rarely_and_logged_once(
    broken: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    calls = broken / "calls"
    place(broken, "nvidia-smi", "silent")
    (broken / "nvidia-smi").write_text(f"#!/bin/bash\necho >> {calls}; /bin/sleep 1000")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(monitor, "PATIENCE", 2)
    # Of a process that has not its variable: that of the test's own is as it was when it began.
    watching = monitor.Monitor(os.getpid())
    watching._visible = None
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert not [key for key in watching.sample() if "gpu" in key]
    assert len(calls.read_text().splitlines()) == 1
    assert [record.getMessage() for record in caplog.records] == [
        "What the GPUs do is not sampled for now: nvidia-smi: no answer within 2 s."
    ]
