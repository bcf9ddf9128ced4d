"""The section `split`: which rows go where, drawn or as they were given."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_serializer, model_validator
from pydantic.json_schema import SkipJsonSchema

from bakeoff.config.schema.section import Section

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


class Split(Section):
    """How many rows go where; `group_by` keeps the rows of a group (a patient) together."""

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
    def _given_has_its_sizes(self) -> "Split":
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
