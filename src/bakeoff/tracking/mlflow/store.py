"""A tracking store: the only module that imports mlflow, behind plain values."""

import json
import logging
import os
import shutil
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

# Before the import: no usage statistics, no advice on stdout, and no retries of MLflow's own (a
# server that is down would block the first call for 246 s; the sender has its own backoff).
for _key, _value in {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ASYNC_LOGGING": "false",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "GIT_PYTHON_REFRESH": "quiet",
}.items():
    os.environ.setdefault(_key, _value)

import pandas as pd  # noqa: E402
from mlflow import MlflowClient  # noqa: E402
from mlflow.entities import (  # noqa: E402
    Dataset,
    DatasetInput,
    InputTag,
    Metric,
    Param,
    RunTag,
    ViewType,
)
from mlflow.entities import Run as MlflowRun  # noqa: E402

from bakeoff.files import replacing  # noqa: E402
from bakeoff.tracking.batches import Batch, Point, batches  # noqa: E402
from bakeoff.tracking.journal import events  # noqa: E402
from bakeoff.tracking.journal.jsonl import file_lock  # noqa: E402
from bakeoff.tracking.mlflow.address import Address  # noqa: E402
from bakeoff.tracking.mlflow.errors import translated  # noqa: E402
from bakeoff.tracking.mlflow.health import require_answer  # noqa: E402
from bakeoff.tracking.mlflow.search import with_tags  # noqa: E402
from bakeoff.tracking.records import StoredExperiment, StoredRun  # noqa: E402

T = TypeVar("T")


class Store:
    """An MLflow server or database.

    Every method raises UnavailableError where trying later may help, TrackingError where it will not;
    neither takes longer than about 20 s, and an unanswering server is noticed in 5 s.
    """

    def __init__(self, address: Address, patience: float = 5.0) -> None:
        for noisy in ("mlflow", "alembic"):
            logging.getLogger(noisy).setLevel(logging.ERROR)
        self.address = address.absolute
        if address.is_server:
            require_answer(address, patience)
            self.client = self.ask(lambda: MlflowClient(self.address.uri))
        elif (database := self.address.database) is not None:
            database.parent.mkdir(parents=True, exist_ok=True)
            # Under a lock: two processes at once would both create the tables.
            with (database.parent / f".{database.name}.lock").open("w") as lock, file_lock(lock):
                self.client = self.ask(lambda: MlflowClient(self.address.uri))
                self.ask(lambda: self.client.search_experiments(max_results=1))
        else:
            self.client = self.ask(lambda: MlflowClient(self.address.uri))

    def experiment(self, name: str) -> StoredExperiment | None:
        """The experiment of that name, also if it is deleted; None where there is none."""
        found = self.ask(lambda: self.client.get_experiment_by_name(name))
        if found is None:
            return None
        return StoredExperiment(
            id=str(found.experiment_id),
            created=found.creation_time or 0,
            deleted=found.lifecycle_stage == "deleted",
            tags=dict(found.tags),
        )

    def find(self, experiment_id: str, tags: Mapping[str, str]) -> list[StoredRun]:
        """The runs that have all those tags, the oldest first; deleted ones too."""
        runs: list[StoredRun] = []
        search = partial(
            self.client.search_runs, [experiment_id], with_tags(tags), ViewType.ALL, 1000
        )
        token: str | None = None
        while True:
            page = self.ask(partial(search, page_token=token))
            found = map(_stored, page)
            runs += [run for run in found if tags.items() <= run.tags.items()]
            token = page.token
            if not token:
                return sorted(runs, key=lambda run: (run.started, run.id))

    def get(self, run_id: str) -> StoredRun:
        """One run."""
        return _stored(self.ask(lambda: self.client.get_run(run_id)))

    def create(
        self, experiment_id: str, name: str, started: float, tags: Mapping[str, str]
    ) -> StoredRun:
        """A new run that began at `started` (seconds since the Unix epoch)."""
        return _stored(
            self.ask(
                lambda: self.client.create_run(
                    experiment_id, _milliseconds(started), dict(tags), run_name=name
                )
            )
        )

    def log(self, run_id: str, batch: Batch) -> None:
        """Store one batch; equal values are stored once."""
        self.ask(
            lambda: self.client.log_batch(
                run_id,
                [Metric(m.key, m.value, m.time, m.step) for m in batch.metrics],
                [Param(key, value) for key, value in batch.params.items()],
                [RunTag(key, value) for key, value in batch.tags.items()],
                synchronous=True,
            )
        )

    def log_batches(
        self,
        run_id: str,
        metrics: Iterable[Point] = (),
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Store any number of metrics, params and tags, in as many requests as MLflow needs."""
        for batch in batches(metrics, params, tags):
            self.log(run_id, batch)

    def datasets(self, run_id: str, datasets: Sequence[events.Dataset]) -> None:
        """Record the tables that a run reads; the same name and digest is one dataset."""
        inputs = [
            DatasetInput(
                Dataset(
                    name=dataset.name,
                    digest=dataset.digest[:36],  # MLflow's limit
                    source_type="local",
                    source=json.dumps({"uri": dataset.source}),
                    profile=json.dumps({"num_rows": dataset.rows}),
                ),
                [InputTag("mlflow.data.context", dataset.context)],
            )
            for dataset in datasets
        ]
        self.ask(lambda: self.client.log_inputs(run_id, inputs))

    def inputs(self, run_id: str) -> list[events.Dataset]:
        """The tables that a run reads."""
        found = self.ask(lambda: self.client.get_run(run_id)).inputs
        return [_dataset(each) for each in (found.dataset_inputs if found else [])]

    def upload(self, run_id: str, file: Path, folder: str = "") -> None:
        """Store a file under its own name in that folder of the run's artifacts."""
        self.ask(lambda: self.client.log_artifact(run_id, str(file), folder or None))

    def files(self, run_id: str, folder: str = "") -> Iterator[tuple[str, int]]:
        """Path and size in bytes of every artifact of a run."""
        for entry in self.ask(lambda: self.client.list_artifacts(run_id, folder or None)):
            if entry.is_dir:
                yield from self.files(run_id, entry.path)
            else:
                yield entry.path, entry.file_size or 0

    def download(self, run_id: str, path: str, file: Path) -> None:
        """Fetch one artifact as `file`, whole or not at all."""
        with replacing(file) as temporary, TemporaryDirectory(dir=file.parent) as folder:
            # Its place below `folder` depends on the kind of artifact store.
            found = self.ask(lambda: self.client.download_artifacts(run_id, path, folder))
            shutil.move(found, temporary)

    def curve(self, run_id: str, key: str) -> list[Point]:
        """Every stored value of a metric, in the order of steps."""
        history = self.ask(lambda: self.client.get_metric_history(run_id, key))
        return sorted(
            (Point(m.key, m.value, m.timestamp, m.step) for m in history),
            key=lambda point: (point.step, point.time),
        )

    def status(self, run_id: str, status: str, at: float) -> None:
        """The run's status; `at` (seconds since the Unix epoch) is when it ended, if it did."""
        if status in ("FINISHED", "FAILED", "KILLED"):
            self.ask(lambda: self.client.set_terminated(run_id, status, _milliseconds(at)))
        else:
            self.ask(lambda: self.client.update_run(run_id, status))

    def delete(self, run_id: str) -> None:
        """Move a run to MLflow's trash."""
        self.ask(lambda: self.client.delete_run(run_id))

    def ask(self, call: Callable[[], T]) -> T:
        """The result of a call of MLflow; raises UnavailableError or TrackingError for its errors."""
        with translated(self.address):
            return call()


def save_model(
    folder: Path,
    loader: str,
    data: Path,
    code: Path,
    example: pd.DataFrame,
    scores: Sequence[str],
    requirements: Sequence[str],
) -> None:
    """Write a model as a folder that MLflow loads: it takes files as bytes and gives each `scores`, columns.

    `loader` is a module of the package in `code` whose `_load_pyfunc` loads the folder `data`.
    """
    from mlflow import pyfunc  # takes a second, which only this needs
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema

    inputs = Schema([ColSpec(DataType.binary, str(name)) for name in example])
    outputs = Schema([ColSpec(DataType.double, name) for name in scores])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow warns of its own type hints
        pyfunc.save_model(
            folder,
            loader_module=loader,
            data_path=str(data),
            code_paths=[str(code)],
            signature=ModelSignature(inputs, outputs),
            input_example=example,
            pip_requirements=list(requirements),
        )


def _stored(run: MlflowRun) -> StoredRun:
    return StoredRun(
        id=run.info.run_id,
        experiment_id=run.info.experiment_id,
        name=run.info.run_name or "",
        status=run.info.status,
        started=run.info.start_time,
        ended=run.info.end_time,
        deleted=run.info.lifecycle_stage == "deleted",
        tags=dict(run.data.tags),
        params=dict(run.data.params),
        metrics=dict(run.data.metrics),
    )


def _dataset(found: DatasetInput) -> events.Dataset:
    dataset = found.dataset
    context = next((t.value for t in found.tags if t.key == "mlflow.data.context"), "")
    return events.Dataset(
        time=0.0,
        context=context,
        name=dataset.name,
        digest=dataset.digest,
        rows=int(json.loads(dataset.profile or "{}").get("num_rows", 0)),
        source=str(json.loads(dataset.source or "{}").get("uri", "")),
    )


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
