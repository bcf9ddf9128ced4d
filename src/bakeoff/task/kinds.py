"""The kinds of task there are, and a task from how it is written."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bakeoff.files import read_json
from bakeoff.task.binary import BinaryTask
from bakeoff.task.classification import ClassificationTask
from bakeoff.task.multiclass import MulticlassTask
from bakeoff.task.multilabel import NONE, MultilabelTask

KEYS: dict[str, tuple[str, ...]] = {
    BinaryTask.kind: ("negative", "positive"),
    MulticlassTask.kind: ("classes", "ignore"),
    MultilabelTask.kind: ("findings", "none", "ignore"),
}
"""The keys of `task` that each kind takes, beside `kind`."""


def task_of(written: Mapping[str, Any]) -> ClassificationTask:
    """The task that `as_json` wrote, or that a configuration's checked `task` describes."""

    def names(key: str, default: Sequence[str] = ()) -> tuple[str, ...]:
        value = written.get(key)
        return tuple(default if value is None else map(str, value))

    match written.get("kind", BinaryTask.kind):
        case MulticlassTask.kind:
            return MulticlassTask(names("classes"), names("ignore"))
        case MultilabelTask.kind:
            return MultilabelTask(names("findings"), names("none", NONE), names("ignore"))
        case _:
            return BinaryTask(names("negative"), names("positive"))


def recorded_task(audit: Path) -> ClassificationTask | None:
    """The task that the split stage recorded in its audit.json; None where there is no such record."""
    written = _read(audit).get("task")
    return task_of(written) if isinstance(written, Mapping) else None


def other_kind(task: ClassificationTask, audit: Path) -> ClassificationTask | None:
    """The task of the splits with that audit.json where it is of another kind than `task`; else None.

    Earlier versions of bakeoff recorded none: they knew binary tasks only.
    """
    found = _read(audit)
    written = found.get("task", {})
    if not found or not isinstance(written, Mapping):
        return None
    held = task_of(written)
    return held if held.kind != task.kind else None


def _read(audit: Path) -> Mapping[str, Any]:
    """The content of audit.json; nothing where it cannot be read, which whoever needs it reports."""
    try:
        return dict(read_json(audit)) if audit.exists() else {}
    except (OSError, ValueError, TypeError):
        return {}
