"""Remove what a successful job left, if the user asked for it."""

import shutil
from pathlib import Path

from snakemake_executor_plugin_submitit.layout import log_in
from snakemake_executor_plugin_submitit.registry.registry import Entry


def clean(entry: Entry, keep_log: bool = False) -> None:
    """Remove a job's files, and its submission's folder with the last of its jobs.

    `keep_log` leaves its log, and the folder with it.
    """
    folder, logs = Path(entry.folder), Path(entry.logs or entry.folder)
    own = [f"{entry.index}.*", f"task-{entry.index}.pkl", f"{entry.job_id}_*"]
    own += [] if entry.array else ["*.sh"]
    kept = log_in(logs, entry.job_id) if keep_log else None
    for place in {folder, logs}:
        for pattern in own:
            for path in place.glob(pattern):
                if path != kept:
                    path.unlink(missing_ok=True)
    if any(folder.glob("task-*.pkl")):
        return
    # What is left is the script, which `job_id` does not name where it is an array's.
    for place in {folder, logs}:
        if not any(place.glob("*_log.out")):
            shutil.rmtree(place, ignore_errors=True)
