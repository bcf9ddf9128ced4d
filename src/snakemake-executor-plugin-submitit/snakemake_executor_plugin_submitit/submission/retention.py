"""How long the files of jobs are kept: those that nobody needs any more go after a number of days."""

import re
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from snakemake_executor_plugin_submitit.layout import Layout
from snakemake_executor_plugin_submitit.records import UnreadableError
from snakemake_executor_plugin_submitit.registry.registry import Registry

DAY = 86_400.0
# The name of a submission's folder; whatever else lies there is not ours to delete.
SUBMISSION = re.compile(r"\d{8}-\d{6}-.*-[0-9a-f]{8}")


def delete_old(registry: Registry, days: float, log: Callable[[str], None]) -> None:
    """Delete submissions with their logs in which nothing was written for so many days; 0: none.

    One that the registry names is kept, however old: its job may run, or wait to be taken over.
    """
    if days <= 0:
        return
    layout = registry.layout
    try:
        needed = {Path(entry.folder).name for entry in registry.entries()}
    except UnreadableError as error:
        log(f"No old logs are deleted: {error}, so which of them a job still needs is not known.")
        return
    old = [
        folder
        for folder in layout.root.iterdir()
        if SUBMISSION.fullmatch(folder.name)
        and folder.name not in needed
        and time.time() - _written(layout, folder) > days * DAY
    ]
    for folder in old:
        shutil.rmtree(layout.logs_of(folder), ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)
    if old:
        log(f"The files of {len(old)} submissions older than {days:g} days are deleted.")


def _written(layout: Layout, folder: Path) -> float:
    """When something was last written there; now, where that cannot be told."""
    times = []
    for place in {folder, layout.logs_of(folder)}:
        with suppress(FileNotFoundError):
            times += [path.lstat().st_mtime for path in (place, *place.iterdir())]
    return max(times, default=time.time())
