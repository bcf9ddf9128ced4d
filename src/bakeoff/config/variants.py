"""Resolves variants: their keys over those of the experiment, their recipe, their grid."""

import itertools
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from bakeoff.config.load import merge, parse, unknown_key
from bakeoff.config.recipes import lay_over, recipe_options
from bakeoff.config.schema import (
    MEASURED,
    Image,
    Name,
    Resources,
    Section,
    Statistics,
    Training,
)
from bakeoff.config.single_values import lacks_variance
from bakeoff.config.task import require_fit
from bakeoff.errors import ConfigError
from bakeoff.models.catalogue import find, misfit
from bakeoff.models.suggestions import find_or_suggest, parse_or_explain
from bakeoff.task.classification import ClassificationTask
from bakeoff.weights.source import PREFIX, Weights, spelled_out
from bakeoff.weights.source import resolve as resolve_weights
from bakeoff.yaml_text import found

RESERVED = ("majority", "metadata")  # the baselines compete under these names
OVERRIDABLE: dict[str, type[Section]] = {
    "image": Image,
    "training": Training,
    "resources": Resources,
}


Sources = tuple[Path, Mapping[str, Weights]]
"""The folder of published weights, and the experiment's own pretrained weights by name."""


class Variant(BaseModel):
    """One competitor: a model with its options, images, training and resources."""

    model_config = ConfigDict(frozen=True)

    name: Name
    model: str
    options: dict[str, Any]
    image: Image
    training: Training
    resources: Resources
    weights: Weights | None = Field(None, exclude=True)  # the source that options["weights"] names

    @property
    def pretraining(self) -> str | None:
        """The name of the pretraining that it starts from."""
        made_here = self.weights is not None and self.weights.kind == "pretraining"
        return self.weights.name.removeprefix(PREFIX) if self.weights and made_here else None

    def arguments(self) -> dict[str, Any]:
        """The options as the model's function takes them: `weights` is a file."""
        if self.weights is None:
            return self.options
        return {**self.options, "weights": str(self.weights.file)}


@dataclass(frozen=True)
class Run:
    """One training run: a variant with one of its seeds."""

    variant: Variant
    seed: int

    @property
    def name(self) -> str:
        """Its folder in that of the runs."""
        return f"{self.variant.name}/seed-{self.seed}"


def expand(
    name: str,
    spec: Any,
    base: Mapping[str, Mapping[str, Any]],
    sources: Sources,
    source: str,
    task: ClassificationTask,
) -> Iterator[Variant]:
    """The variants that the keys `spec` of `variants.<name>` make: one, or one per combination of a grid."""
    where = f"variants.{name}"
    if name in RESERVED:
        raise ConfigError(f"{source}: {where}: the name belongs to a baseline; choose another.")
    if not isinstance(spec, Mapping):
        raise ConfigError(f"{source}: {where}: expected a mapping with a 'model', found {spec!r}.")
    grid = spec.get("grid", {})
    if not isinstance(grid, Mapping) or not all(
        isinstance(values, list) and values for values in grid.values()
    ):
        raise ConfigError(
            f"{source}: {where}.grid: expected keys with lists of values, "
            "for example {training.lr: [1.0e-3, 1.0e-4]}."
        )
    single = {key: value for key, value in spec.items() if key != "grid"}
    for combination in itertools.product(*grid.values()):
        label = name
        chosen: dict[str, Any] = dict(single)
        for key, value in zip(grid, combination, strict=True):
            label += f"-{str(key).rpartition('.')[2]}-{_slug(value)}"
            nested = value
            for part in reversed(str(key).split(".")):
                nested = {part: nested}
            chosen = merge(chosen, nested)
        variant = resolve(label, chosen, base, sources, where, source, task)
        yield variant


def _require_one_process(training: Training, asked: Resources, where: str) -> None:
    """Raise ConfigError where each run is to have several processes, and a key needs that it has one."""
    if asked.processes == 1:
        return
    keys = {"tasks": asked.tasks, "gpu": asked.gpu, "nodes": asked.nodes}
    several = ", ".join(f"resources.{key} ({n})" for key, n in keys.items() if n and n > 1)
    if training.pack > 1:
        raise ConfigError(
            f"{where}: training.pack ({training.pack}) lets one process train several runs, and {several} "
            "lets several processes train one: set training.pack: 1, or ask for one task, GPU and node."
        )
    if measured := [key for key in MEASURED if getattr(training, key) == "auto"]:
        raise ConfigError(
            f"{where}: training.{measured[0]}: 'auto' is measured by one process, and {several} lets several "
            "train a run: write what it should be, or ask for one task, GPU and node."
        )


def resolve(
    name: str,
    spec: Mapping[str, Any],
    base: Mapping[str, Mapping[str, Any]],
    sources: Sources,
    where: str,
    source: str,
    task: ClassificationTask,
    also: Collection[str] = ("grid",),
) -> Variant:
    """One variant from its keys `spec` over the experiment's own; `also` are keys that are read elsewhere.

    Raises ConfigError naming the key at `where` in the file `source`.
    """
    model = spec.get("model")
    if not isinstance(model, str):
        what = "" if model is None else f", found {found(model, 'string_type')}"
        raise ConfigError(
            f"{source}: {where}.model: this key is required, the name of a model{what}."
        )
    sections: dict[str, Any] = {}
    for key, section in OVERRIDABLE.items():
        over = spec.get(key, {})
        if not isinstance(over, Mapping):
            raise ConfigError(f"{source}: {where}.{key}: expected a mapping, found {over!r}.")
        sections[key] = parse(
            section, merge(base[key], over), where=f"{where}.{key}", source=source
        )
    training: Training = sections["training"]
    resolved = lay_over(base["training"], spec.get("training", {}), model, training)
    sections["training"] = parse(Training, resolved, where=f"{where}.training", source=source)
    options = {
        key: value for key, value in spec.items() if key not in (*OVERRIDABLE, "model", *also)
    }
    try:
        options = {**recipe_options(training.recipe, find_or_suggest(model).options), **options}
        parsed = parse_or_explain(model, spelled_out(model, options))
        named = parsed.get("weights")
        weights = resolve_weights(named, *sources) if named is not None else None
    except KeyError as error:  # an option that the model does not have
        valid = (*OVERRIDABLE, "model", *also, *error.args[1])
        raise ConfigError(f"{source}: {unknown_key(error.args[0], where, valid)}") from None
    except ValueError as error:
        raise ConfigError(f"{source}: {where}: {error}") from None
    own = weights is not None and weights.kind != "pretraining" and parsed["normalise"] != "none"
    if own and isinstance(sections["image"].normalise, Statistics):
        raise ConfigError(
            f"{source}: {where}.image.normalise: the model normalises by the mean and spread of its weights "
            f"('normalise: {parsed['normalise']}'), so that images would be normalised twice: set image: "
            "{normalise: unit}, or, where the weights want your own, 'normalise: none' beside 'weights'."
        )
    require_fit(task, model, sections["training"], f"{source}: {where}")
    if "loss" in spec.get("training", {}) and find(model).objective != "loss":
        raise ConfigError(
            f"{source}: {where}.training.loss: model '{model}' minimises an objective of its own, no "
            "loss over logits; leave it out."
        )
    if wrong := misfit(model, sections["image"].size, parsed):
        raise ConfigError(f"{source}: {where}.{wrong.key}: model '{model}': {wrong.why}.")
    _require_one_process(sections["training"], sections["resources"], f"{source}: {where}")
    batch_size = sections["training"].batch_size
    if lacks_variance(model, sections["image"].size, parsed, batch_size):
        raise ConfigError(
            f"{source}: {where}.training.batch_size: model '{model}' at {sections['image'].size} pixels "
            "normalises over a batch of 1 with a single value per channel, which has no variance: take "
            "2 at least, or larger images."
        )
    return parse(
        Variant,
        {"name": name, "model": model, "options": parsed, **sections, "weights": weights},
        where=where,
        source=source,
    )


def _slug(value: Any) -> str:
    text = str(value).lower() if isinstance(value, bool | None) else str(value)
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", text)
