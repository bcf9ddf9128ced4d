"""One writer per run: the second process waits for the first, and can be told to stop waiting."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from bakeoff.training.run_lock import exclusive
from bakeoff.training.stop import StopNotice, Stopped


def holder(folder: Path, seconds: float) -> subprocess.Popen[str]:
    """A process that holds the lock of `folder`, and has said so."""
    code = f"""
        import time
        from pathlib import Path
        from bakeoff.training.run_lock import exclusive
        from bakeoff.training.stop import StopNotice
        with StopNotice() as notice, exclusive(Path({str(folder)!r}), notice):
            print("held", flush=True)
            time.sleep({seconds})
            Path({str(folder / "left")!r}).touch()
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_the_second_process_waits_for_the_first_and_says_for_whom(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with holder(tmp_path, 1.5) as process:
        with StopNotice() as notice, exclusive(tmp_path, notice):
            assert (tmp_path / "left").exists(), "never two at once"
        assert process.wait() == 0
    assert f"process {process.pid} on " in caplog.text
    assert caplog.text.count("waiting for it to end") == 1


def test_a_dead_process_holds_nothing(tmp_path: Path) -> None:
    with holder(tmp_path, 600) as process:
        process.kill()
        process.wait()
        started = time.monotonic()
        with StopNotice() as notice, exclusive(tmp_path, notice):
            assert time.monotonic() - started < 30


def test_a_waiting_job_stops_after_a_notice(tmp_path: Path) -> None:
    with holder(tmp_path, 600) as process:
        try:
            with (
                StopNotice() as notice,
                pytest.raises(Stopped, match=f"SIGTERM: process {process.pid} on .* still trains"),
            ):
                os.kill(os.getpid(), signal.SIGTERM)
                with exclusive(tmp_path, notice):
                    pytest.fail("the lock was held by another")
        finally:
            process.kill()
