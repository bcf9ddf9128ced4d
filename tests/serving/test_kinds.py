"""Registered models of every kind of task: from whole files to a score for each class, as in predictions/."""

import io
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from bakeoff.config.experiment import Experiment
from bakeoff.data.pack import pack
from bakeoff.data.splits import write_splits
from bakeoff.evaluation.comparison import write_comparison
from bakeoff.evaluation.metrics import evaluate_predictions
from bakeoff.files import read_json, write_json
from bakeoff.inference.predict import predict
from bakeoff.layout import Layout
from bakeoff.serving.model import ServedModel, package
from bakeoff.serving.registration import register_best
from bakeoff.tracking.delivery.sync import sync
from bakeoff.tracking.mlflow.model_registry import Registry
from bakeoff.training.train import train
from tests.data.dicom_files import write_dicom
from tests.serving.endpoint import asked, served
from tests.tracking.conftest import Server
from tests.tracking.stored import open_store
from tests.workflow.conftest import Workflow

pytestmark = pytest.mark.slow(seconds=30)

FINDINGS = ("dark: above", "hell/unten")
TRAINING = {"epochs": 1, "batch_size": 8, "lr": 1e-3}
VARIANTS = {
    "conv_bn": {"model": "conv", "norm": "batch", "kernel_size": 1},
    "emitter": {"model": "rnn_attention", "patch": 16, "hidden": 8},
}


@dataclass(frozen=True)
class BakeOff:
    """A bake-off of two seeds that ran to its registered model."""

    experiment: Experiment
    layout: Layout
    uri: str

    @property
    def name(self) -> str:
        return self.experiment.name

    def predicted(self) -> tuple[list[bytes], pd.DataFrame]:
        """The test images as files, and the scores that the pipeline gave them."""
        (version,) = Registry(open_store(self.uri)).versions(self.name)
        return self.predicted_by(version.tags["variant"], int(version.tags["seed"]))

    def predicted_by(self, variant: str, seed: int) -> tuple[list[bytes], pd.DataFrame]:
        """The same of a run."""
        table = pd.read_csv(self.layout.run(variant, seed).predictions("test"))
        images = self.experiment.data.images
        scores = table[list(self.experiment.task.score_columns)]
        return [(images / name).read_bytes() for name in table["Image Index"]], scores


def finished(values: dict[str, Any], uri: str) -> BakeOff:
    """Run a bake-off through every stage."""
    experiment = Experiment.parse(values, "test")
    layout = Layout(experiment.results / experiment.name)
    write_splits(experiment.data, experiment.split, layout.splits, workers=1)
    experiment = Experiment.parse(values, "test")  # with the classes that the data has
    for packing in experiment.packings():
        pack(layout.splits, experiment.data, packing, packing.folder(layout), workers=1)
    for run in experiment.runs():
        train(experiment, run, layout)
        predict(experiment, run, layout)
        evaluate_predictions(layout.run(run.variant.name, run.seed).path, experiment.task)
    expected = experiment.expected_seeds()
    write_comparison(layout.root, expected, experiment.task, experiment.metric)
    sync(layout.root, uri, experiment.name)
    register_best(layout.root, uri, experiment.name, expected=expected)
    return BakeOff(experiment, layout, uri)


@pytest.fixture(scope="module")
def dishes(shared_data: Path, server: Server, tmp_path_factory: pytest.TempPathFactory) -> BakeOff:
    """Photographs of three dishes in class folders, in colour, cropped as pretrained models take them."""
    values = {
        "experiment": "dishes",
        "results": str(tmp_path_factory.mktemp("dishes")),
        "task": {"kind": "multiclass"},
        "data": {"layout": "folders", "images": str(shared_data / "food-300")},
        "split": {"given": "folders", "val": 0.2},
        "image": {
            "size": 32,
            "channels": 3,
            "fit": "crop",
            "normalise": {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]},
        },
        "training": TRAINING | {"seeds": [0, 1]},
        "compare": {"metric": "log_loss"},
        "tracking": {"live": False},
        "variants": VARIANTS,
    }
    return finished(values, server.url)


@pytest.fixture(scope="module")
def radiographs(server: Server, tmp_path_factory: pytest.TempPathFactory) -> BakeOff:
    """DICOM files of 12 bits with any of two findings."""
    folder = tmp_path_factory.mktemp("radiographs")
    random, rows = np.random.default_rng(0), []
    for number in range(60):
        pixels = random.integers(1500, 2500, (48, 40), dtype=np.uint16)
        found = [name for at, name in enumerate(FINDINGS) if number >> at & 1]
        pixels[: 24 if FINDINGS[0] in found else 0] -= 1000
        pixels[24 if FINDINGS[1] in found else 48 :] += 1500
        write_dicom(folder / f"{number:03}.dcm", pixels, BitsStored=12, HighBit=11)
        rows.append({"image": f"{number:03}.dcm", "found": "|".join(found) or "nothing"})
    pd.DataFrame(rows).to_csv(folder / "found.csv", index=False)
    values = {
        "experiment": "radiographs",
        "results": str(folder / "results"),
        "task": {"kind": "multilabel", "findings": list(FINDINGS), "none": ["nothing"]},
        "data": {
            "labels": str(folder / "found.csv"),
            "images": str(folder),
            "image_column": "image",
            "label_column": "found",
            "patient_column": None,
        },
        "split": {"train": 30, "val": 14, "test": 16},
        "image": {"size": 32},
        "training": TRAINING | {"seeds": [0, 1]},
        "tracking": {"live": False},
        "variants": VARIANTS,
    }
    return finished(values, server.url)


@pytest.fixture
def bake_off(request: pytest.FixtureRequest) -> BakeOff:
    found: BakeOff = request.getfixturevalue(request.param)
    return found


EACH = pytest.mark.parametrize("bake_off", ["dishes", "radiographs"], indirect=True)


def bits(scores: pd.DataFrame) -> list[list[float]]:
    """Scores as a model computes them, whose digits CSV and JSON keep."""
    rows: list[list[float]] = scores.to_numpy(dtype=np.float32).tolist()
    return rows


@EACH
def test_the_served_model_has_a_score_for_each_class_to_the_last_bit_of_the_predictions(
    bake_off: BakeOff, tmp_path: Path
) -> None:
    files, scores = bake_off.predicted()
    columns = list(bake_off.experiment.task.score_columns)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's own
        import mlflow

        mlflow.set_tracking_uri(bake_off.uri)
        model = mlflow.pyfunc.load_model(f"models:/{bake_off.name}@champion")
        loaded = model.predict(pd.DataFrame({"image": files}))
        once = model.predict(model.input_example)
    assert model.metadata.signature.outputs.input_names() == columns == list(once)
    assert list(loaded) == columns and bits(loaded) == bits(scores)
    champion = f"models:/{bake_off.name}@champion"
    with served(champion, bake_off.uri, tmp_path / "serve.log") as port:
        answer = asked(port, files)
    assert list(answer) == columns and bits(answer) == bits(scores)
    assert len(np.unique(scores.to_numpy())) > len(files)  # images are told apart


@EACH
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_run_can_be_served(bake_off: BakeOff, tmp_path: Path, variant: str) -> None:
    files, scores = bake_off.predicted_by(variant, 1)
    package(bake_off.layout.run(variant, 1).path, tmp_path)
    answer = ServedModel(tmp_path).predict(pd.DataFrame({"image": files}))
    assert list(answer) == list(scores) and bits(answer) == bits(scores)


def test_a_picture_has_the_same_scores_whatever_its_file(dishes: BakeOff, tmp_path: Path) -> None:
    files, scores = dishes.predicted_by("conv_bn", 0)
    package(dishes.layout.run("conv_bn", 0).path, tmp_path)
    model = ServedModel(tmp_path)
    pictures = [Image.open(io.BytesIO(file)).convert("RGB") for file in files[:3]]
    expected = None
    for kind in ("PNG", "TIFF", "BMP", "WebP"):
        same = []
        for picture in pictures:
            stream = io.BytesIO()
            picture.save(stream, kind, **({"lossless": True} if kind == "WebP" else {}))
            same.append(stream.getvalue())
        found = bits(model.predict(pd.DataFrame({"image": same})))
        expected = expected or found
        assert found == expected
    np.testing.assert_allclose(np.asarray(expected).sum(axis=1), 1.0, atol=1e-6)
    grey = io.BytesIO()
    pictures[0].convert("L").save(grey, "PNG")  # on colour models grey is three colours alike
    answer = model.predict(pd.DataFrame({"image": [grey.getvalue()]}))
    assert list(answer) == list(scores) and bits(answer) != expected[:1]


@EACH
def test_the_seed_and_the_variant_that_are_registered_are_the_best_by_the_primary_metric(
    bake_off: BakeOff,
) -> None:
    metric = bake_off.experiment.metric
    (version,) = Registry(open_store(bake_off.uri)).versions(bake_off.name)
    table = pd.read_csv(bake_off.layout.comparison).set_index("variant")
    means = table[f"test_{metric.name}_mean"][list(VARIANTS)]
    assert version.tags["variant"] == (metric.sign * means).idxmax()
    assert float(version.tags[f"test_{metric.name}_mean"]) == means[version.tags["variant"]]
    folder = bake_off.layout.root / "runs" / version.tags["variant"]
    on_validation = {
        seed: read_json(folder / f"seed-{seed}/metrics.json")["val"][metric.name] for seed in (0, 1)
    }
    best = max(on_validation, key=lambda seed: metric.sign * on_validation[seed])
    assert version.tags["seed"] == str(best) and "champion" in version.aliases
    assert version.tags["metric"] == metric.name
    store = open_store(bake_off.uri)
    text = store.client.get_registered_model(bake_off.name).description
    assert f"by their mean {metric.title} over seeds" in text
    assert f"gives each {bake_off.experiment.task.answer}." in text


def test_a_model_of_an_earlier_version_answers_as_it_did(kept: Workflow, tmp_path: Path) -> None:
    """Its run.json knows neither a task nor how images are normalised."""
    run = kept.folder / "results/kept/runs/conv/seed-0"
    assert "task" not in read_json(run / "run.json")["config"]
    package(run, tmp_path)
    pixels = np.load(kept.folder / "results/kept/packed/size-32/images.npy")
    rows = pd.read_csv(kept.folder / "results/kept/packed/size-32/index.csv")
    index = dict(zip(rows["Image Index"], rows["row"], strict=True))
    table = pd.read_csv(run / "predictions/test.csv")
    files = []
    for name in table["Image Index"]:
        stream = io.BytesIO()
        Image.fromarray(pixels[index[name]]).save(stream, "PNG")
        files.append(stream.getvalue())
    answer = ServedModel(tmp_path).predict(pd.DataFrame({"image": files}))
    assert list(answer) == ["score"]
    np.testing.assert_allclose(answer["score"], table["score"], atol=1e-5)


def test_a_champion_gives_way_only_to_a_better_answer_to_the_same_question(
    dishes: BakeOff, radiographs: BakeOff
) -> None:
    uri, layout = dishes.uri, dishes.layout
    store = open_store(uri)
    registry = Registry(store)

    def register(of: BakeOff, seed: int | None = None) -> tuple[str, str, str]:
        expected = None if seed is None else [("conv_bn", (seed,))]
        done = register_best(of.layout.root, uri, of.name, "questions", expected=expected)
        return done.version, done.champion, done.reason

    whole, stated = pd.read_csv(layout.comparison), read_json(layout.registered)
    before = whole[whole["variant"] == "conv_bn"]
    before.to_csv(layout.comparison, index=False)
    try:
        assert register(dishes, seed=0) == ("1", "1", "the first one")
        # Its figures are those of every metric, so that another one may be asked for.
        before.assign(metric="macro_f1").to_csv(layout.comparison, index=False)
        assert register(dishes, seed=0) == ("1", "1", "still the best")
        (champion,) = registry.versions("questions")
        assert champion.tags["metric"] == "macro_f1"
        assert register(radiographs) == (
            *("2", "1"),
            "it answers another question (multiclass (apple_pie, beef_tartare, bibimbap)) than this one "
            "(multilabel (dark: above, hell/unten)). Take another name for this one: `bakeoff register "
            "--model NAME`",
        )
        # The champion's results are in no folder any more.
        registry.set_tag("questions", "1", "variant", "elsewhere")
        registry.set_tag("questions", "1", "test_log_loss_mean", "0.5")
        store.client.delete_model_version_tag("questions", "1", "test_accuracy_mean")
        for metric, value, champion_now, reason in (
            ("accuracy", 0.9, "1", "its accuracy is not known: it was chosen by macro F1. Move"),
            ("log_loss", 0.6, "1", "0.5000 <= 0.6000 log loss"),
            ("log_loss", 0.5, "1", "0.5000 <= 0.5000 log loss"),
            ("log_loss", 0.4, "3", "0.4000 < 0.5000 log loss"),
        ):
            changed = before.assign(**{"metric": metric, f"test_{metric}_mean": value})
            changed.to_csv(layout.comparison, index=False)
            version, champion_is, said = register(dishes, seed=1)
            assert (version, champion_is) == ("3", champion_now) and said.startswith(reason)
    finally:
        whole.to_csv(layout.comparison, index=False)
        write_json(layout.registered, stated)
