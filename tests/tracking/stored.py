"""What a tracking store holds, read with MLflow itself and compared with the journals."""

from collections import Counter
from pathlib import Path

from bakeoff.tracking.journal.events import Dataset, Metrics, Params, Status
from bakeoff.tracking.journal.journal import read
from bakeoff.tracking.mlflow.address import Address
from bakeoff.tracking.mlflow.experiments import find_or_create_experiment
from bakeoff.tracking.mlflow.store import Store
from bakeoff.tracking.records import StoredRun


def open_store(uri: str) -> Store:
    return Store(Address(uri))


def runs(store: Store, experiment: str, **tags: str) -> list[StoredRun]:
    return [
        run
        for run in store.find(find_or_create_experiment(store, experiment), tags)
        if not run.deleted
    ]


def assert_holds_exactly(store: Store, experiment: str, journal: Path) -> StoredRun:
    """Every event of the journal is in one run of the store, once, and nothing else is."""
    events = read(journal)
    (run,) = runs(store, experiment, journal=events[0].journal)  # type: ignore[attr-defined]
    said = Counter(
        (key if "/" in key else f"epoch/{key}", event.step, value, round(event.time * 1000))
        for event in events
        if isinstance(event, Metrics)
        for key, value in event.values.items()
    )
    curves = {key for key in run.metrics if key.startswith(("epoch/", "system/"))}
    curves |= {key for key, *_ in said}
    stored = Counter(
        (key, point.step, point.value, point.time)
        for key in curves
        for point in store.curve(run.id, key)
    )
    assert stored == said
    params = {k: v for e in events if isinstance(e, Params) for k, v in e.values.items()}
    assert run.params == {k: str(v) for k, v in params.items() if v is not None}
    last = [event.status for event in events if isinstance(event, Status)][-1]
    assert run.status == last
    tables = sum(isinstance(event, Dataset) for event in events)
    tested = last == "FINISHED" and (journal.parent / "predictions/test.csv").exists()
    assert len(store.inputs(run.id)) == tables + tested
    return run
