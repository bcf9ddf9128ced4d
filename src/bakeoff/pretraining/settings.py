"""What a pretraining is, typed once: the model, what it sees, how it trains, how much is masked."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from pydantic import Field, field_validator, model_validator

from bakeoff.config.digest import TRAINER
from bakeoff.config.schema import Image, Section, Training
from bakeoff.models.catalogue import parse_options, source_digest

PRETRAINER = 1
"""Raised by one when a change to the pretraining code changes the weights that come out."""

NIH_PATIENT = r"^(\d{8})_\d{3}"
"""The patient in the file names of ChestX-ray14: `00000013_005.png` is of patient 13."""


class Pretraining(Section):
    """One pretraining; `training.loss` and `select_on` say nothing here, there are no labels."""

    model: str = "vit_b16"
    options: dict[str, Any] = {}
    image: Image = Image()
    training: Training = Training()
    images: Path | None = None  # an unlabelled folder; None is the images of the training split
    patients: Path | None = None  # a CSV that names the patient of each image of the folder
    patient_pattern: str = NIH_PATIENT  # else: its first group, in the file's name, is the patient
    masked: float = Field(0.15, gt=0, lt=1)  # share of the patches, as in BERT
    normalise_target: bool = True  # predict each patch less its mean, over its spread
    next_part: bool = False  # also tell whether the lower half belongs to the upper one

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

    @model_validator(mode="after")
    def _options_are_the_models(self) -> "Pretraining":
        try:
            parse_options(self.model, self.options)
        except KeyError as error:
            known = ", ".join(error.args[1])
            raise ValueError(
                f"model '{self.model}' has no option '{error.args[0]}', only {known}"
            ) from None
        return self

    def digest(self, seed: int) -> str:
        """What the weights depend on: the settings, the model's code, the seed."""
        parts = {
            "trainer": TRAINER,
            "pretrainer": PRETRAINER,
            "code": source_digest(self.model),
            "settings": self.model_dump(mode="json", exclude={"training": {"seeds"}}),
            "seed": seed,
        }
        text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:12]
