"""MLflow's model registry, in bakeoff's words: the versions of a model and the alias of one."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from bakeoff.errors import TrackingError
from bakeoff.tracking.mlflow_store import Store, save_model
from bakeoff.tracking.stored import ModelVersion


class Registry:
    """The models of a store; its methods raise as the store's do."""

    def __init__(self, store: Store) -> None:
        self._client, self._ask = store.client, store.ask

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
        with TemporaryDirectory() as room:
            folder = Path(room) / "model"
            self._ask(lambda: save_model(folder, loader, data, code, example, requirements))
            self._ask(lambda: self._client.log_artifacts(run_id, str(folder), "model"))
        with suppress(TrackingError):  # it is there already
            self._ask(lambda: self._client.create_registered_model(model))
        source = f"runs:/{run_id}/model"
        version = self._ask(
            lambda: self._client.create_model_version(model, source, run_id, dict(tags))
        )
        return str(version.version)

    def set_tag(self, model: str, version: str, key: str, value: str) -> None:
        """Tag a version; a value that was there is replaced."""
        self._ask(lambda: self._client.set_model_version_tag(model, version, key, value))

    def set_alias(self, model: str, alias: str, version: str) -> None:
        """Let the alias mean that version."""
        self._ask(lambda: self._client.set_registered_model_alias(model, alias, version))
