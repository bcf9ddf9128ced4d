"""An experiment: its sections, and the variants that its grids expand to, each fully resolved."""

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from bakeoff.config.load import merge, parse, unknown_key
from bakeoff.config.recipes import lay_over, recipe_options
from bakeoff.config.schema import Data, Image, Name, Resources, Section, Split, Tracking, Training
from bakeoff.config.weights import Weights, resolve, spelled_out
from bakeoff.errors import ConfigError
from bakeoff.models.catalogue import find, misfit, parse_options

RESERVED = ("majority", "metadata")  # the baselines compete under these names
OVERRIDABLE: dict[str, type[Section]] = {
    "image": Image,
    "training": Training,
    "resources": Resources,
}


class Variant(BaseModel):
    """One competitor: a model with its options, and what it sees, how it trains, what it asks for."""

    model_config = ConfigDict(frozen=True)

    name: Name
    model: str
    options: dict[str, Any]
    image: Image
    training: Training
    resources: Resources
    weights: Weights | None = Field(None, exclude=True)  # what options["weights"] stands for


@dataclass(frozen=True)
class Run:
    """One training run: a variant with one of its seeds."""

    variant: Variant
    seed: int


class _Top(Section):
    experiment: Name
    results: Path = Path("results")
    weights_folder: Path = Path("data/weights")
    data: Data
    split: Split = Split()
    image: dict[str, Any] = {}
    training: dict[str, Any] = {}
    resources: dict[str, Any] = {}
    tracking: Tracking = Tracking()
    variants: dict[str, Any]


@dataclass(frozen=True)
class Experiment:
    """A whole bake-off, every default filled in and every grid expanded."""

    name: str
    results: Path
    weights_folder: Path
    data: Data
    split: Split
    tracking: Tracking
    variants: tuple[Variant, ...]

    @classmethod
    def parse(cls, values: Mapping[str, Any], source: str = "config") -> "Experiment":
        """Check a configuration read from `source` (a file's name, for the errors).

        Raises ConfigError that lists each key with what is wrong and the nearest valid one.
        """
        top = parse(_Top, values, where="", source=source)
        base = {key: getattr(top, key) for key in OVERRIDABLE}
        for key, section in OVERRIDABLE.items():
            parse(section, base[key], where=key, source=source)  # errors once, not per variant
        if not top.variants:
            raise ConfigError(f"{source}: variants: expected at least one variant, found none.")
        variants: dict[str, Variant] = {}
        for name, spec in top.variants.items():
            for variant in _expand(str(name), spec, base, top.weights_folder, source):
                if variant.name in variants:
                    raise ConfigError(f"{source}: variants.{variant.name}: named twice.")
                variants[variant.name] = variant
        split = top.split
        if "group_by" not in split.model_fields_set:
            split = split.model_copy(update={"group_by": top.data.patient_column})
        return cls(
            name=top.experiment,
            results=top.results,
            weights_folder=top.weights_folder,
            data=top.data,
            split=split,
            tracking=top.tracking,
            variants=tuple(variants.values()),
        )

    @property
    def tracked_as(self) -> str:
        """The name of the experiment in MLflow."""
        return self.tracking.experiment or self.name

    def runs(self) -> Iterator[Run]:
        """Every run, in the order of the configuration."""
        for variant in self.variants:
            for seed in variant.training.seeds:
                yield Run(variant, seed)

    def weights(self) -> dict[str, Weights]:
        """What each variant starts from that does not start afresh, by the variant's name."""
        return {v.name: v.weights for v in self.variants if v.weights is not None}

    def expected_seeds(self) -> list[tuple[str, tuple[int, ...]]]:
        """The seeds that each variant should have, by its name."""
        return [(variant.name, variant.training.seeds) for variant in self.variants]

    def sizes(self) -> list[int]:
        """The image sizes that the variants need, each once."""
        return sorted({variant.image.size for variant in self.variants})

    def variant(self, name: str) -> Variant:
        """The variant of that name; ConfigError with the known names where there is none."""
        for variant in self.variants:
            if variant.name == name:
                return variant
        known = ", ".join(variant.name for variant in self.variants)
        raise ConfigError(f"variant '{name}': not in experiment '{self.name}', which has {known}.")

    def run(self, name: str, seed: int) -> Run:
        """The run of that variant and seed; ConfigError with the known seeds where there is none."""
        variant = self.variant(name)
        if seed not in variant.training.seeds:
            known = ", ".join(map(str, variant.training.seeds))
            raise ConfigError(f"variant '{name}': seed {seed} is not one of its seeds {known}.")
        return Run(variant, seed)


def _expand(
    name: str,
    spec: Any,
    base: Mapping[str, Mapping[str, Any]],
    weights_folder: Path,
    source: str,
) -> Iterator[Variant]:
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
        yield _resolve(label, chosen, base, weights_folder, where, source)


def _resolve(
    name: str,
    spec: Mapping[str, Any],
    base: Mapping[str, Mapping[str, Any]],
    weights_folder: Path,
    where: str,
    source: str,
) -> Variant:
    model = spec.get("model")
    if not isinstance(model, str):
        raise ConfigError(f"{source}: {where}.model: this key is required, the name of a model.")
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
        key: value for key, value in spec.items() if key not in (*OVERRIDABLE, "model", "grid")
    }
    try:
        options = {**recipe_options(training.recipe, find(model).options), **options}
        parsed = parse_options(model, spelled_out(model, options))
        named = parsed.get("weights")
        weights = resolve(named, weights_folder) if named is not None else None
    except KeyError as error:  # an option that the model does not have
        valid = (*OVERRIDABLE, "model", "grid", *error.args[1])
        raise ConfigError(f"{source}: {unknown_key(error.args[0], where, valid)}") from None
    except ValueError as error:
        raise ConfigError(f"{source}: {where}: {error}") from None
    if wrong := misfit(model, sections["image"].size, parsed):
        raise ConfigError(f"{source}: {where}.image.size: model '{model}': {wrong}.")
    return parse(
        Variant,
        {"name": name, "model": model, "options": parsed, **sections, "weights": weights},
        where=where,
        source=source,
    )


def _slug(value: Any) -> str:
    text = str(value).lower() if isinstance(value, bool | None) else str(value)
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", text)
