"""A workload that counts, and saves when it is told to: `counting.py NAME STEPS SECONDS [deaf]`.

It is to the executor what a training run is: many steps, a checkpoint, a result at the end. Every
step and every start is noted, so that a test sees what was repeated. The last step waits as long as
there is a file `hold`, so that no job ends before a test has disturbed it.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path


def main(name: str, steps: int, seconds: float, deaf: bool) -> int:
    """Count to `steps`; 75 when stopped by a notice after saving."""
    notice = Path(os.environ["SNAKEMAKE_JOB_NOTICE"])
    state, notes = Path(f"{name}.state"), Path(f"{name}.notes")
    begin = json.loads(state.read_text())["step"] if state.exists() else 0
    if not deaf:
        # SLURM sends SIGTERM to every process of a job; the notice comes by file.
        signal.signal(signal.SIGTERM, lambda *_: None)
        signal.signal(signal.SIGUSR2, lambda *_: note(notes, "signal"))
        with Path(f"{notice}.pid").open("a") as stream:
            stream.write(f"{os.getpid()}\n")
    note(notes, f"start {begin} {os.environ.get('SLURM_JOB_ID', '')}")
    done, hold = begin, Path("hold")
    while done < steps:
        time.sleep(seconds)
        if done < steps - 1 or not hold.exists():
            note(notes, f"step {done}")
            done += 1
        if not deaf and notice.exists():
            state.write_text(json.dumps({"step": done}))
            Path(f"{notice}.saved").touch()
            note(notes, f"saved {done} {notice.read_text().strip()}")
            return 75
    Path(f"{name}.done").write_text(f"{steps}\n")
    return 0


def note(notes: Path, text: str) -> None:
    """Append a line, at once on disk."""
    with notes.open("a") as stream:
        stream.write(f"{text}\n")


if __name__ == "__main__":
    _, name, steps, seconds, *rest = sys.argv
    sys.exit(main(name, int(steps), float(seconds), rest == ["deaf"]))
