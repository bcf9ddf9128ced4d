"""The lines of a configuration that would fit its table, where it does not."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd
import yaml

from bakeoff.config.schema import Data, Split, Task
from bakeoff.data.guess import Guess, guess, listing, sizes
from bakeoff.data.tables import inspect_labels
from bakeoff.task.classification import ClassificationTask
from bakeoff.task.likely import Likely


class Proposal(NamedTuple):
    """Keys to change, as YAML ("" for none), and the data and split with them applied."""

    lines: str
    data: Data
    split: Split


def proposal(data: Data, split: Split) -> Proposal:
    """What would fit the table; nothing where it cannot be read."""
    table = inspect_labels(data.model_copy(update={"rows": None})).table
    if table is None:
        return Proposal("", data, split)
    frame = table.frame
    roles = {"image": data.image_column, "label": data.label_column, "patient": data.patient_column}
    known = {role: name for role, name in roles.items() if name in frame}
    guessed = guess(frame, listing(data.images), known)
    # Where some findings have columns, the others are missing, and no other column is asked for.
    partly = data.written_task.columns_hint(frame) != ""
    own = partly or data.written_task.is_labelled(frame, data.label_column)
    new = _columns(data, frame, guessed, own)
    notes = {"patient_column": "the table does not say who is on an image"}
    if guessed.patient is not None:
        notes = {}
    task, others = Task.model_validate(data.task.model_dump()), list[Likely]()
    label = data.label_column if own else guessed.label or data.label_column
    if guessed.tasks and not partly and not data.written_task.knows(frame, label):
        # The kind that the configuration asks for goes before a likelier one.
        best = min(guessed.tasks, key=lambda one: one.task.kind != data.task.kind)
        others = [one for one in guessed.tasks if one is not best]
        sections = best.task.as_written
        new |= sections.get("data", {})
        notes["negative"] = best.doubt
        task = Task.model_validate(sections.get("task", {"kind": best.task.kind}))
    if data.rows is not None and data.rows > len(frame):
        new["rows"] = None
        notes["rows"] = f"all {len(frame)}"
    lines = [] if task == data.task else [f"task: {written(task.model_dump(exclude_none=True))}"]
    lines += ["data:"] * bool(new)
    lines += [
        f"  {key}: {written(value)}{comment(notes.get(key, ''))}" for key, value in new.items()
    ]
    lines += [f"# or {written_task(one.task)}{comment(one.asks)}" for one in others]
    mended = data.model_copy(update={**new, "task": task})
    if split.group_by == data.patient_column:
        split = split.model_copy(update={"group_by": mended.patient_column})
    if too_few(len(frame), split):
        asked = dict(zip(("train", "val", "test"), sizes(len(frame)), strict=True))
        split = split.model_copy(update=asked)
        lines.append(f"split: {written(asked)}")
    return Proposal("\n".join(lines), mended, split)


def _columns(data: Data, frame: pd.DataFrame, guessed: Guess, labelled: bool) -> dict[str, Any]:
    """The keys of columns that the table calls otherwise; it may be `labelled` as it is."""
    new: dict[str, Any] = {}
    if guessed.image is not None and guessed.image != data.image_column:
        new["image_column"] = guessed.image
    if guessed.label is not None and not labelled and guessed.label != data.label_column:
        new["label_column"] = guessed.label
    made = data.patient_pattern is not None  # by the images' names
    if data.patient_column is not None and data.patient_column not in frame and not made:
        new["patient_column"] = guessed.patient
    return new


def written_task(task: ClassificationTask) -> str:
    """The one line of a configuration that asks for the task."""
    return f"task: {written(task.as_written.get('task') or task.as_json())}"


def written(value: str | Sequence[Any] | Mapping[str, Any] | None) -> str:
    """A word, a list or a mapping in YAML, on one line, that reads back as it is; None is null."""
    if value is None:
        return "null"
    plain = list(value) if isinstance(value, tuple) else value
    text: str = yaml.safe_dump(
        plain, default_flow_style=True, sort_keys=False, width=10**6, allow_unicode=True
    )
    return text.removesuffix("\n").removesuffix("\n...").strip()


def comment(words: str) -> str:
    """Words behind a line of YAML; nothing for none."""
    return f"  # {words}" if words else ""


def too_few(rows: int, split: Split) -> bool:
    """Whether the split is to have more rows than there are."""
    return split.given is None and rows_wanted(split) > rows


def rows_wanted(split: Split) -> int:
    """The rows of all three splits together."""
    return split.train + int(split.val) + split.test
