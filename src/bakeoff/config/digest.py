"""What a stage depends on, as a short digest.

Snakemake reruns a job when its digest changes, and a job whose configuration changed while it was
queued refuses to start. Only values that differ from their defaults count, so that a new key with
a default reruns nothing.
"""

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from bakeoff.config.packing import Packing
from bakeoff.config.pretraining import MEANINGLESS, Pretraining
from bakeoff.config.schema import UNCOUNTED, Compare, Data, Split
from bakeoff.config.variants import Run
from bakeoff.errors import ConfigError
from bakeoff.models import equivalent
from bakeoff.models.catalogue import find
from bakeoff.weights.source import Weights

TRAINER = 1
"""Raised by one when a change to the training code changes the weights that come out."""

CODE_LETTERS = 12
"""Of the digest of a model's code, as many as run.json says."""

SYNTHESIS = 1
"""Raised by one when the same arguments make other films: a folder of another version is made anew."""

SHAPES_VERSION = 1
"""The same for the pictures of coloured shapes."""

PRETRAINER = 1
"""Raised by one when a change to the pretraining code changes the weights that come out."""


def data_digest(data: Data, split: Split, listing: str = "") -> str:
    """What `split` depends on: the data, how it is split, and of class folders which files they hold."""
    listed = {"listing": listing} if listing else {}
    return _digest(
        **listed,
        data=data.model_dump(mode="json", exclude_defaults=True),
        split=split.model_dump(mode="json", exclude_defaults=True),
    )


def source_data_digest(data: Data) -> str:
    """What `synthesize` and `fetch` depend on."""
    generator = data.generator
    version = {"xrays": SYNTHESIS, "shapes": SHAPES_VERSION}[generator.kind]
    return _digest(source=data.source, version=version, generator=generator.settings())


def pack_digest(data: Data, packing: Packing) -> str:
    """What `pack` depends on beside the splits: where the images are, and how they are to be packed."""
    suffix = {"suffix": data.suffix} if data.suffix else {}
    return _digest(images=str(data.images), **packing.digested(), **suffix)


def run_digest(run: Run, data: Data) -> str:
    """What `train` depends on, of `run_parts`."""
    return _digest(**run_parts(run, data))


def run_parts(run: Run, data: Data) -> dict[str, Any]:
    """What the weights of a run depend on, by name: the model, its code, the images, the recipe, the seed.

    The names of the data's labels and their order count for models that emit them; for all others a
    label is 0 or 1, and `trained_digest` has it of each image. What a job asks of the cluster does
    not count: more memory is no reason to train again.
    """
    variant = run.variant
    options = equivalent.counted(variant.model, variant.options)
    if variant.weights is not None:
        options["weights"] = variant.weights.planned()
    emitted: dict[str, Any] = {}
    if task := data.task.model_dump(mode="json", exclude_defaults=True):
        emitted["task"] = task
    if find(variant.model).objective == "findings":
        emitted["emitted"] = {"negative": data.negative, "positive": data.positive}
    return {
        "trainer": TRAINER,
        "model": variant.model,
        "options": options,
        "code": equivalent.code(variant.model),
        "image": variant.image.model_dump(mode="json", exclude_defaults=True),
        # A recipe's name does not count, only what it comes to: the same values by hand are the same.
        "training": variant.training.model_dump(
            mode="json", exclude_defaults=True, exclude={"seeds", "recipe", *UNCOUNTED}
        ),
        "seed": run.seed,
        **emitted,
    }


def pretraining_digest(pretraining: Pretraining) -> str:
    """What `pretrain` depends on beside the images, of `pretraining_parts`."""
    return _digest(**pretraining_parts(pretraining))


def pretraining_parts(pretraining: Pretraining) -> dict[str, Any]:
    """What the weights of a pretraining depend on, by name: model and code, the recipe, the masking."""
    variant, masking = pretraining.variant, pretraining.masking
    return {
        "trainer": TRAINER,
        "pretrainer": PRETRAINER,
        "model": variant.model,
        "options": equivalent.counted(variant.model, variant.options),
        "code": equivalent.code(variant.model),
        "image": variant.image.model_dump(mode="json", exclude_defaults=True),
        "training": variant.training.model_dump(
            mode="json", exclude_defaults=True, exclude={"recipe", *MEANINGLESS, *UNCOUNTED}
        ),
        "masking": masking.model_dump(mode="json", exclude_defaults=True),
    }


def unlabelled_digest(pretraining: Pretraining, data: Data, split: Split) -> str:
    """What `pack_unlabelled` depends on: whose images are where, and which patients are tested."""
    keys = {"images", "patients", "patient_pattern"}
    return _digest(
        folder=pretraining.masking.model_dump(mode="json", include=keys),
        **pretraining.variant.image.packing.digested(),
        data=data_digest(data, split),
    )


def trained_digest(planned: str, *images: str, weights: Weights | None = None) -> str:
    """What the weights of a run depend on: what was planned, its images, the weights that it starts from.

    A checkpoint of another split, another label or another image is another run's.
    """
    if weights is None:
        return _digest(planned=planned, images=images)
    return _digest(planned=planned, images=images, weights=weights.content())


def runs_digest(runs: Iterable[Run], compare: Compare | None = None) -> str:
    """What `compare` and `report` depend on beside the metrics: which runs, and how they are compared."""
    how = {} if compare is None else compare.model_dump(mode="json", exclude_defaults=True)
    named = {"compare": how} if how else {}
    return _digest(runs=[(run.variant.name, run.seed) for run in runs], **named)


def parts_digest(several: str | None, parts: Iterable[tuple[str, Iterable[Run], Compare]]) -> str:
    """What is said of all the ways in which the data is split depends on: which, their runs, how compared.

    `several` is the key of `split` that has them; each part has a name, its runs and `compare`.
    """
    # In their order: the first design is what the others are compared with.
    compared = [(name, runs_digest(runs, how)) for name, runs, how in parts]
    return _digest(several=several, parts=compared)


def check_digest(expected: str | None, actual: str, what: str) -> None:
    """Refuse to start a job whose configuration changed after Snakemake planned it."""
    if expected is not None and expected != actual:
        raise ConfigError(
            f"{what}: the configuration or the model's code changed after this job was planned "
            f"(planned {expected}, now {actual}). Run snakemake again to plan with the new one."
        )


def _digest(**parts: Any) -> str:
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]
