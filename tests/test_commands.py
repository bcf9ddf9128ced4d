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
from bakeoff.doctor import machine, probe, site, slurm
from bakeoff.doctor.findings import Finding
from bakeoff.tracking import monitor
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
def test_every_way_of_failing_is_told_in_a_sentence_of_its_own(broken: Path, fault: str) -> None:
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


@pytest.mark.parametrize("line", ["Welcome", "lib: v1 for you", "a 12 x", "a b 3.5"])
def test_the_doctors_job_reads_torchs_versions_between_lines_that_others_write(
    broken: Path, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(broken / "python"))
    (broken / "python").write_text(f"#!/bin/bash\necho {line}; echo 2.8.0 12.8 2; echo {line}")
    (broken / "python").chmod(0o755)
    assert probe._cuda() == {"torch": "2.8.0", "cuda": "12.8", "count": "2"}
    (broken / "python").write_text(f"#!/bin/bash\necho {line}")
    error = probe._cuda()["error"]
    assert error == f"python: expected torch's version, CUDA's and the GPUs, found {line!r}"


def test_a_server_that_talks_nonsense_is_told_in_a_sentence(
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


def test_a_driver_that_is_silent_is_asked_ever_more_rarely_and_told_once(
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
