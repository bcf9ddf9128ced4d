"""The section `task`: what is to be told apart."""

from typing import Literal

from pydantic import model_validator

from bakeoff.config.schema.section import Label, Section
from bakeoff.task.kinds import KEYS


class Task(Section):
    """What is to be told apart: two classes, several classes, or several findings."""

    kind: Literal["binary", "multiclass", "multilabel"] = "binary"
    negative: tuple[Label, ...] | None = None  # binary: labels of class 0, as data.negative
    positive: tuple[Label, ...] | None = None  # binary: labels of class 1, as data.positive
    classes: tuple[Label, ...] | None = (
        None  # multiclass: the classes in order; None: those of the data
    )
    findings: tuple[Label, ...] | None = None  # multilabel: the findings, each there or not
    none: tuple[Label, ...] | None = None  # multilabel: labels that say that there is no finding
    ignore: tuple[Label, ...] | None = (
        None  # multilabel: labels that are not learned; multiclass: classes whose rows are left out
    )

    @model_validator(mode="after")
    def _keys_are_of_the_kind(self) -> "Task":
        taken = KEYS[self.kind]
        given = {key for key in self.model_fields_set if getattr(self, key) is not None}
        for key in sorted(given - {"kind", *taken}):
            owner = next(kind for kind, keys in KEYS.items() if key in keys)
            raise ValueError(
                f"'{key}' is for 'kind: {owner}', this is 'kind: {self.kind}'"
                + (f", which takes {', '.join(map(repr, taken))}" if taken else "")
            )
        for key in taken:
            names = getattr(self, key)
            if names is not None and (twice := sorted({n for n in names if names.count(n) > 1})):
                raise ValueError(f"'{key}' names {', '.join(map(repr, twice))} more than once")
        return self
