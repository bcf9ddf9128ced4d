"""Remove what a successful job left, if the user asked for it."""

import shutil
from pathlib import Path

from snakemake_executor_plugin_submitit.registry.registry import Entry


def clean(entry: Entry) -> None:
    """Remove a job's files, and its submission's folder with the last of its jobs."""
    folder = Path(entry.folder)
    if not entry.array:
        shutil.rmtree(folder, ignore_errors=True)
        return
    for pattern in (f"{entry.index}.*", f"task-{entry.index}.pkl", f"{entry.job_id}_*"):
        for path in folder.glob(pattern):
            path.unlink(missing_ok=True)
    if not any(folder.glob("task-*.pkl")):
        shutil.rmtree(folder, ignore_errors=True)
