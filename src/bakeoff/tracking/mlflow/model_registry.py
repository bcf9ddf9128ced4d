"""MLflow's model registry: the versions of a model, their tags, descriptions and alias."""

import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from bakeoff.errors import TrackingError
from bakeoff.tracking.mlflow.search import with_name
from bakeoff.tracking.mlflow.store import Store, save_model
from bakeoff.tracking.presentation.notes import NOTE, WRITTEN, described
from bakeoff.tracking.records import ModelVersion

LONGEST_NAME = 256  # characters that MLflow's database has room for
_FORBIDDEN = r"[/:'?%\x00-\x1f\x7f]"


def model_name(text: str) -> str:
    """A name for a registered model made of `text`: a "-" replaces what MLflow does not take.

    MLflow forbids "/" and ":"; a search for a name with a single quote, an address `models:/...` with
    a "?" or a line break, and MLflow's page of a model with a "%" in its name fail.
    """
    name = re.sub(_FORBIDDEN, "-", text).strip()[:LONGEST_NAME]
    return name if name.strip(".") else "model"


class Registry:
    """The models of a store; its methods raise as the store's do."""

    def __init__(self, store: Store) -> None:
        self._client, self._ask = store.client, store.ask

    def versions(self, model: str) -> list[ModelVersion]:
        """Every version of a registered model; none where there is no such model."""
        found = self._ask(lambda: self._client.search_model_versions(with_name(model)))
        # The search leaves the aliases out.
        whole = [
            self._ask(partial(self._client.get_model_version, model, v.version)) for v in found
        ]
        return [
            ModelVersion(
                str(v.version), v.run_id or "", tuple(v.aliases), dict(v.tags), v.description or ""
            )
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
        scores: Sequence[str],
        requirements: Sequence[str],
        tags: Mapping[str, str],
    ) -> str:
        """Store a run's model and register it as the next version of `model`; its number.

        `loader` is a module of the package in `code` whose `_load_pyfunc` loads the folder `data`; it answers
        with the columns `scores`.
        """
        with TemporaryDirectory() as room:
            folder = Path(room) / "model"
            self._ask(lambda: save_model(folder, loader, data, code, example, scores, requirements))
            self._ask(lambda: self._client.log_artifacts(run_id, str(folder), "model"))
        try:
            self._ask(lambda: self._client.create_registered_model(model))
        except TrackingError:
            self._ask(lambda: self._client.get_registered_model(model))  # it is there already
        source = f"runs:/{run_id}/model"
        version = self._ask(
            lambda: self._client.create_model_version(model, source, run_id, dict(tags))
        )
        return str(version.version)

    def describe(self, model: str, text: str, *, earlier: str) -> None:
        """Give a model this description, unless a person has written another.

        `earlier` are the first words of descriptions that earlier versions of bakeoff wrote.
        """
        found = self._ask(lambda: self._client.get_registered_model(model))
        has = {**found.tags, NOTE: found.description or ""}
        if wanted := described(has, text, earlier=earlier):
            mark = wanted[WRITTEN]
            self._ask(lambda: self._client.set_registered_model_tag(model, WRITTEN, mark))
            self._ask(lambda: self._client.update_registered_model(model, wanted[NOTE]))

    def describe_version(self, model: str, version: ModelVersion, text: str) -> None:
        """Give a version that has no description this one."""
        if not version.description:
            self._ask(lambda: self._client.update_model_version(model, version.number, text))

    def set_tag(self, model: str, version: str, key: str, value: str) -> None:
        """Set a tag of a version."""
        self._ask(lambda: self._client.set_model_version_tag(model, version, key, value))

    def set_alias(self, model: str, alias: str, version: str) -> None:
        """Point the alias at that version."""
        self._ask(lambda: self._client.set_registered_model_alias(model, alias, version))
