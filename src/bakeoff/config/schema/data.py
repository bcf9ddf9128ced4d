"""The section `data`: the labelled images."""

import codecs
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    Field,
    PrivateAttr,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic.json_schema import SkipJsonSchema

from bakeoff.config.schema.section import Label, PatientPattern, Section
from bakeoff.config.schema.synthetic import SHAPES_TABLE, Synthetic
from bakeoff.config.schema.task import Task
from bakeoff.task.classification import ClassificationTask
from bakeoff.task.kinds import task_of

NIH_SAMPLE = ("sample_labels.csv", "images")
"""The names of the table and the image folder that `bakeoff fetch` makes of Kaggle's sample."""

NIH_FINDINGS = (
    "Atelectasis",
    "Cardiomegaly",
    "Consolidation",
    "Edema",
    "Effusion",
    "Emphysema",
    "Fibrosis",
    "Hernia",
    "Infiltration",
    "Mass",
    "Nodule",
    "Pleural_Thickening",
    "Pneumonia",
    "Pneumothorax",
)
"""The 14 findings of ChestX-ray14 (Wang et al., CVPR 2017)."""


def _a_separator(text: str) -> str:
    sign = "\t" if text == "tab" else text
    if len(sign) != 1 or sign.isalnum() or sign in '"\r\n ':
        raise ValueError(
            "expected the sign between two cells: ',', ';', '|' or tab, found " + repr(text)
        )
    return sign


def _an_encoding(text: str) -> str:
    try:
        "".encode(text)  # refuses codecs that are not of text, such as rot13
    except LookupError:
        raise ValueError(
            "expected the name of an encoding that Python knows, such as utf-8, cp1252 or utf-16, "
            f"found {text!r}"
        ) from None
    return codecs.lookup(text).name


def _a_suffix(text: str) -> str:
    if not re.fullmatch(r"([\w-]*\.\w+)?", text):
        raise ValueError(
            f"expected the ending of file names with its dot, such as .png, found {text!r}"
        )
    return text


Separator = Annotated[str, AfterValidator(_a_separator)]
"""The sign between two cells of a table."""

Encoding = Annotated[str, AfterValidator(_an_encoding)]
"""How a table's text is stored, by Python's name for it: utf-8, cp1252."""

Suffix = Annotated[str, AfterValidator(_a_suffix)]
"""The ending of file names with its dot, or nothing."""


CLASS_COLUMN, PATIENT_COLUMN = "class", "Patient ID"
"""Columns of splits from class folders, and of patients by their file names."""


class Data(Section):
    """The labelled images, and the meaning of their labels."""

    source: Literal["files", "synthetic", "nih-sample"] = "files"  # else the first job makes them
    layout: Literal["table", "folders"] = "table"  # what says the labels: a CSV, or class folders
    labels: Path | None = Field(None, validate_default=True)  # a CSV; class folders need none
    images: Path  # a folder
    separator: Separator | None = None  # of the table's cells; by default told from its header
    encoding: Encoding = "utf-8"  # of the table
    rows: int | None = Field(None, ge=1)  # only the first rows of the CSV
    image_column: str = "Image Index"  # paths below the folder, or bare names
    suffix: Suffix = (
        ""  # the ending of the image files, where the table's names have none or another
    )
    label_column: str = "Finding Labels"  # several labels are joined by |
    patient_column: str | None = PATIENT_COLUMN  # who is on it; null: nobody says
    patient_pattern: PatientPattern | None = (
        None  # its first group, in the file's name, is the patient
    )
    negative: tuple[Label, ...] = ("No Finding",)  # labels of class 0
    positive: tuple[Label, ...] = NIH_FINDINGS  # labels of class 1
    similar_ids: Literal["merge", "distinct"] | None = None  # `P7` and `p007`: one patient, or two
    synthetic: Synthetic | None = None
    task: SkipJsonSchema[Task] = Task()  # written as a section of its own

    _recorded: ClassificationTask | None = PrivateAttr(None)

    @model_validator(mode="before")
    @classmethod
    def _columns_that_are_made(cls, values: Any) -> Any:
        """The names of columns that no table has: of classes by their folders, of patients by file names."""
        if not isinstance(values, dict):
            return values
        made = dict(values)
        if made.get("layout") == "folders":
            made.setdefault("label_column", CLASS_COLUMN)
            made.setdefault("patient_column", None)
        if made.get("patient_pattern") is not None and made.get("patient_column") is None:
            made["patient_column"] = PATIENT_COLUMN
        return made

    @field_validator("labels")
    @classmethod
    def _a_table_is_needed(cls, labels: Path | None, info: ValidationInfo) -> Path | None:
        layout = info.data.get("layout")
        if layout == "table" and labels is None:
            raise ValueError(
                "this key is required, the CSV with a row per image; class folders need none "
                "(data.layout: folders)"
            )
        if layout == "folders" and labels is not None:
            raise ValueError(
                f"'layout: folders' takes labels from the folders of the images, found {labels} as "
                "well: leave out 'labels', or 'layout'"
            )
        return labels

    @model_validator(mode="after")
    def _folders_have_no_table(self) -> "Data":
        if self.layout != "folders":
            return self
        if self.source != "files" and not self.draws_shapes:
            raise ValueError(
                f"'layout: folders' takes images that are there, or 'synthetic: {{kind: shapes}}', found "
                f"'source: {self.source}', which makes a table: leave out one of them"
            )
        for key in ("separator", "encoding", "rows", "suffix"):
            if getattr(self, key) != type(self).model_fields[key].default:
                raise ValueError(f"'{key}' is of a table, and 'layout: folders' has none")
        return self

    @model_validator(mode="after")
    def _keys_go_together(self) -> "Data":
        if self.synthetic is not None and self.source != "synthetic":
            raise ValueError("'synthetic' settings need 'source: synthetic'")
        if self.draws_shapes and self.labels not in (None, self.images / SHAPES_TABLE):
            raise ValueError(
                f"'synthetic: {{kind: shapes}}' makes class folders, 'layout: folders', and beside them the "
                f"table {self.images / SHAPES_TABLE}, found labels: {self.labels}"
            )
        fetched = tuple(self.labelled_by.parent / name for name in NIH_SAMPLE)
        if self.source == "nih-sample" and (self.labels, self.images) != fetched:
            raise ValueError(
                f"'source: nih-sample' puts its files into one folder, as labels: {fetched[0]} and "
                f"images: {fetched[1]}, found labels: {self.labels} and images: {self.images}"
            )
        if both := sorted(set(self.negative) & set(self.positive)):
            raise ValueError(f"labels {both} are both negative and positive")
        return self

    @property
    def labelled_by(self) -> Path:
        """What says the labels of the images: the table, or the folder of the class folders."""
        return self.images if self.labels is None else self.labels

    @property
    def draws_shapes(self) -> bool:
        """Whether the images are coloured shapes that bakeoff draws."""
        return self.source == "synthetic" and self.generator.kind == "shapes"

    @property
    def made_last(self) -> Path | None:
        """The table that the first job writes when all else is there; None where it makes nothing."""
        if self.source == "files":
            return None
        return self.images / SHAPES_TABLE if self.labels is None else self.labels

    @property
    def written_task(self) -> ClassificationTask:
        """The task as the configuration has it; its classes may be left to the data."""
        sides = {"negative": self.negative, "positive": self.positive}
        return task_of({**sides, **self.task.model_dump(exclude_none=True)})

    @property
    def classification(self) -> ClassificationTask:
        """The task, with the classes that the split stage recorded where the configuration lists none."""
        written = self.written_task
        return (
            self._recorded if written.is_open and type(self._recorded) is type(written) else written
        )

    def recording(self, task: ClassificationTask | None) -> "Data":
        """The same data, which knows the classes that `task` has; nothing that is written changes."""
        copy = self.model_copy()
        copy._recorded = task
        return copy

    @property
    def generator(self) -> Synthetic:
        """The generator's settings, its defaults where none were given."""
        return self.synthetic or Synthetic()
