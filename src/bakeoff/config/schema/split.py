"""The section `split`: which rows go where, drawn or as they were given."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_serializer, model_validator
from pydantic.json_schema import SkipJsonSchema

from bakeoff.config.schema.section import Name, Section

FOLDERS = "folders"


class Given(Section):
    """A split that the data brings along: by a column, by folders, or by lists of image names."""

    column: str | None = None  # of the table, with the name of a split in each row
    train: Path | None = None  # a list of images to train on, a name on each line (.txt, .txt.gz)
    val: Path | None = (
        None  # a list of images to validate on; without one, `val` cuts them from training
    )
    test: Path | None = None  # a list of images to test on
    folders: SkipJsonSchema[bool] = False  # written as the word

    @model_validator(mode="after")
    def _is_one_of_three(self) -> "Given":
        if self.folders + (self.column is not None) + bool(self.lists) != 1:
            raise ValueError(
                "expected a column, {column: NAME}, or 'folders', or lists of images, {train: FILE, "
                "test: FILE}"
            )
        if self.lists and (missing := {"train", "test"} - self.lists.keys()):
            raise ValueError(
                f"expected lists for train and test, and for val if there is one: '{missing.pop()}' is "
                "missing"
            )
        return self

    @classmethod
    def read(cls, written: Any) -> "Given":
        """What `split.given` says, as a configuration or an audit.json writes it."""
        return cls.model_validate(_by_name(written))

    @property
    def lists(self) -> dict[str, Path]:
        """The list of each split that has one."""
        named = {"train": self.train, "val": self.val, "test": self.test}
        return {name: path for name, path in named.items() if path is not None}

    @property
    def words(self) -> str:
        """What says the split of each image, in words."""
        if self.column is not None:
            return f"the table's column '{self.column}'"
        if self.folders:
            return "the folders of the images"
        *first, last = map(str, self.lists.values())
        return f"the lists {', '.join(first)} and {last}"

    @model_serializer
    def _written(self) -> str | dict[str, str]:
        """As short as it can be written."""
        if self.folders:
            return FOLDERS
        if self.column is not None:
            return {"column": FOLDERS} if self.column == FOLDERS else self.column
        return {name: str(path) for name, path in self.lists.items()}


def _by_name(written: Any) -> Any:
    """A word as the mapping that it stands for: `folders`, or the name of a column."""
    if not isinstance(written, str):
        return written
    return {"folders": True} if written == FOLDERS else {"column": written}


def _images_or_share(written: Any) -> Any:
    try:
        value = float(written)
    except (TypeError, ValueError, OverflowError):
        value = 0.0
    if value >= 2 and value.is_integer():
        return int(value)
    if not 0 < value < 1:
        raise ValueError(
            f"expected a number of images, at least 2, or a share below 1, found {written!r}"
        )
    return value


class Design(Section):
    """One way to split: how many rows go where; `group_by` keeps the rows of a group (a patient) together."""

    train: int = Field(600, ge=2)  # images, exactly
    val: Annotated[int | float, BeforeValidator(_images_or_share)] = (
        200  # with `given`, where that has none: so many of the training images, or a share of them
    )
    test: int = Field(200, ge=2)  # images, exactly
    seed: int = Field(0, ge=0, lt=2**32)
    group_by: str | None = "Patient ID"  # unless given, the data's patient_column
    stratify: bool = True  # the same share of every class in each split
    given: Annotated[
        Given | None, BeforeValidator(_by_name, json_schema_input_type=str | Given | None)
    ] = None  # a column with the split of each row, folders, or lists of images
    allow_leaks: bool = False  # of a given split: go on though it has a patient or an image twice

    @model_validator(mode="after")
    def _given_has_its_sizes(self) -> Self:
        if self.given is not None:
            if sized := self.model_fields_set & {"train", "test"}:
                raise ValueError(
                    f"'given' takes the rows of each split from {self.given.words}: leave out "
                    f"{' and '.join(repr(key) for key in sorted(sized, reverse=True))}"
                )
            return self
        if self.val < 1:
            raise ValueError(
                f"'val: {self.val:g}' is a share of the training images of a split that is given; "
                "without 'given' write how many images"
            )
        if self.allow_leaks:
            raise ValueError("'allow_leaks' is of a split that is given, and there is no 'given'")
        return self

    def settings(self) -> dict[str, Any]:
        """As plain JSON values that can be read again, without sizes that the table determines."""
        sizes = {"train", "test", "val"} - (self.model_fields_set & {"val"})
        return self.model_dump(mode="json", exclude=sizes if self.given is not None else None)

    def written(self) -> dict[str, Any]:
        """The keys that were written, with their values."""
        return {key: getattr(self, key) for key in self.model_fields_set}


SeveralWays = Literal["repeats", "folds", "designs"]
"""The keys that split the same data several ways, of which a split has one at most."""

SEVERAL: tuple[SeveralWays, ...] = ("repeats", "folds", "designs")

TAKEN = {
    "baselines", "comparison", "conclusion", "figures", "logs", "looks", "model_card", "overview", "packed",
    "pretraining", "registered", "report", "rounds", "runs", "splits", "tracked",
}  # fmt: skip
"""What a results folder has already, without endings: no name of a design, which is a folder there."""

YAMLS = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}


class Split(Design):
    """A split; with one of SEVERAL the data is split several ways.

    Each way is a part of the experiment, with a name and results of its own.
    """

    repeats: int | None = Field(
        None, ge=2, le=100
    )  # draw so many splits, with seeds from `seed` on, and run everything on each
    folds: int | None = Field(
        None, ge=3, le=100
    )  # cross-validation: cut the images of all three sizes into so many folds, each of which tests once
    designs: dict[Name, Design] | None = (
        None  # splits beside each other, by name; each changes the keys that it has
    )
    part: str | None = None  # run only this repeat, fold or design: repeat-1, fold-1, its name

    @model_validator(mode="after")
    def _names_its_parts(self) -> Self:
        several = [key for key in SEVERAL if getattr(self, key) is not None]
        if len(several) > 1:
            raise ValueError(f"'{several[0]}' and '{several[1]}' exclude each other: choose one")
        if several and self.given is not None:
            raise ValueError(f"'{several[0]}' draws splits, and 'given' has one: leave one out")
        if self.part is not None and not several:
            raise ValueError(
                "'part' is of a split with repeats, folds or designs, and there is none"
            )
        for name in self.designs or {}:
            if name.partition(".")[0] in TAKEN:
                raise ValueError(f"designs.{name}: the results have a file or folder of that name")
            if not re.match("[A-Za-z]", name) or name.lower() in YAMLS:
                raise ValueError(
                    f"designs.{name}: expected a name that begins with a letter and is no word of YAML"
                )
            self.of_part(name)
        if self.repeats and self.seed + self.repeats > 2**32:
            raise ValueError(
                f"seed: {self.seed} leaves no room for {self.repeats} seeds below 2**32"
            )
        if self.designs is not None and len(self.designs) < 2:
            raise ValueError("designs: expected at least two, to compare")
        if self.part is not None and self.part not in self.part_names:
            raise ValueError(
                f"part: expected one of {', '.join(self.part_names)}, found '{self.part}'"
            )
        return self

    @property
    def several(self) -> SeveralWays | None:
        """Which of SEVERAL it has."""
        return next((key for key in SEVERAL if getattr(self, key) is not None), None)

    @property
    def part_names(self) -> list[str]:
        """The names of its parts, which are also folders; empty where the data is split one way."""
        if self.designs is not None:
            return list(self.designs)
        word, count = ("repeat", self.repeats) if self.repeats else ("fold", self.folds or 0)
        return [f"{word}-{number}" for number in range(1, count + 1)]

    @property
    def fold(self) -> int | None:
        """Which fold tests, from 1 on; None where it is no fold of several."""
        return None if not self.folds or self.part is None else 1 + self.part_names.index(self.part)

    def of_part(self, name: str) -> "Split":
        """The split of one part. A repeat and a design are as if they were written by themselves."""
        if self.folds:
            return self.model_copy(update={"part": name})
        alone = {"repeats": None, "designs": None, "part": None}
        if self.designs is None:
            number = self.part_names.index(name)
            return self.model_copy(update={**alone, "seed": self.seed + number})
        base, own = self.written(), self.designs[name].written()
        if own.get("given") is not None:  # it has its sizes from the data
            base = {
                key: value for key, value in base.items() if key not in ("train", "val", "test")
            }
        return Split.model_validate({**base, **own, **alone})

    def settings(self) -> dict[str, Any]:
        """As in a design; without the keys of several ways where there is one."""
        absent = [key for key in (*SEVERAL, "part") if getattr(self, key) is None]
        return {key: value for key, value in super().settings().items() if key not in absent}
