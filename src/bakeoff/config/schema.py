"""The schema of the configuration: one class per section, defaults and ranges beside the fields.

Sections are frozen. Nothing here imports torch: Snakemake reads the configuration at every start.
"""

import re
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

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


def _a_name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}", text):
        raise ValueError(
            "expected a name of at most 80 letters, digits, '_', '.' and '-' that starts with a "
            f"letter or digit, found {text!r}"
        )
    return text


Name = Annotated[str, AfterValidator(_a_name)]
"""A name that is also a folder, a Snakemake wildcard and part of a SLURM job name."""

Label = Annotated[
    str,
    BeforeValidator(
        lambda value: str(value) if type(value) is int else value, json_schema_input_type=str | int
    ),
]
"""A label as the table writes it; YAML reads 0 and 1 as numbers."""


Seed = Annotated[int, Field(ge=0, lt=2**31, strict=True)]
"""A seed of a run; strict, since YAML's `true` is no number."""


class Section(BaseModel):
    """A part of the configuration: unknown keys are refused, values do not change once read."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _true_is_no_number(cls, value: Any, info: ValidationInfo) -> Any:
        """Pydantic reads YAML's `true` as 1 where a number is expected."""
        annotation = cls.model_fields[str(info.field_name)].annotation
        expected = get_args(annotation) or (annotation,)  # of a Literal, its values
        kinds = {one if isinstance(one, type) else type(one) for one in expected}
        if isinstance(value, bool) and kinds & {int, float} and bool not in kinds:
            raise ValueError(f"expected a number, found {value!r}")
        return value


class Synthetic(Section):
    """The settings of the generator of chest-X-ray-like phantoms."""

    images: int = Field(1000, ge=10)
    size: int = Field(1024, ge=32, le=4096)  # pixels per side
    seed: int = Field(0, ge=0, lt=2**32)


class Data(Section):
    """The labelled images, and the meaning of their labels."""

    source: Literal["files", "synthetic", "nih-sample"] = "files"
    labels: Path  # a CSV
    images: Path  # a folder
    rows: int | None = Field(None, ge=1)  # only the first rows of the CSV
    image_column: str = "Image Index"
    label_column: str = "Finding Labels"
    patient_column: str | None = "Patient ID"
    negative: tuple[Label, ...] = ("No Finding",)  # labels of class 0
    positive: tuple[Label, ...] = NIH_FINDINGS  # labels of class 1
    similar_ids: Literal["merge", "distinct"] | None = None  # `P7` and `p007`: one patient, or two
    synthetic: Synthetic | None = None

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


class Rotate(Section):
    """Random rotation of training images (as in Lab 5: 30 % of the images, up to 10 degrees)."""

    degrees: float = Field(10.0, ge=0, le=180)
    probability: float = Field(0.3, ge=0, le=1)


class Image(Section):
    """The input of a model: a square image of `size` pixels."""

    size: int = Field(512, ge=16, le=2048)
    channels: Literal[1, 3] = 1
    rotate: Rotate = Rotate()


RecipeName = Literal["none", "vit_imagenet", "vit_imagenet21k", "vit_jft"]


class Training(Section):
    """One training run."""

    recipe: RecipeName = "none"  # a preset of what follows; what is written goes before it
    epochs: int = Field(10, ge=1)
    batch_size: int = Field(4, ge=1)
    optimizer: Literal["adamw", "adam", "sgd"] = "adamw"
    lr: float = Field(1e-4, gt=0)
    weight_decay: float = Field(0.01, ge=0)
    momentum: float = Field(0.9, ge=0, lt=1)  # sgd only
    schedule: Literal["constant", "linear", "cosine"] = "constant"
    warmup: float = Field(0.0, ge=0, lt=1)  # share of all steps
    clip: float | None = Field(None, gt=0)  # largest gradient norm
    loss: Literal["cross_entropy", "nll", "bce", "bce_with_logits"] = "cross_entropy"
    select_on: Literal["auc", "accuracy", "loss"] = "auc"  # the best epoch, on validation
    seeds: tuple[Seed, ...] = Field((0,), min_length=1)
    deterministic: bool = True
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: int = Field(1, ge=1)  # CPU threads of one run; part of what makes it repeatable

    @model_validator(mode="after")
    def _seeds_differ(self) -> "Training":
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError(f"seeds {list(self.seeds)} name a seed twice")
        return self

    def describe(self) -> str:
        """The optimisation of a run, in a few words."""
        parts = [f"{self.optimizer} {self.lr:.3g}", f"decay {self.weight_decay:g}", self.schedule]
        if self.warmup:
            parts.append(f"warm-up {self.warmup:.3g}")
        if self.clip is not None:
            parts.append(f"clip {self.clip:g}")
        return ", ".join(parts) + (f" ({self.recipe})" if self.recipe != "none" else "")


NIH_PATIENT = r"^(\d{8})_\d{3}"
"""The patient in the file names of ChestX-ray14: `00000013_005.png` is of patient 13."""


class Masking(Section):
    """The keys of a masked-patch pretraining beside its model, image, training and resources."""

    images: Path | None = None  # an unlabelled folder; None is the images of the training split
    patients: Path | None = None  # a CSV that names the patient of each image of the folder
    patient_pattern: str = NIH_PATIENT  # else: its first group, in the file's name, is the patient
    masked: float = Field(0.15, gt=0, lt=1)  # share of the patches, as in BERT
    normalise_target: bool = True  # predict each patch less its mean, over its spread
    next_part: bool = False  # also predict whether the lower half belongs to the upper one
    seed: Seed = 0

    @field_validator("patient_pattern")
    @classmethod
    def _has_a_group(cls, pattern: str) -> str:
        try:
            groups = re.compile(pattern).groups
        except re.error as error:
            raise ValueError(f"{pattern!r} is no regular expression: {error}") from None
        if groups != 1:
            raise ValueError(f"{pattern!r} needs one group, the patient, and has {groups}")
        return pattern


class Resources(Section):
    """The request of a training job, by the names of Snakemake's SLURM executor."""

    gpu: int = Field(0, ge=0)
    gpu_model: str | None = None
    gres: str | None = None
    constraint: str | None = None
    runtime: int = Field(60, ge=1)  # minutes
    mem_mb: int = Field(4000, ge=100)
    cpus_per_task: int | None = Field(None, ge=1)
    nodes: int | None = Field(None, ge=1)
    tasks: int | None = Field(None, ge=1)
    slurm_account: str | None = None
    slurm_partition: str | None = None
    qos: str | None = None
    reservation: str | None = None
    slurm_extra: str | None = None
    comment: str | None = None

    @property
    def processes(self) -> int:
        """The number of processes that share each batch of a run: `tasks`, else one per GPU or node."""
        return self.tasks or max(self.gpu, self.nodes or 1)

    @property
    def asks_for_gpu(self) -> bool:
        """Whether a run asks SLURM for a GPU, in any of the ways."""
        return self.gpu > 0 or "gpu" in f"{self.gres} {self.slurm_extra}"

    def asked(self) -> dict[str, int | str]:
        """The resources that are set, as Snakemake takes them."""
        asked = self.model_dump(exclude_none=True)
        if self.processes > 1:
            asked["tasks"] = self.processes
        return asked

    def describe(self) -> str:
        """The request of one run, in a few words."""
        gpu = f"{self.gpu} GPU {self.gpu_model or ''}".rstrip() + ", " if self.gpu else ""
        return f"{gpu}{self.mem_mb / 1000:g} GB, {self.runtime} min"


class Tracking(Section):
    """Where MLflow keeps the runs; None is MLFLOW_TRACKING_URI, then the embedded store."""

    uri: str | None = None
    experiment: str | None = None  # MLflow's experiment name, by default the experiment's own
    live: bool = True  # send while a run trains; without it, `track` and `bakeoff sync` send later
    force: bool = False  # allow SQLite on a network file system, where it can lose data
