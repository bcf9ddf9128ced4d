"""The only module that imports mlflow: what bakeoff asks of a tracking store, in bakeoff's words."""

import json
import logging
import os
import re
import shutil
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
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
from mlflow.exceptions import MlflowException  # noqa: E402

from bakeoff.errors import TrackingError  # noqa: E402
from bakeoff.files import replacing  # noqa: E402
from bakeoff.tracking import events  # noqa: E402
from bakeoff.tracking.address import EMBEDDED_ARTIFACTS, Address  # noqa: E402
from bakeoff.tracking.batches import Batch, Point  # noqa: E402
from bakeoff.tracking.lines import alone  # noqa: E402
from bakeoff.tracking.reachable import UnavailableError, knock  # noqa: E402
from bakeoff.tracking.stored import ModelVersion, StoredRun  # noqa: E402

TRAINING_RUNS = "custom_model_development"
"""The value of the experiment's tag with which MLflow's UI opens it on its training runs."""

_LASTING = {
    "INVALID_PARAMETER_VALUE",
    "RESOURCE_DOES_NOT_EXIST",
    "RESOURCE_ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "UNAUTHENTICATED",
    "INVALID_STATE",
    "BAD_REQUEST",
}
"""Refusals that waiting does not cure; everything else may be different in a minute."""

T = TypeVar("T")


class Store:
    """An MLflow server or database.

    Every method raises UnavailableError where trying later may help, TrackingError where it will not;
    neither takes longer than about 20 s, and a server that does not answer is found out in 5 s.
    """

    def __init__(self, address: Address, patience: float = 5.0) -> None:
        for noisy in ("mlflow", "alembic"):
            logging.getLogger(noisy).setLevel(logging.ERROR)
        self.address = address.absolute
        if address.is_server:
            knock(address, patience)
            self._client = self._ask(lambda: MlflowClient(self.address.uri))
        elif (database := self.address.database) is not None:
            database.parent.mkdir(parents=True, exist_ok=True)
            # The first to come makes the tables; two at once would both try.
            with (database.parent / f".{database.name}.lock").open("w") as lock, alone(lock):
                self._client = self._ask(lambda: MlflowClient(self.address.uri))
                self._ask(lambda: self._client.search_experiments(max_results=1))
        else:
            self._client = self._ask(lambda: MlflowClient(self.address.uri))

    def experiment(self, name: str, note: str = "") -> str:
        """The id of the experiment of that name; made where there is none, brought back if deleted."""
        found = self._ask(lambda: self._client.get_experiment_by_name(name))
        if found is None:
            location = None
            if (database := self.address.database) is not None:
                folder = re.sub(r"[^A-Za-z0-9_.-]+", "_", name)
                location = (database.parent / EMBEDDED_ARTIFACTS / folder).as_uri()
            try:
                made = self._ask(lambda: self._client.create_experiment(name, location))
            except TrackingError:  # another sender was faster
                found = self._ask(lambda: self._client.get_experiment_by_name(name))
                if found is None:
                    raise
                made = found.experiment_id
            found = self._ask(lambda: self._client.get_experiment(made))
        identity = str(found.experiment_id)
        if found.lifecycle_stage == "deleted":
            self._ask(lambda: self._client.restore_experiment(identity))
        wanted = {"mlflow.experimentKind": TRAINING_RUNS} | (
            {"mlflow.note.content": note} if note else {}
        )
        for key, value in wanted.items():
            if found.tags.get(key) != value:
                self._set_experiment_tag(identity, key, value)
        return identity

    def find(self, experiment_id: str, tags: Mapping[str, str]) -> list[StoredRun]:
        """The runs that have all those tags, the oldest first; deleted ones too."""
        query = " and ".join(f"tags.`{key}` = '{value}'" for key, value in tags.items())
        runs: list[MlflowRun] = []
        search = partial(self._client.search_runs, [experiment_id], query, ViewType.ALL, 1000)
        token: str | None = None
        while True:
            page = self._ask(partial(search, page_token=token))
            runs += page
            token = page.token
            if not token:
                return sorted(map(_stored, runs), key=lambda run: (run.started, run.id))

    def get(self, run_id: str) -> StoredRun:
        """One run."""
        return _stored(self._ask(lambda: self._client.get_run(run_id)))

    def create(
        self, experiment_id: str, name: str, started: float, tags: Mapping[str, str]
    ) -> StoredRun:
        """A new run that began at `started` (seconds since the Unix epoch)."""
        return _stored(
            self._ask(
                lambda: self._client.create_run(
                    experiment_id, _milliseconds(started), dict(tags), run_name=name
                )
            )
        )

    def log(self, run_id: str, batch: Batch) -> None:
        """Store one batch; what is there already, value for value, is stored once."""
        self._ask(
            lambda: self._client.log_batch(
                run_id,
                [Metric(m.key, m.value, m.time, m.step) for m in batch.metrics],
                [Param(key, value) for key, value in batch.params.items()],
                [RunTag(key, value) for key, value in batch.tags.items()],
                synchronous=True,
            )
        )

    def datasets(self, run_id: str, datasets: Sequence[events.Dataset]) -> None:
        """Note the tables that a run reads; the same name and digest is one dataset."""
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
        self._ask(lambda: self._client.log_inputs(run_id, inputs))

    def inputs(self, run_id: str) -> list[events.Dataset]:
        """The tables that a run reads."""
        found = self._ask(lambda: self._client.get_run(run_id)).inputs
        return [_dataset(each) for each in (found.dataset_inputs if found else [])]

    def upload(self, run_id: str, file: Path, folder: str = "") -> None:
        """Store a file under its own name in that folder of the run's artifacts."""
        self._ask(lambda: self._client.log_artifact(run_id, str(file), folder or None))

    def files(self, run_id: str, folder: str = "") -> Iterator[tuple[str, int]]:
        """Path and size in bytes of every artifact of a run."""
        for entry in self._ask(lambda: self._client.list_artifacts(run_id, folder or None)):
            if entry.is_dir:
                yield from self.files(run_id, entry.path)
            else:
                yield entry.path, entry.file_size or 0

    def download(self, run_id: str, path: str, file: Path) -> None:
        """Fetch one artifact as `file`, whole or not at all."""
        with replacing(file) as temporary, TemporaryDirectory(dir=file.parent) as room:
            # Where below `room` it lands depends on the kind of artifact store.
            found = self._ask(lambda: self._client.download_artifacts(run_id, path, room))
            shutil.move(found, temporary)

    def curve(self, run_id: str, key: str) -> list[Point]:
        """Every stored value of a metric, in the order of steps."""
        history = self._ask(lambda: self._client.get_metric_history(run_id, key))
        return sorted(
            (Point(m.key, m.value, m.timestamp, m.step) for m in history),
            key=lambda point: (point.step, point.time),
        )

    def status(self, run_id: str, status: str, at: float) -> None:
        """The run's status; `at` (seconds since the Unix epoch) is when it ended, if it did."""
        if status in ("FINISHED", "FAILED", "KILLED"):
            self._ask(lambda: self._client.set_terminated(run_id, status, _milliseconds(at)))
        else:
            self._ask(lambda: self._client.update_run(run_id, status))

    def delete(self, run_id: str) -> None:
        """Move a run to MLflow's trash."""
        self._ask(lambda: self._client.delete_run(run_id))

    def versions(self, model: str) -> list[ModelVersion]:
        """Every version of a registered model; none where there is no such model."""
        found = self._ask(lambda: self._client.search_model_versions(f"name = '{model}'"))
        # The search leaves the aliases out.
        whole = [
            self._ask(partial(self._client.get_model_version, model, v.version)) for v in found
        ]
        return [
            ModelVersion(str(v.version), v.run_id or "", tuple(v.aliases), dict(v.tags))
            for v in whole
        ]

    def register(
        self,
        model: str,
        run_id: str,
        *,
        loader: str,
        data: Path,
        code: Path,
        example: pd.DataFrame,
        requirements: Sequence[str],
        tags: Mapping[str, str],
    ) -> str:
        """Store a run's model and register it as the next version of `model`; its number.

        `loader` is a module of the package in `code` whose `_load_pyfunc` loads the folder `data`.
        """
        from mlflow import pyfunc  # takes a second, which only this needs
        from mlflow.models import ModelSignature
        from mlflow.types import ColSpec, DataType, Schema

        inputs = Schema([ColSpec(DataType.binary, str(name)) for name in example])
        signature = ModelSignature(inputs, Schema([ColSpec(DataType.double, "score")]))
        with TemporaryDirectory() as room, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # MLflow warns of its own type hints
            folder = Path(room) / "model"
            self._ask(
                lambda: pyfunc.save_model(
                    folder,
                    loader_module=loader,
                    data_path=str(data),
                    code_paths=[str(code)],
                    signature=signature,
                    input_example=example,
                    pip_requirements=list(requirements),
                )
            )
            self._ask(lambda: self._client.log_artifacts(run_id, str(folder), "model"))
        with suppress(TrackingError):  # it is there already
            self._ask(lambda: self._client.create_registered_model(model))
        source = f"runs:/{run_id}/model"
        version = self._ask(
            lambda: self._client.create_model_version(model, source, run_id, dict(tags))
        )
        return str(version.version)

    def set_alias(self, model: str, alias: str, version: str) -> None:
        """Let the alias mean that version."""
        self._ask(lambda: self._client.set_registered_model_alias(model, alias, version))

    def _set_experiment_tag(self, identity: str, key: str, value: str) -> None:
        self._ask(lambda: self._client.set_experiment_tag(identity, key, value))

    def _ask(self, call: Callable[[], T]) -> T:
        with _translated(self.address):
            return call()


@contextmanager
def _translated(address: Address) -> Iterator[None]:
    try:
        yield
    except MlflowException as error:
        lasting = error.error_code in _LASTING
        raise (TrackingError if lasting else UnavailableError)(
            f"MLflow at {address}: {_first_line(error)}"
        ) from error
    except Exception as error:  # requests, SQLAlchemy, the file system of the artifacts
        raise UnavailableError(
            f"MLflow at {address}: {type(error).__name__}: {_first_line(error)}"
        ) from error


def _stored(run: MlflowRun) -> StoredRun:
    return StoredRun(
        id=run.info.run_id,
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


def _first_line(error: Exception) -> str:
    """What happened, without credentials that an address may carry and without SQL."""
    text = str(error).strip().split("\n")[0]
    return re.sub(r"//[^/@\s]+@", "//", text)[:300]
