"""Experiments, runs and model versions as a tracking store has them, in plain values."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class StoredRun:
    """A run as the store has it; metrics are the latest values, times in milliseconds."""

    id: str
    experiment_id: str
    name: str
    status: str
    started: int
    ended: int | None
    deleted: bool
    tags: Mapping[str, str]
    params: Mapping[str, str]
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class StoredExperiment:
    """An experiment as the store has it; `created` in milliseconds since the Unix epoch."""

    id: str
    created: int
    deleted: bool
    tags: Mapping[str, str]


@dataclass(frozen=True)
class ModelVersion:
    """A version of a registered model."""

    number: str
    run_id: str
    aliases: tuple[str, ...]
    tags: Mapping[str, str]
    description: str = ""
