"""The sections `data` and `split`: the labelled images, and which rows go where."""

import codecs
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, PrivateAttr, model_validator
from pydantic.json_schema import SkipJsonSchema

from bakeoff.config.schema.section import Label, Section
from bakeoff.config.schema.synthetic import Synthetic
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


class Data(Section):
    """The labelled images, and the meaning of their labels."""

    source: Literal["files", "synthetic", "nih-sample"] = "files"
    labels: Path  # a CSV
    images: Path  # a folder
    separator: Separator | None = None  # of the table's cells; by default told from its header
    encoding: Encoding = "utf-8"  # of the table
    rows: int | None = Field(None, ge=1)  # only the first rows of the CSV
    image_column: str = "Image Index"
    suffix: Suffix = (
        ""  # the ending of the image files, where the table's names have none or another
    )
    label_column: str = "Finding Labels"
    patient_column: str | None = "Patient ID"
    negative: tuple[Label, ...] = ("No Finding",)  # labels of class 0
    positive: tuple[Label, ...] = NIH_FINDINGS  # labels of class 1
    similar_ids: Literal["merge", "distinct"] | None = None  # `P7` and `p007`: one patient, or two
    synthetic: Synthetic | None = None
    task: SkipJsonSchema[Task] = Task()  # written as a section of its own

    _recorded: ClassificationTask | None = PrivateAttr(None)

    @model_validator(mode="after")
    def _keys_go_together(self) -> "Data":
        if self.synthetic is not None and self.source != "synthetic":
            raise ValueError("'synthetic' settings need 'source: synthetic'")
        fetched = tuple(self.labels.parent / name for name in NIH_SAMPLE)
        if self.source == "nih-sample" and (self.labels, self.images) != fetched:
            raise ValueError(
                f"'source: nih-sample' puts its files into one folder, as labels: {fetched[0]} and "
                f"images: {fetched[1]}, found labels: {self.labels} and images: {self.images}"
            )
        if both := sorted(set(self.negative) & set(self.positive)):
            raise ValueError(f"labels {both} are both negative and positive")
        return self

    @property
    def written_task(self) -> ClassificationTask:
        """The task as the configuration has it; its classes may be left to the data."""
        sides = {"negative": self.negative, "positive": self.positive}
        return task_of({**sides, **self.task.model_dump(exclude_none=True)})

    @property
    def classification(self) -> ClassificationTask:
        """The task, with the classes that the split stage recorded where the configuration lists none."""
        written = self.written_task
        return self._recorded if written.is_open and self._recorded is not None else written

    def recording(self, task: ClassificationTask | None) -> "Data":
        """The same data, which knows the classes that `task` has; nothing that is written changes."""
        copy = self.model_copy()
        copy._recorded = task
        return copy

    @property
    def generator(self) -> Synthetic:
        """The generator's settings, its defaults where none were given."""
        return self.synthetic or Synthetic()


class Split(Section):
    """How many rows go where; `group_by` keeps the rows of a group (a patient) together."""

    train: int = Field(600, ge=2)
    val: int = Field(200, ge=2)  # with `given`: of the training rows, where the column has none
    test: int = Field(200, ge=2)
    seed: int = Field(0, ge=0, lt=2**32)
    group_by: str | None = "Patient ID"  # unless given, the data's patient_column
    stratify: bool = True
    given: str | None = None  # a column with the split of each row

    @model_validator(mode="after")
    def _given_has_its_sizes(self) -> "Split":
        if self.given is not None and (sized := self.model_fields_set & {"train", "test"}):
            raise ValueError(
                f"'given' takes the rows of each split from the table's column '{self.given}': leave "
                f"out {' and '.join(repr(key) for key in sorted(sized, reverse=True))}"
            )
        return self

    def settings(self) -> dict[str, Any]:
        """As plain JSON values that can be read again, without sizes that the table determines."""
        sizes = {"train", "test", "val"} - (self.model_fields_set & {"val"})
        return self.model_dump(mode="json", exclude=sizes if self.given is not None else None)
