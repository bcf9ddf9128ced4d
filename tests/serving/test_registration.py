"""The registered model: from whole image files to the pipeline's own predictions."""

import shutil
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bakeoff.config.experiment import Experiment
from bakeoff.data.pack import pack
from bakeoff.data.splits import write_splits
from bakeoff.errors import TrackingError
from bakeoff.evaluation.comparison import write_comparison
from bakeoff.evaluation.metrics import evaluate_predictions
from bakeoff.files import read_json, write_json
from bakeoff.inference.predict import predict
from bakeoff.layout import Layout
from bakeoff.serving.model import ServedModel, example, package
from bakeoff.serving.registration import Registration, register_best
from bakeoff.tracking.delivery.pending import record_pending
from bakeoff.tracking.delivery.sync import sync
from bakeoff.tracking.journal.journal import Journal
from bakeoff.tracking.mlflow.health import UnavailableError
from bakeoff.tracking.mlflow.model_registry import Registry, model_name
from bakeoff.tracking.presentation.notes import WRITTEN
from bakeoff.training.train import train
from tests.serving.endpoint import asked, served
from tests.tracking.stored import open_store

pytestmark = pytest.mark.slow(seconds=2)

MODEL = "originals"
CRITERION = "test_auroc_mean"
COMMAND = ["bakeoff", "train", "--config", "my config.yaml", "--set", "image.size=96"]
"""How the runs of these tests are called."""


@pytest.fixture(scope="module", autouse=True)
def called() -> Iterator[None]:
    """Runs note the command that they were called with."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", COMMAND)
        yield


@pytest.fixture(scope="module")
def bake_off(
    shared_data: Path, empty: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Experiment, Layout, str]:
    """24 original NIH images (4 of them RGBA) through the whole pipeline, into a store."""
    room = tmp_path_factory.mktemp("bake-off")
    values = {
        "experiment": MODEL,
        "results": str(room / "results"),
        "data": {
            "labels": str(shared_data / "nih-original-24/sample_labels.csv"),
            "images": str(shared_data / "nih-original-24/images"),
        },
        "split": {"train": 12, "val": 4, "test": 8},
        "image": {"size": 96},
        "training": {"epochs": 2, "batch_size": 4, "lr": 1e-3},
        "tracking": {"live": False},  # the test itself sends, to a store of its own
        "variants": {"conv_bn": {"model": "conv", "norm": "batch"}},
    }
    experiment = Experiment.parse(values, "test")
    layout = Layout(experiment.results / experiment.name)
    write_splits(experiment.data, experiment.split, layout.splits)
    pack(layout.splits, experiment.data, 96, layout.packed(96), workers=1)
    for run in experiment.runs():
        train(experiment, run, layout)
        predict(experiment, run, layout)
        evaluate_predictions(layout.run(run.variant.name, run.seed).path)
    write_comparison(layout.root, experiment.expected_seeds())
    database = room / "mlflow.db"
    database.write_bytes(empty.read_bytes())
    uri = f"sqlite:///{database}"
    sync(layout.root, uri, MODEL)
    register_best(layout.root, uri, MODEL)
    return experiment, layout, uri


def predicted(bake_off: tuple[Experiment, Layout, str]) -> tuple[list[bytes], np.ndarray]:
    """The test images as files, and what the pipeline said of them."""
    experiment, layout, _ = bake_off
    table = pd.read_csv(layout.run("conv_bn", 0).predictions("test"))
    files = [(experiment.data.images / name).read_bytes() for name in table["Image Index"]]
    return files, table["score"].to_numpy(dtype=np.float32)


def test_the_loaded_model_gives_the_pipelines_predictions_to_the_last_bit(
    bake_off: tuple[Experiment, Layout, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    files, scores = predicted(bake_off)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's own
        import mlflow

        mlflow.set_tracking_uri(bake_off[2])
        model = mlflow.pyfunc.load_model(f"models:/{MODEL}@champion")
        answer = model.predict(pd.DataFrame({"image": files}))
    assert answer["score"].to_numpy(dtype=np.float32).tolist() == scores.tolist()
    assert model.metadata.signature.inputs.input_names() == ["image"]
    assert model.input_example["image"][0] == example()["image"][0]


def test_a_model_that_an_earlier_version_registered_is_loaded(
    bake_off: tuple[Experiment, Layout, str], tmp_path: Path
) -> None:
    files, scores = predicted(bake_off)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's own
        import mlflow

        mlflow.set_tracking_uri(bake_off[2])
        champion = f"models:/{MODEL}@champion"
        place = Path(mlflow.artifacts.download_artifacts(champion, dst_path=str(tmp_path)))
        stated = (place / "MLmodel").read_text(encoding="utf-8")
        assert "loader_module: bakeoff.serving.model" in stated
        (place / "MLmodel").write_text(stated.replace("serving.model", "tracking.served"))
        answer = mlflow.pyfunc.load_model(str(place)).predict(pd.DataFrame({"image": files}))
    assert answer["score"].to_numpy(dtype=np.float32).tolist() == scores.tolist()


def test_a_model_that_was_trained_on_a_gpu_is_loaded_where_there_is_none(
    bake_off: tuple[Experiment, Layout, str], tmp_path: Path
) -> None:
    files, scores = predicted(bake_off)
    package(bake_off[1].run("conv_bn", 0).path, tmp_path)
    record = read_json(tmp_path / "run.json")
    record["config"]["training"]["device"] = "cuda"
    write_json(tmp_path / "run.json", record)
    answer = ServedModel(tmp_path).predict(pd.DataFrame({"image": files}))
    np.testing.assert_allclose(answer["score"], scores, atol=1e-5)


@pytest.mark.slow
def test_the_served_model_answers_a_png_with_the_pipelines_probability(
    bake_off: tuple[Experiment, Layout, str], tmp_path: Path
) -> None:
    files, scores = predicted(bake_off)
    with served(f"models:/{MODEL}@champion", bake_off[2], tmp_path / "serve.log") as port:
        answer = asked(port, files)
    assert answer["score"].to_numpy(dtype=np.float32).tolist() == scores.tolist()


def test_the_alias_moves_only_to_a_better_model_of_the_same_test_images(
    bake_off: tuple[Experiment, Layout, str],
) -> None:
    experiment, layout, uri = bake_off
    table = pd.read_csv(layout.comparison)
    first = float(table.loc[table["variant"] == "conv_bn", "test_auroc_mean"].iloc[0])
    again = register_best(layout.root, uri, MODEL)
    assert (again.version, again.champion) == ("1", "1")
    later = layout.root.parent / "later"  # the same test images, a run of its own
    layout.root.rename(later)
    try:
        (run,) = experiment.runs()
        folder = Layout(later).run("conv_bn", 0).path
        for name in ("journal.jsonl", "journal.sent.json"):
            (folder / name).unlink()
        train(experiment, run, Layout(later), fresh=True)
        sync(later, uri, MODEL)
        champions = []
        for figure in (first, first - 0.1, first + 0.1):
            table.loc[table["variant"] == "conv_bn", "test_auroc_mean"] = figure
            table.to_csv(later / "comparison.csv", index=False)
            champions.append(register_best(later, uri, MODEL).champion)
        assert champions[:2] == ["1", "1"]
        assert champions[2] == Registry(open_store(uri)).versions(MODEL)[0].number != "1"
    finally:
        later.rename(layout.root)


def test_a_pending_registration_is_made_up_for_by_the_next_sync(
    bake_off: tuple[Experiment, Layout, str],
) -> None:
    _, layout, uri = bake_off
    before = read_json(layout.registered)
    record_pending(
        layout.registered, UnavailableError("away"), model=None, expected=[("conv_bn", (0,))]
    )
    sync(layout.root, uri, MODEL)
    assert "pending" in read_json(layout.registered), "whoever cannot register leaves it"
    sync(layout.root, uri, MODEL, register=register_best)
    after = read_json(layout.registered)
    assert (after["model"], after["version"]) == (before["model"], before["version"])


def test_a_seed_that_was_given_up_is_not_registered(
    bake_off: tuple[Experiment, Layout, str],
) -> None:
    _, layout, uri = bake_off
    before = register_best(layout.root, uri, MODEL).version
    better = layout.run("conv_bn", 1).path
    better.mkdir()
    try:
        write_json(better / "metrics.json", {"val": {"auroc": 2.0}})
        done = register_best(layout.root, uri, MODEL, expected=[("conv_bn", (0,))])
        assert done.version == before
        with pytest.raises(TrackingError, match=r"conv_bn/seed-1: not in MLflow"):
            register_best(layout.root, uri, MODEL, expected=[("conv_bn", (0, 1))])
    finally:
        shutil.rmtree(better)


def test_nothing_is_registered_before_there_is_a_comparison_in_mlflow(
    bake_off: tuple[Experiment, Layout, str], tmp_path: Path
) -> None:
    with pytest.raises(
        TrackingError, match=r"comparison.csv: missing. Run `bakeoff compare` first"
    ):
        register_best(tmp_path, bake_off[2], MODEL)
    with pytest.raises(TrackingError, match=r"not in MLflow at sqlite:.*Run `bakeoff sync` first"):
        register_best(bake_off[1].root, f"sqlite:///{tmp_path}/other.db", MODEL)


def test_a_champion_is_measured_by_the_comparison_that_it_is_in_now(
    bake_off: tuple[Experiment, Layout, str],
) -> None:
    _, layout, uri = bake_off
    before, registered = pd.read_csv(layout.comparison), read_json(layout.registered)
    other = layout.run("other", 0).path
    shutil.copytree(layout.run("conv_bn", 0).path, other)
    for journal in other.glob("journal*"):
        journal.unlink()

    def register(**figures: float) -> tuple[Registration, dict[str, str]]:
        (row,) = before[before["variant"] == "conv_bn"].to_dict("records")
        rows = [{**row, "variant": name, CRITERION: mean} for name, mean in figures.items()]
        pd.DataFrame(rows).to_csv(layout.comparison, index=False)
        done = register_best(layout.root, uri, MODEL, "seeds")
        versions = Registry(open_store(uri)).versions("seeds")
        return done, {version.tags["variant"]: version.tags[CRITERION] for version in versions}

    try:
        with Journal.start(other, MODEL, "other", 0, "digest") as journal:
            journal.params({"norm": "other"})
            command = "bakeoff train --config other.yaml --variant other --seed 0"
            journal.tags({"git_commit": "b" * 40, "command": command})
        sync(layout.root, uri, MODEL)
        assert register(conv_bn=0.8)[0].champion == "1"  # with one of three seeds
        client = open_store(uri).client
        first = client.get_registered_model("seeds").description
        assert "version 1, the variant `conv_bn`" in first and "`my config.yaml`" in first
        done, figures = register(conv_bn=0.75, other=0.78)
        second = client.get_registered_model("seeds").description
        assert "version 2, the variant `other`" in second
        assert "From commit `bbbbbbbbbbbb`, configuration `other.yaml`." in second
        assert (done.champion, done.reason) == ("2", "0.7800 > 0.7500 AUROC")
        assert figures == {"conv_bn": "0.75", "other": "0.78"}
        done, figures = register(conv_bn=0.75, other=0.77)
        assert (done.champion, done.reason) == ("2", "still the best")
        assert figures == {"conv_bn": "0.75", "other": "0.77"}
        done, figures = register(conv_bn=0.76, other=0.755)
        assert (done.champion, done.reason) == ("1", "0.7600 > 0.7550 AUROC")
        assert figures == {"conv_bn": "0.76", "other": "0.755"}
        assert client.get_registered_model("seeds").description == first
        client.update_registered_model("seeds", "Ours.")
        assert register(conv_bn=0.75, other=0.76)[0].champion == "2"
        assert client.get_registered_model("seeds").description == "Ours."
    finally:
        shutil.rmtree(other.parent)
        before.to_csv(layout.comparison, index=False)
        write_json(layout.registered, registered)


def test_the_model_and_its_version_say_what_they_are_and_how_to_load_them(
    bake_off: tuple[Experiment, Layout, str],
) -> None:
    store = open_store(bake_off[2])
    client, version = store.client, Registry(store).versions(MODEL)[-1]
    described = client.get_registered_model(MODEL).description
    assert f"bake-off `{MODEL}`" in described and f"'models:/{MODEL}@champion'" in described
    assert "each says what it is, from which commit and configuration" in described
    (champion,) = (v for v in Registry(store).versions(MODEL) if "champion" in v.aliases)
    commit = store.get(champion.run_id).tags["git_commit"]
    assert f"version {champion.number}, the variant `conv_bn`" in described
    assert f"From commit `{commit[:12]}`" in described
    assert "configuration `my config.yaml` with `image.size=96`." in described
    assert f"'models:/{MODEL}/{version.number}'" in version.description
    assert (
        "variant `conv_bn`" in version.description
        and "[conv_bn-seed-0](#/exp" in version.description
    )
    again = store.get(version.run_id).tags["reproduce"].splitlines()
    assert set(again) <= set(version.description.splitlines())
    # Those of an earlier version get theirs with the next sync, and a person's words stay.
    client.update_registered_model(MODEL, f"The best variants of the bake-off `{MODEL}`, by their")
    client.delete_registered_model_tag(MODEL, WRITTEN)
    client.update_model_version(MODEL, version.number, "")
    (bake_off[1].root / "mlflow.sent.json").unlink()
    sync(bake_off[1].root, bake_off[2], MODEL)
    assert client.get_registered_model(MODEL).description == described
    client.update_registered_model(MODEL, "Ours.")
    (bake_off[1].root / "mlflow.sent.json").unlink()
    sync(bake_off[1].root, bake_off[2], MODEL)
    assert client.get_registered_model(MODEL).description == "Ours."
    assert client.get_model_version(MODEL, version.number).description == version.description


def test_an_experiment_of_any_name_has_a_model_that_can_be_loaded(
    bake_off: tuple[Experiment, Layout, str],
) -> None:
    _, layout, uri = bake_off
    for name, model in (
        ('it\'s a "50%" bake-off/../`day` \\ 🍞?', 'it-s a "50-" bake-off-..-`day` \\ 🍞-'),
        ("a\nb", "a-b"),
    ):
        before = read_json(layout.registered)
        try:
            for _ in range(2):
                done = register_best(layout.root, uri, name)
        finally:
            write_json(layout.registered, before)
        assert (done.model, done.version, done.champion) == (model, "1", "1")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # MLflow's own
            import mlflow

            mlflow.set_tracking_uri(uri)
            assert mlflow.pyfunc.load_model(f"models:/{model}@champion").metadata.signature
    for name in ("a/b", "it's", "50%", "a?b", "a:b", "."):
        with pytest.raises(
            TrackingError, match=f"cannot keep a model named .*Take '{model_name(name)}'"
        ):
            register_best(layout.root, uri, MODEL, name)
