"""Registers the best variant as a model in MLflow; the alias moves only to a better version."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

import bakeoff
from bakeoff.errors import TrackingError
from bakeoff.files import read_json, sha256, write_json
from bakeoff.layout import Layout
from bakeoff.serving.model import example, package
from bakeoff.tracking.delivery.cursor import Cursor
from bakeoff.tracking.delivery.model_card import describe_model
from bakeoff.tracking.journal.journal import NAME
from bakeoff.tracking.mlflow.address import Address
from bakeoff.tracking.mlflow.model_registry import Registry, model_name
from bakeoff.tracking.mlflow.store import Store
from bakeoff.tracking.presentation.descriptions import ALIAS
from bakeoff.tracking.records import ModelVersion

CRITERION = "test_auroc_mean"  # the comparison's own: mean test AUROC over the finished seeds

PACKAGES = (
    "numpy",
    "pandas",
    "pillow",
    "psutil",
    "pydantic",
    "pyyaml",
    "safetensors",
    "scikit-learn",
    "scipy",
    "timm",
    "torch",
    "torchvision",
)
"""Requirements of the model, pinned to the installed versions; bakeoff's own code is in the package."""


Expected = Sequence[tuple[str, Sequence[int]]]
"""Every variant with its seeds, as the configuration has them."""


@dataclass(frozen=True)
class Registration:
    """The registered version, and the champion now with the reason."""

    model: str
    version: str
    champion: str
    reason: str

    def __str__(self) -> str:
        return f"{self.model} version {self.version}; {ALIAS} is version {self.champion}: {self.reason}"


def register_best(
    results: Path,
    uri: str | None,
    experiment: str,
    model: str | None = None,
    *,
    expected: Expected | None = None,
    force: bool = False,
) -> Registration:
    """Register the best variant of a compared and synced experiment as `model` (its own name).

    The weights are those of the seed that was best on validation, among the `expected` ones of each
    variant if given: a folder may hold seeds that are no longer in the configuration. Load them with
    `mlflow.pyfunc.load_model("models:/<model>@champion")`. Registering again adds no version. A
    champion whose run is in this comparison is compared by its score there, not by the one that it had
    when it became champion: seeds may have been added since. Writes registered.json.
    Raises TrackingError where there is no comparison yet, or the run is not in MLflow.
    """
    layout = Layout(results)
    means = _means(layout)
    folder = _best_seed(layout, next(iter(means)), expected)
    if model is not None and model != model_name(model):
        raise TrackingError(
            f"register: MLflow cannot keep a model named {model!r}. Take '{model_name(model)}'."
        )
    name = model or model_name(experiment)
    store = Store(Address.resolve(uri, force=force))
    registration = _register(layout, folder, name, means, store)
    describe_model(store, name, experiment)
    write_json(layout.registered, asdict(registration))
    return registration


def _register(
    layout: Layout, folder: Path, model: str, means: Mapping[str, float], store: Store
) -> Registration:
    run_id = _run_id(folder, store)
    if not run_id:
        raise TrackingError(
            f"{folder}: not in MLflow at {store.address} yet. Run `bakeoff sync` first."
        )
    score = means[folder.parent.name]
    tags = {
        "variant": folder.parent.name,
        "seed": folder.name.removeprefix("seed-"),
        "weights": sha256(folder / "best.safetensors"),
        "test_split": sha256(layout.split("test")),
        CRITERION: repr(score),
    }
    registry = Registry(store)
    compared = _Compared(layout, means, tags["test_split"], store)
    versions = [compared.refresh(registry, model, each) for each in registry.versions(model)]
    same = [v for v in versions if v.tags.get("weights") == tags["weights"] and v.run_id == run_id]
    number = same[0].number if same else _add_version(registry, model, run_id, folder, tags)
    champion = next((v for v in versions if ALIAS in v.aliases), None)
    if champion is None:
        reason = "the first one"
    elif champion.number == number:
        reason = "still the best"
    elif champion.tags.get("test_split") != tags["test_split"]:
        return Registration(model, number, champion.number, "it was tested on other images")
    elif (before := _champion_score(champion)) >= score:
        return Registration(model, number, champion.number, f"{before:.4f} >= {score:.4f} AUROC")
    else:
        reason = f"{score:.4f} > {before:.4f} AUROC"
    registry.set_alias(model, ALIAS, number)
    return Registration(model, number, number, reason)


@dataclass(frozen=True)
class _Compared:
    """The runs of the comparison, and the scores of their variants there."""

    layout: Layout
    means: Mapping[str, float]
    test_split: str  # SHA-256
    store: Store

    def refresh(self, registry: Registry, model: str, version: ModelVersion) -> ModelVersion:
        """The version with its variant's score now, which is also tagged, if its run is one of these."""
        variant, seed = (version.tags.get(key, "") for key in ("variant", "seed"))
        if variant not in self.means or version.tags.get("test_split") != self.test_split:
            return version
        # A run that was trained anew is another model, and its version keeps the old score.
        folder = self.layout.root / "runs" / variant / f"seed-{seed}"
        score = repr(self.means[variant])
        if version.run_id != _run_id(folder, self.store) or version.tags.get(CRITERION) == score:
            return version
        registry.set_tag(model, version.number, CRITERION, score)
        return replace(version, tags={**version.tags, CRITERION: score})


def _champion_score(champion: ModelVersion) -> float:
    """The champion's score; infinity, so that it stays champion, where its tag is no number."""
    try:
        return float(champion.tags.get(CRITERION, "inf"))
    except ValueError:
        return math.inf


def _run_id(folder: Path, store: Store) -> str:
    """The MLflow run of a run folder; empty where it was not sent to this store."""
    return Cursor.load((folder / NAME).with_suffix(".sent.json"), str(store.address)).run_id


def _means(layout: Layout) -> dict[str, float]:
    """The score of every variant that has finished, the best one first."""
    if not layout.comparison.exists():
        raise TrackingError(f"{layout.comparison}: missing. Run `bakeoff compare` first.")
    table = pd.read_csv(layout.comparison)
    finished = table[(table["kind"] == "variant") & table[CRITERION].notna()]
    if finished.empty:
        raise TrackingError(f"{layout.comparison}: no variant has finished, so none is the best.")
    ranked = finished.sort_values(CRITERION, ascending=False)
    return {str(row["variant"]): float(row[CRITERION]) for _, row in ranked.iterrows()}


def _best_seed(layout: Layout, variant: str, expected: Expected | None) -> Path:
    """The run folder of the seed with the highest validation AUROC; nothing is chosen on test."""
    evaluated = list((layout.root / "runs" / variant).glob("seed-*/metrics.json"))
    if expected:
        seeds = dict(expected)[variant]
        evaluated = [layout.run(variant, seed).path / "metrics.json" for seed in seeds]
    finished = [file for file in evaluated if file.exists()]
    return max(finished, key=lambda file: read_json(file)["val"]["auroc"]).parent


def _add_version(
    registry: Registry, model: str, run_id: str, folder: Path, tags: dict[str, str]
) -> str:
    with TemporaryDirectory() as temporary:
        data = Path(temporary) / "run"
        package(folder, data)
        return registry.register(
            model,
            run_id,
            loader="bakeoff.serving.model",
            data=data,
            code=Path(bakeoff.__file__).parent,
            example=example(),
            requirements=[f"{name}=={version(name)}" for name in PACKAGES],
            tags=tags,
        )
