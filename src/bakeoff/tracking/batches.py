"""What is to be stored, cut into requests that an MLflow server accepts."""

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
    """Everything, in order, in as few requests as the limits allow: params and tags come first."""
    for part in _pieces((params or {}).items(), PARAMS):
        yield Batch(params=dict(part))
    for part in _pieces((tags or {}).items(), TAGS):
        yield Batch(tags=dict(part))
    points = iter(metrics)
    while chunk := tuple(islice(points, METRICS)):
        # A key has at most 250 characters: 1,000 of them and their numbers stay under the limit.
        yield Batch(metrics=chunk)


def _pieces(items: Iterable[tuple[str, str]], most: int) -> Iterator[list[tuple[str, str]]]:
    piece: list[tuple[str, str]] = []
    size = 0
    for key, value in items:
        weight = len(json.dumps([key, value]))  # as sent: é takes six bytes
        if piece and (len(piece) == most or size + weight > BYTES):
            yield piece
            piece, size = [], 0
        piece.append((key, value))
        size += weight
    if piece:
        yield piece
