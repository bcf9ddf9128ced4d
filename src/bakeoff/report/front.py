"""The front of a trade-off: what no other point beats at once in quality and in cost."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Point:
    """A variant in a plot: its cost and its quality with the interval's ends, where these are known."""

    variant: str
    cost: float
    quality: float
    low: float | None
    high: float | None
    on_front: bool


@dataclass(frozen=True)
class Panel:
    """Quality against one cost, on one machine: `cost` is multiply_adds, hours or seconds_per_image."""

    cost: str
    unit: str  # of hours: "GPU" or "CPU"
    machine: str  # "" where it does not matter
    points: list[Point]

    @property
    def front(self) -> list[Point]:
        """The points on the front, the cheapest first."""
        return sorted(
            (point for point in self.points if point.on_front), key=lambda point: point.cost
        )


def front(points: Sequence[tuple[float, float]], sign: int) -> set[int]:
    """The positions of the (cost, quality) that no other point dominates; equal ones are both on it.

    `sign` is 1 where a higher quality is better, else -1. One point dominates another that it is no worse
    than in both, and better than in one.
    """

    def dominates(one: tuple[float, float], other: tuple[float, float]) -> bool:
        cheaper, better = one[0] - other[0], sign * (one[1] - other[1])
        return cheaper <= 0 <= better and (cheaper < 0 or better > 0)

    return {
        at
        for at, point in enumerate(points)
        if not any(dominates(other, point) for other in points)
    }
