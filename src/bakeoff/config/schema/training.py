"""The sections `training` and `pretraining`: how a run is trained."""

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from bakeoff.config.schema.section import PatientPattern, Seconds, Section, Seed

Precision = Literal["fp32", "tf32", "bf16"]
Layout = Literal["contiguous", "channels_last"]
RecipeName = Literal["none", "vit_imagenet", "vit_imagenet21k", "vit_jft"]


UNCOUNTED = ("checkpoint", "resume_anywhere", "cuda_graph", "pack")
"""Keys of `training` that the weights do not depend on."""


MEASURED = ("precision", "layout", "compile")
"""Keys of `training` that may be `auto`."""


class Checkpoint(Section):
    """When a training saves itself while it goes on; it also does after a notice, and at its end."""

    every: Seconds = (
        60.0  # at most so often: 60, 60 s, 2 min, 1 h; 0: at the end of each epoch, and waits
    )


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
    select_on: str = (
        "auc"  # the best epoch, on validation: auc, accuracy, loss, a metric of the task; or last
    )
    seeds: tuple[Seed, ...] = Field((0,), min_length=1)
    deterministic: bool = True
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: int = Field(1, ge=1)  # CPU threads of one run; part of what makes it repeatable
    precision: Precision | Literal["auto"] = (
        "fp32"  # fp32 is exact, tf32 and bf16 are faster on GPUs
    )
    layout: Layout | Literal["auto"] = "contiguous"  # of images in memory: NCHW, or NHWC
    compile: bool | Literal["auto"] = (
        False  # by torch.compile: a minute at the start, fewer kernels
    )
    cuda_graph: bool = True  # launch the kernels of a step at once, on a GPU; the same bits
    checkpoint: Checkpoint = Checkpoint()  # when it saves itself while it goes on
    resume_anywhere: bool = False  # go on from a checkpoint of another GPU model, or of the CPU
    pack: int = Field(1, ge=1)  # runs that one job trains, in one process; the same bits

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
    patient_pattern: PatientPattern = (
        NIH_PATIENT  # else: its first group, in the file's name, is the patient
    )
    masked: float = Field(0.15, gt=0, lt=1)  # share of the patches, as in BERT
    normalise_target: bool = True  # predict each patch less its mean, over its spread
    next_part: bool = False  # also predict whether the lower half belongs to the upper one
    seed: Seed = 0
