"""Out of one MLflow and into another: the same runs, once."""

import shutil
from pathlib import Path

import pytest

from bakeoff.errors import TrackingError
from bakeoff.tracking.delivery.sync import sync
from bakeoff.tracking.delivery.transfer import export_runs, import_runs
from bakeoff.tracking.journal.journal import Journal
from tests.tracking.stored import assert_holds_exactly, open_store, runs
from tests.tracking.training import train, write_splits


@pytest.mark.slow(seconds=10)
def test_an_exported_experiment_is_the_same_in_another_store_and_loaded_twice_is_there_once(
    tmp_path: Path, empty: Path
) -> None:
    uris = []
    for name in ("from", "to"):
        (tmp_path / name).mkdir()
        shutil.copy(empty, tmp_path / name / "mlflow.db")
        uris.append(f"sqlite:///{tmp_path}/{name}/mlflow.db")
    results = tmp_path / "digits"
    write_splits(results)
    for seed in (0, 1):
        train(results, seed=seed)
    pretraining = results / "pretraining/mpp"
    with Journal.start(pretraining, "digits", "pretraining/mpp", 0, "digest") as journal:
        journal.metrics(1, {"masked_error": 0.5})
    sync(results, uris[0], "digits")
    assert export_runs(tmp_path / "plain", uris[0], "digits") == 4
    for _ in range(2):
        assert import_runs(tmp_path / "plain", uris[1], "moved") == 4
    before, after = (open_store(uri) for uri in uris)
    moved = assert_holds_exactly(after, "moved", pretraining / "journal.jsonl")
    assert (moved.name, moved.tags["kind"]) == ("pretraining/mpp", "pretraining")
    (parent,) = runs(after, "moved", kind="variant")
    for seed in (0, 1):
        folder = results / f"runs/sgd/seed-{seed}"
        run = assert_holds_exactly(after, "moved", folder / "journal.jsonl")
        assert run.tags["mlflow.parentRunId"] == parent.id
        (source,) = runs(before, "digits", kind="run", seed=str(seed))
        assert (run.metrics, run.started, run.ended) == (
            source.metrics,
            source.started,
            source.ended,
        )
        assert sorted(after.files(run.id)) == sorted(before.files(source.id))
        assert after.inputs(run.id) == before.inputs(source.id)
        assert source.tags.items() - run.tags.items() == {
            ("mlflow.parentRunId", source.tags["mlflow.parentRunId"])
        }


def test_a_folder_that_is_no_export_or_another_one_is_refused(tmp_path: Path, empty: Path) -> None:
    with pytest.raises(TrackingError, match=r"experiment.json: not an export"):
        import_runs(tmp_path, f"sqlite:///{empty}")
    (tmp_path / "experiment.json").write_text('{"format": 1, "name": "other"}')
    with pytest.raises(TrackingError, match="holds the export of 'other', not of 'digits'"):
        export_runs(tmp_path, f"sqlite:///{empty}", "digits")
