"""Orphaned runs: their job ended without journalling it, since the node failed or all processes were killed.

Their journal ends with RUNNING. A sync then journals KILLED for them, with the time of their last
heartbeat. SLURM may start such a job again hours later: its RUNNING reopens the run, and so do new
metrics of a job that was only suspended.
"""

import platform
from datetime import UTC, datetime
from pathlib import Path

from bakeoff.layout import RunFolder
from bakeoff.locking import is_stale, last_heartbeat
from bakeoff.tracking.journal.events import Status
from bakeoff.tracking.journal.journal import Journal
from bakeoff.tracking.journal.run_state import RunState


def mark_if_orphaned(journal: Path, run_state: RunState) -> bool:
    """Journal KILLED for a run whose state is RUNNING and whose lock is stale; returns whether it did."""
    state = run_state.state
    lock = RunFolder(journal.parent).lock
    if state is None or state.status != "RUNNING" or not is_stale(lock, journal):
        return False
    seen = last_heartbeat(lock, journal)
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
