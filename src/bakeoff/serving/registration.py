"""Registers the best variant as a model in MLflow; the alias moves only to a better version."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import bakeoff
from bakeoff.errors import TrackingError
from bakeoff.files import read_json, sha256, write_json
from bakeoff.layout import Layout
from bakeoff.serving.champion import Compared, challenge
from bakeoff.serving.model import example, package, served_columns
from bakeoff.tracking.delivery.cursor import Cursor
from bakeoff.tracking.delivery.model_card import describe_model
from bakeoff.tracking.journal.journal import NAME
from bakeoff.tracking.mlflow.address import Address
from bakeoff.tracking.mlflow.model_registry import Registry, model_name
from bakeoff.tracking.mlflow.store import Store
from bakeoff.tracking.presentation.descriptions import ALIAS
from bakeoff.tracking.presentation.version_tags import tags_of
from bakeoff.tracking.records import ModelVersion

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

    The best one has the best mean of the comparison's primary metric. The weights are those of the seed
    that was best on validation, among the `expected` ones of each variant if given: a folder may hold seeds
    that are no longer in the configuration. Load them with
    `mlflow.pyfunc.load_model("models:/<model>@champion")`. Registering again adds no version.

    A champion whose run is in this comparison is compared by its score there, not by the one that it had
    when it became champion: seeds may have been added since. One that answers another question, was tested
    on other images, or of which this metric is not known, stays champion: `reason` says so.
    Writes registered.json.
    Raises TrackingError where there is no comparison yet, or the run is not in MLflow.
    """
    layout = Layout(results)
    compared = Compared.read(layout)
    folder = _best_seed(layout, compared, expected)
    if model is not None and model != model_name(model):
        raise TrackingError(
            f"register: MLflow cannot keep a model named {model!r}. Take '{model_name(model)}'."
        )
    name = model or model_name(experiment)
    store = Store(Address.resolve(uri, force=force))
    registration = _register(layout, folder, name, compared, store)
    describe_model(store, name, experiment)
    write_json(layout.registered, asdict(registration))
    return registration


def _register(
    layout: Layout, folder: Path, model: str, compared: Compared, store: Store
) -> Registration:
    run_id = _run_id(folder, store)
    if not run_id:
        raise TrackingError(
            f"{folder}: not in MLflow at {store.address} yet. Run `bakeoff sync` first."
        )
    tags = {
        "variant": folder.parent.name,
        "seed": folder.name.removeprefix("seed-"),
        "weights": sha256(folder / "best.safetensors"),
        "test_split": sha256(layout.split("test")),
        **tags_of(compared.task, compared.metric),
        **compared.means[folder.parent.name],
    }
    registry = Registry(store)
    refresh = _Refresh(layout, compared, tags["test_split"], registry, store)
    versions = [refresh(model, each) for each in registry.versions(model)]
    same = [v for v in versions if v.tags.get("weights") == tags["weights"] and v.run_id == run_id]
    number = same[0].number if same else _add_version(registry, model, run_id, folder, tags)
    champion = next((v for v in versions if ALIAS in v.aliases), None)
    is_better, reason = True, "the first one"
    if champion is not None:
        if champion.number == number:
            reason = "still the best"
        else:
            is_better, reason = challenge(tags, champion.tags)
            if not is_better:
                return Registration(model, number, champion.number, reason)
    registry.set_alias(model, ALIAS, number)
    return Registration(model, number, number, reason)


@dataclass(frozen=True)
class _Refresh:
    """Brings the figures of versions up to date whose runs are in the comparison."""

    layout: Layout
    compared: Compared
    test_split: str  # SHA-256
    registry: Registry
    store: Store

    def __call__(self, model: str, version: ModelVersion) -> ModelVersion:
        """The version with its variant's figures now, which are also tagged, if its run is one of these."""
        variant, seed = (version.tags.get(key, "") for key in ("variant", "seed"))
        means = self.compared.means.get(variant)
        if means is None or version.tags.get("test_split") != self.test_split:
            return version
        # A run that was trained anew is another model, and its version keeps the old figures.
        folder = self.layout.root / "runs" / variant / f"seed-{seed}"
        if version.run_id != _run_id(folder, self.store):
            return version
        now = {**means, **tags_of(self.compared.task, self.compared.metric)}
        for key, value in now.items():
            if version.tags.get(key) != value:
                self.registry.set_tag(model, version.number, key, value)
        return replace(version, tags={**version.tags, **now})


def _run_id(folder: Path, store: Store) -> str:
    """The MLflow run of a run folder; empty where it was not sent to this store."""
    return Cursor.load((folder / NAME).with_suffix(".sent.json"), str(store.address)).run_id


def _best_seed(layout: Layout, compared: Compared, expected: Expected | None) -> Path:
    """The run folder of the best variant's seed that is best on validation; nothing is chosen on test."""
    variant, metric = compared.best, compared.metric
    evaluated = list((layout.root / "runs" / variant).glob("seed-*/metrics.json"))
    if expected:
        seeds = dict(expected)[variant]
        evaluated = [layout.run(variant, seed).path / "metrics.json" for seed in seeds]
    finished = [file for file in evaluated if file.exists()]

    def figure(file: Path) -> float:
        value = read_json(file)["val"].get(metric.name)
        return -math.inf if value is None else metric.sign * float(value)

    return max(finished, key=figure).parent


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
            scores=served_columns(data),
            requirements=[f"{name}=={version(name)}" for name in PACKAGES],
            tags=tags,
        )
