"""The configuration of a single run: every default filled in, without the other variants.

Read again, it gives the same run: `run_digest` is the same, and so are the weights. (The digest of a
pretraining on an unlabelled folder contains the folder's path, which is absolute here.)
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from bakeoff.config.experiment import Experiment, Variant
from bakeoff.config.pretraining import MEANINGLESS, Pretraining
from bakeoff.config.schema import Data, Split, Task
from bakeoff.models.catalogue import find

HEADER = """\
# What {what} of the experiment {experiment} was, every default filled in; the other variants are left out.
# Files that were given are named where they were on the machine that trained it.
"""


def resolved_run(experiment: Experiment, variant: Variant, seed: int) -> str:
    """The YAML of a run, and of the pretraining that it starts from."""
    starts = [one for one in experiment.pretrainings if one.name == variant.pretraining]
    training = {**_section(variant.training), "seeds": [seed]}
    return _written(experiment, starts, variant, training, f"variant {variant.name}, seed {seed},")


def resolved_pretraining(experiment: Experiment, pretraining: Pretraining) -> str:
    """The YAML of a pretraining, with one of the variants that start from it: there has to be one."""
    variants = experiment.variants
    variant = next((v for v in variants if v.pretraining == pretraining.name), variants[0])
    needed = {pretraining.name, variant.pretraining}
    starts = [one for one in experiment.pretrainings if one.name in needed]
    training = _section(variant.training)
    return _written(experiment, starts, variant, training, f"pretraining {pretraining.name}")


def _written(
    experiment: Experiment,
    starts: list[Pretraining],
    variant: Variant,
    training: Mapping[str, Any],
    what: str,
) -> str:
    # The results folder and MLflow's address are not part of a run.
    task = experiment.data.task
    content = {
        "experiment": experiment.alone,
        **({} if task == Task() else {"task": task.model_dump(mode="json", exclude_none=True)}),
        "weights_folder": _found(experiment.weights_folder),
        "data": _data(experiment.data),
        "split": _split(experiment.split),
        "pretraining": {one.name: _pretraining(one) for one in starts},
        "variants": {variant.name: _variant(variant, training)},
    }
    if not starts:
        del content["pretraining"]
    written: str = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)
    return HEADER.format(what=what, experiment=experiment.name) + written


def _variant(variant: Variant, training: Mapping[str, Any]) -> dict[str, Any]:
    options = dict(variant.options)
    if variant.weights is not None and variant.weights.kind == "file":
        options["weights"] = _found(variant.weights.file)
    if find(variant.model).objective != "loss":  # the model has an objective of its own
        training = {key: value for key, value in training.items() if key != "loss"}
    return {
        "model": variant.model,
        **options,
        "image": _section(variant.image),
        "training": dict(training),
        "resources": _section(variant.resources),
    }


def _pretraining(pretraining: Pretraining) -> dict[str, Any]:
    training = _section(pretraining.variant.training)
    spec = _variant(
        pretraining.variant,
        {key: value for key, value in training.items() if key not in MEANINGLESS},
    )
    masking = _section(pretraining.masking)
    for key in ("images", "patients"):
        if masking[key] is not None:
            masking[key] = _found(Path(masking[key]))
    spec.pop("weights", None)  # it starts afresh
    return {**spec, **masking}


def _data(data: Data) -> dict[str, Any]:
    section = _section(data)
    del section["task"]  # a section of its own
    if data.source != "synthetic":  # synthetic images are made again
        section["images"] = _found(data.images)
        if data.labels is not None:
            section["labels"] = _found(data.labels)
    return section


def _split(split: Split) -> dict[str, Any]:
    section = split.settings()
    if split.given is not None and split.given.lists:
        section["given"] = {name: _found(path) for name, path in split.given.lists.items()}
    return section


def _section(section: Any) -> dict[str, Any]:
    values: dict[str, Any] = section.model_dump(mode="json")
    return values


def _found(path: Path) -> str:
    return str(path.absolute())
