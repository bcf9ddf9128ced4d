"""The costs of runs and of their variant in MLflow, from the embedded store."""

import json
from pathlib import Path

import pytest

from bakeoff.tracking.delivery.sync import sync
from bakeoff.tracking.journal.attempts import attempts
from bakeoff.tracking.journal.journal import Journal, read
from tests.tracking.stored import open_store, runs
from tests.tracking.training import train

URI = "sqlite:///mlflow.db"
RESULTS = Path("results/digits")


def trained(seed: int) -> Path:
    """A run whose journal says that it trained on a CPU."""
    folder = train(RESULTS, seed=seed)
    Journal(folder / "journal.jsonl").tags({"device": "cpu"})
    return folder


def measure(
    folder: Path, rate: float, digest: str = "digest-0.01", processor: str = "Xeon"
) -> None:
    found = {"digest": digest, "images_per_second": rate, "multiply_adds": 1000}
    place = {"gpu": None, "processor": processor, "threads": 1}
    (folder / "inference.json").write_text(json.dumps(found | place))


def costs(kind: str) -> list[dict[str, float]]:
    found = runs(open_store(URI), "digits", kind=kind)
    return [{k: v for k, v in run.metrics.items() if k.startswith("cost")} for run in found]


@pytest.mark.slow(seconds=3)
def test_runs_have_their_costs_and_the_variant_their_means(room: Path) -> None:
    folders = [trained(seed) for seed in (0, 1)]
    for folder, rate in zip(folders, (100.0, 200.0), strict=True):
        measure(folder, rate)
    sync(RESULTS, URI, "digits")
    hours = [
        sum(job.seconds for job in attempts(read(folder / "journal.jsonl"))) / 3600
        for folder in folders
    ]
    children = costs("run")
    assert sorted(c["cost/images_per_second"] for c in children) == [100.0, 200.0]
    assert sorted(c["cost/cpu_hours"] for c in children) == sorted(hours)
    (parent,) = costs("variant")
    assert parent == {
        "cost/multiply_adds": 1000.0,
        "cost/images_per_second": 150.0,
        "cost/cpu_hours": pytest.approx(sum(hours) / 2),
    }


@pytest.mark.slow(seconds=3)
def test_measured_later_they_are_added_and_without_it_nothing_is_sent_again(room: Path) -> None:
    folder = trained(0)
    sync(RESULTS, URI, "digits")
    assert costs("run") == costs("variant") == [{}]
    done = sync(RESULTS, URI, "digits")
    assert (done.events, done.files) == (0, 0)
    measure(folder, 100.0)
    assert sync(RESULTS, URI, "digits").files == 1
    assert costs("run") == costs("variant") and costs("run")[0]["cost/multiply_adds"] == 1000
    (run,) = runs(open_store(URI), "digits", kind="run")
    assert "inference.json" in {path for path, _ in open_store(URI).files(run.id)}


@pytest.mark.slow(seconds=3)
def test_there_is_no_mean_over_machines_and_no_cost_of_other_weights(room: Path) -> None:
    for seed, processor in ((0, "Xeon"), (1, "EPYC")):
        measure(trained(seed), 100.0, processor=processor)
    sync(RESULTS, URI, "digits")
    assert set(costs("variant")[0]) == {"cost/multiply_adds", "cost/cpu_hours"}
    measure(RESULTS / "runs/sgd/seed-0", 500.0, digest="another")
    sync(RESULTS, URI, "digits")
    assert 500.0 not in {c.get("cost/images_per_second") for c in costs("run")}
