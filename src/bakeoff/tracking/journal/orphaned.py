"""Runs whose job is gone without a word: the node failed, or the job was killed with all its processes.

Their journal ends with RUNNING. Whoever syncs says for them that they were killed, and when they last
gave a sign of life. SLURM may start such a job again, hours later: its RUNNING then opens the run again,
and so do new metrics of a job that was only suspended.
"""

import platform
from datetime import UTC, datetime
from pathlib import Path

from bakeoff.layout import RunFolder
from bakeoff.locking import is_silent, last_sign
from bakeoff.tracking.journal.events import Status
from bakeoff.tracking.journal.journal import Journal
from bakeoff.tracking.journal.run_state import RunState


def mark_if_orphaned(journal: Path, run_state: RunState) -> bool:
    """Write KILLED into the journal of a run that says RUNNING and that nobody trains; whether it did."""
    state = run_state.state
    lock = RunFolder(journal.parent).lock
    if state is None or state.status != "RUNNING" or not is_silent(lock, journal):
        return False
    seen = last_sign(lock, journal)
    process = run_state.jobs[-1].process
    job = f", SLURM job {process['slurm_job_id']}" if "slurm_job_id" in process else ""
    when = datetime.fromtimestamp(seen, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    Journal(journal).append(
        Status(
            time=seen,
            status="KILLED",
            error=f"No sign of life since {when} from process {process.get('pid', '?')} on "
            f"{process.get('host', '?')}{job}: the machine failed, or the job was killed. "
            "It goes on when its job starts again.",
            process={**process, "noticed_by": platform.node()},
        )
    )
    return True
