"""The pretrainings of an experiment: each a model like a variant's, with its images and masking."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bakeoff.config.load import parse
from bakeoff.config.schema import Masking, Section
from bakeoff.config.variants import Run, Variant, resolve
from bakeoff.errors import ConfigError
from bakeoff.models.catalogue import find, parse_options
from bakeoff.task.classification import ClassificationTask
from bakeoff.weights.source import PREFIX

VIT = "bakeoff.models.vit"
SHAPE = ("patch", "depth", "width", "heads")
"""Options that decide the shapes of the weights; stride and image size do not."""

MEANINGLESS = ("seeds", "loss", "select_on", "pack")


@dataclass(frozen=True)
class Pretraining:
    """One pretraining: a model that predicts masked patches, with its own image, training, resources."""

    variant: Variant  # named like the pretraining
    masking: Masking

    @property
    def name(self) -> str:
        """Its name, also that of its folder."""
        return self.variant.name

    @property
    def key(self) -> str:
        """Its key in the configuration."""
        return f"pretraining.{self.name}"

    @property
    def weights(self) -> str:
        """The value of `weights` of a variant that starts from it."""
        return f"{PREFIX}{self.name}"

    @property
    def run(self) -> Run:
        """The run of the training loop; `training.seeds` are for variants only."""
        return Run(self.variant, self.masking.seed)

    @property
    def folder(self) -> Path:
        """The unlabelled folder; ValueError for a pretraining on the training split."""
        if self.masking.images is None:
            raise ValueError(f"{self.key}: has no folder, it takes the training split")
        return self.masking.images


def parse_pretraining(
    name: str,
    spec: Any,
    base: Mapping[str, Mapping[str, Any]],
    source: str,
    task: ClassificationTask,
) -> Pretraining:
    """One pretraining from the keys `spec` of `pretraining.<name>`, over the experiment's own sections.

    Raises ConfigError where the model cannot be pretrained so, or a key has no meaning here.
    """
    where = f"pretraining.{name}"
    if not isinstance(spec, Mapping):
        raise ConfigError(f"{source}: {where}: expected a mapping with a 'model', found {spec!r}.")
    keys = tuple(Masking.model_fields)
    if spec.get("weights") is not None:
        raise ConfigError(f"{source}: {where}.weights: a pretraining starts afresh; leave it out.")
    variant = resolve(name, spec, base, (Path(), {}), where, source, task, also=keys)
    own = {key: value for key, value in spec.items() if key in keys}
    masking = parse(Masking, own, where=where, source=source)
    if unused := sorted(set(MEANINGLESS) & set(spec.get("training", {}))):
        raise ConfigError(
            f"{source}: {where}.training.{unused[0]}: means nothing here: there are no labels, and it is "
            f"done once, with '{where}.seed'."
        )
    if problem := _problem(variant):
        raise ConfigError(f"{source}: {where}.{problem}")
    return Pretraining(variant, masking)


def mismatch(variant: Variant, pretraining: Pretraining) -> str | None:
    """Why a variant cannot start from a pretraining's weights, None if it can."""
    ours = _with_backbone(variant)
    if not set(SHAPE) <= ours.keys():
        return f"model '{variant.model}' has no weights for raw patches; take a Vision Transformer"
    theirs = pretraining.variant.options
    if different := [key for key in SHAPE if ours[key] != theirs[key]]:
        differences = ", ".join(f"{key} {theirs[key]} (here {ours[key]})" for key in different)
        return f"it has {differences}: give both the same"
    for key in ("channels", "normalise"):
        theirs, here = (getattr(one.image, key) for one in (pretraining.variant, variant))
        if theirs != here:
            return f"it has image.{key} {_text(theirs)} (here {_text(here)}): give both the same"
    return None


def _text(value: Any) -> str:
    return json.dumps(value.model_dump()) if isinstance(value, Section) else str(value)


def _problem(variant: Variant) -> str | None:
    options = variant.options
    if find(variant.model).module != VIT:
        return (
            f"model: masked-patch pretraining needs a Vision Transformer over raw patches, such as "
            f"vit_b16, found '{variant.model}'."
        )
    if options["stride"] is not None and options["stride"] < options["patch"]:
        return (
            f"stride: patches of {options['patch']} pixels every {options['stride']} overlap: a hidden "
            "one would show in its neighbours. Leave it out; the weights fit a variant that has one."
        )
    if options["train"] != "all":
        return f"train: '{options['train']}' freezes what is to be pretrained; leave it out."
    return None


def _with_backbone(variant: Variant) -> dict[str, Any]:
    """A variant's options; of a model on a backbone, with the backbone's defaults."""
    options = variant.options
    if "backbone" not in options:
        return options
    given = {key: value for key, value in options.items() if value is not None}
    return {**parse_options(options["backbone"], {}), **given}
