"""Metrics, params and tags in batches that an MLflow server accepts in one request."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

METRICS = 1000
PARAMS = 100
TAGS = 100
BYTES = 800_000
"""MLflow's limits for one `log-batch` request: 1,000, 100, 100 and 1 MB, with room for its JSON."""


@dataclass(frozen=True)
class Point:
    """One value of a curve; `time` in milliseconds since the Unix epoch, as MLflow counts."""

    key: str
    value: float
    time: int
    step: int


@dataclass(frozen=True)
class Batch:
    """The content of one request."""

    metrics: tuple[Point, ...] = ()
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


def batches(
    metrics: Iterable[Point] = (),
    params: Mapping[str, str] | None = None,
    tags: Mapping[str, str] | None = None,
) -> Iterator[Batch]:
    """All of it in as few requests as the limits allow: params, then tags, then metrics, each in order."""
    for part in _chunks((params or {}).items(), PARAMS):
        yield Batch(params=dict(part))
    for part in _chunks((tags or {}).items(), TAGS):
        yield Batch(tags=dict(part))
    points = iter(metrics)
    while few := tuple(islice(points, METRICS)):
        # A key has at most 250 characters: 1,000 of them and their numbers stay under the limit.
        yield Batch(metrics=few)


def _chunks(items: Iterable[tuple[str, str]], most: int) -> Iterator[list[tuple[str, str]]]:
    chunk: list[tuple[str, str]] = []
    size = 0
    for key, value in items:
        bytes_added = len(json.dumps([key, value]))  # as sent: é takes six bytes
        if chunk and (len(chunk) == most or size + bytes_added > BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append((key, value))
        size += bytes_added
    if chunk:
        yield chunk
