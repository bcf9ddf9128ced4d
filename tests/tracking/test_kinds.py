"""Every kind of task from its journal into MLflow, and from there into another."""

import time
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import pytest

from bakeoff.files import read_json, write_json
from bakeoff.tracking.batches import Point
from bakeoff.tracking.delivery.sync import sync
from bakeoff.tracking.delivery.transfer import export_runs, import_runs
from bakeoff.tracking.mlflow.experiments import find_experiment
from bakeoff.tracking.mlflow.store import Store
from bakeoff.tracking.presentation.metric_names import LONGEST, parts_for
from bakeoff.tracking.presentation.notes import NOTE
from bakeoff.tracking.presentation.views import RANKING, VARIANTS
from tests.tracking.conftest import Server
from tests.tracking.questions import MULTICLASS, MULTILABEL, QUESTIONS
from tests.tracking.stored import assert_holds_exactly, open_store, runs
from tests.tracking.test_first_sight import listed, views
from tests.tracking.training import train

PRIMARY = {"binary": "auroc", "multiclass": "accuracy", "multilabel": "macro_auroc"}
OF_ONE = {
    "binary": {},
    "multiclass": {
        "test/recall/drei-3": ("drei/3", "recall"),
        "test/auroc/Fünf": ("Fünf", "auroc"),
        "test/precision/an 8": ("an 8", "precision"),
    },
    "multilabel": {
        "test/auroc/großer Kreis- 0": ("großer Kreis: 0", "auroc"),
        "test/sensitivity/more than 6-": ("more than 6?", "sensitivity"),
        "test/average_precision/more than 6--2": ("more than 6!", "average_precision"),
    },
}
"""Where the figures of single classes and findings are, whose names MLflow does not take as they are."""


def shown_first(store: Store, experiment: str) -> tuple[str | None, ...]:
    """The primary metric of an experiment as MLflow's pages read it."""
    found = find_experiment(store, experiment)
    assert found is not None
    keys = ("name", "greaterIsBetter")
    return tuple(found.tags.get(f"mlflow.experiment.primaryMetric.{key}") for key in keys)


def ranking(store: Store, experiment: str) -> Mapping[str, object]:
    return views(store, experiment)[RANKING]


@pytest.mark.slow(seconds=10)
@pytest.mark.parametrize("kind", QUESTIONS)
def test_runs_of_every_kind_have_all_their_figures_in_mlflow_and_in_the_next_one(
    server: Server, tmp_path: Path, empty: Path, kind: str
) -> None:
    question, primary = QUESTIONS[kind], PRIMARY[kind]
    results = tmp_path / kind
    question.write_splits(results)
    for variant, lr in (("slow", 0.0001), ("fast", 0.02)):
        for seed in (0, 1):
            train(results, variant, seed, lr, question=question)
    question.compare(results, slow=(0, 1), fast=(0, 1))
    for _ in range(2):
        sync(results, server.url, kind)
    store = open_store(server.url)
    for run in runs(store, kind, kind="run"):
        folder = results / f"runs/{run.tags['variant']}/seed-{run.tags['seed']}"
        assert_holds_exactly(store, kind, folder / "journal.jsonl")
        test = read_json(folder / "metrics.json")["test"]
        for name in question.task.metric_names:
            assert run.metrics[f"test/{name}"] == test[name]
            low, high = (run.metrics[f"test_interval/{name}_{end}"] for end in ("low", "high"))
            assert [low, high] == test["intervals"][name]
        for key, (name, figure) in OF_ONE[kind].items():
            assert run.metrics[key] == test["classes"][name][figure]
        files = [path for path, _ in store.files(run.id)]
        assert ("confusion.csv" in files) is ("confusion" in test)
        if "confusion" in test:
            table = pd.read_csv(folder / "confusion.csv", index_col="is")
            assert table.to_numpy().tolist() == test["confusion"]
            assert list(table) == list(table.index) == list(question.task.scored)
        named = {key.split("/")[-1] for key in run.metrics if key.startswith("test/auroc/")}
        assert len(named) == len(test.get("classes", {})) - len(test.get("left_out", []))
        assert not any("never" in key for key in run.metrics if key.startswith("test/"))
    for parent in runs(store, kind, kind="variant"):
        seeds = [run for run in runs(store, kind, kind="run") if run.name.startswith(parent.name)]
        for key in (f"test/{primary}", *OF_ONE[kind]):
            both = [run.metrics[key] for run in seeds]
            assert parent.metrics[key] == pytest.approx(sum(both) / 2)
            assert parent.metrics[key.replace("test/", "test_sd/", 1)] >= 0
    assert shown_first(store, kind) == (f"test/{primary}", "True")
    assert [run.name for run in listed(store, kind, ranking(store, kind))] == ["fast", "slow"]
    columns = [f"metrics.`{section}/{primary}`" for section in ("test", "test_sd", "val")]
    assert views(store, kind)[VARIANTS]["selectedColumns"][:3] == columns  # type: ignore[index]
    note = find_experiment(store, kind).tags[NOTE]  # type: ignore[union-attr]
    assert f"[ranking by test/{primary}]" in note

    assert export_runs(tmp_path / "plain", server.url, kind) == 7
    other = tmp_path / "mlflow.db"
    other.write_bytes(empty.read_bytes())
    assert import_runs(tmp_path / "plain", f"sqlite:///{other}", "moved") == 7
    moved = open_store(f"sqlite:///{other}")
    before, after = (
        {run.tags["kind"] + run.name: dict(run.metrics) for run in runs(one, name)}
        for one, name in ((store, kind), (moved, "moved"))
    )
    assert after == before
    assert shown_first(moved, "moved") == (f"test/{primary}", "True")
    assert ranking(moved, "moved")["orderByKey"] == f"metrics.`test/{primary}`"


@pytest.mark.slow(seconds=6)
def test_where_lower_is_better_the_lowest_is_first(room: Path) -> None:
    results = Path("results/lowest")
    MULTICLASS.write_splits(results)
    for variant, lr in (("fast", 0.02), ("slow", 0.0001)):
        train(results, variant, lr=lr, question=MULTICLASS)
    sync(results, None, "lowest")  # nothing is compared yet
    store = open_store("sqlite:///mlflow.db")
    assert shown_first(store, "lowest") == ("test/accuracy", "True")
    MULTICLASS.compare(results, "log_loss", slow=(0,), fast=(0,))
    sync(results, None, "lowest")
    assert shown_first(store, "lowest") == ("test/log_loss", "False")
    found = listed(store, "lowest", ranking(store, "lowest"))
    losses = [run.metrics["test/log_loss"] for run in found]
    assert losses == sorted(losses) and [run.name for run in found] == ["fast", "slow"]
    export_runs(room / "plain", None, "lowest")
    import_runs(room / "plain", None, "again")
    assert shown_first(store, "again") == ("test/log_loss", "False")
    # Earlier versions compared by AUROC, and did not write it into what they exported.
    write_json(room / "plain/experiment.json", {"format": 1, "name": "lowest"})
    import_runs(room / "plain", None, "earlier")
    assert shown_first(store, "earlier") == ("test/auroc", "True")


@pytest.mark.slow(seconds=8)
def test_what_is_sent_while_a_run_trains_knows_the_metric_of_its_task(
    server: Server, tmp_path: Path
) -> None:
    results = tmp_path / "live"
    MULTILABEL.write_splits(results)
    train(results, epochs=2, uri=server.url, question=MULTILABEL)
    store, deadline = open_store(server.url), time.monotonic() + 120
    while find_experiment(store, "live") is None or not runs(store, "live", kind="run"):
        assert time.monotonic() < deadline, (results / "runs/sgd/seed-0/sender.log").read_text()
        time.sleep(0.5)
    assert shown_first(store, "live") == ("test/macro_auroc", "True")


@pytest.mark.slow(seconds=2)
def test_a_class_of_any_name_has_a_metric_of_its_own(server: Server) -> None:
    names = [
        *(
            "Wiener Schnitzel",
            "Käse/Spätzle",
            "Käse-Spätzle",
            "50 % fat",
            "a:b",
            "x`y",
            'he said "no"',
        ),
        *("..", ".", "..a", "/", "日本", "e\u0301t\u00e9", "🍕", "🍕🍕", "🍣", "Steak ", "n" * 300),
        *("n" * 299 + "m", "a\tb", "a\nb", "-", "--"),
    ]
    parts = parts_for(names)
    assert (
        len(set(parts.values())) == len(names) and parts["Wiener Schnitzel"] == "Wiener Schnitzel"
    )
    assert parts["日本"] == "日本" and max(map(len, parts.values())) <= LONGEST + 2
    store = open_store(server.url)
    experiment = store.client.create_experiment("names")
    run = store.create(experiment, "odd", 0.0, {})
    keys = [f"test_interval/macro_average_precision_high/{part}" for part in parts.values()]
    store.log_batches(run.id, [Point(key, float(at), 0, 0) for at, key in enumerate(keys)])
    assert store.get(run.id).metrics == {key: float(at) for at, key in enumerate(keys)}
    assert [store.curve(run.id, key)[0].value for key in keys] == list(range(len(keys)))
    found = store.client.search_runs([experiment], f"metrics.`{keys[1]}` > 0")
    assert [each.info.run_id for each in found] == [run.id]
