"""Local search on an assignment of groups to splits: exchanges that keep every size and better the counts.

Groups with equally many rows and equal counts are of one kind and interchangeable, so that the state is how
many of each kind are where. Every number below is a whole multiple of 1/64 and small enough for float64 to
hold sums of products exactly: BLAS may add in any order, and the same exchanges win on every machine.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

GRID = 64
"""Targets are multiples of 1/64 of a row."""

WEIGHT = 2**20
"""Weights are multiples of 1/2^20, here counted in such."""

ABSENT = 2.0**52
"""The cost of a class that is absent from a split where it is needed: more than any deviation."""

MOST_PAIRS = 2 * 10**6
"""Exchanges between two splits and of one size that are weighed at a time; of more, a random part."""

TRIED = 128
"""Best exchanges of one size that are tried one after the other before all are weighed again."""

MOST_SWEEPS = 200

Counts = NDArray[np.float64]


class Kinds(NamedTuple):
    """Different groups by ascending rows: rows int64 (T,), counts float64 (T, C)."""

    rows: NDArray[np.int64]
    counts: Counts


class Swap(NamedTuple):
    """One group of kind `gives` goes from split `one` to `other`, one of kind `takes` comes back."""

    one: int
    other: int
    gives: int
    takes: int


@dataclass
class Search:
    """`taken[k, t]` groups of kind t in split k, int64 (K + 1, T); the last split is the rest, in none.

    `quotas` float64 (K, C) is each split's share of each class; `needed` bool (K, C) says which splits have
    to have a row of it.
    """

    kinds: Kinds
    taken: NDArray[np.int64]
    quotas: Counts
    needed: NDArray[np.bool_]

    def __post_init__(self) -> None:
        targets = np.rint(self.quotas * GRID) / GRID
        weights = np.rint(WEIGHT / np.maximum(targets, 1))  # as chi-square: rare classes count
        rest = np.zeros((1, targets.shape[1]))
        self.targets, self.weights = np.r_[targets, rest], np.r_[weights, rest]
        self.present = np.r_[self.needed, rest.astype(bool)]
        self.largest = self.kinds.counts.max(axis=0)
        self.sums: Counts = self.taken @ self.kinds.counts

    @property
    def cost(self) -> tuple[int, float]:
        """Classes absent where they are needed; then the weighted squared deviation from the targets."""
        absent = sum(int(self._absent(k, self.sums[k])) for k in range(len(self.sums)))
        return absent, float((self.weights * (self.sums - self.targets) ** 2).sum())

    def improve(self, random: np.random.RandomState) -> None:
        """Exchange as long as that lowers the cost."""
        pairs = list(combinations(range(len(self.sums)), 2))
        for _ in range(MOST_SWEEPS):
            if not sum(self._exchange(one, other, random) for one, other in pairs):
                return

    def _exchange(self, one: int, other: int, random: np.random.RandomState) -> int:
        """Make the best exchanges between two splits; how many there were."""
        ranked = sorted(self._best(one, other, random))
        return sum(self._make(swap) for _, swap in ranked)

    def _best(
        self, one: int, other: int, random: np.random.RandomState
    ) -> Iterator[tuple[float, Swap]]:
        """For each size of group, the exchanges that change the cost least, if that is below 0.

        The change is exact but for what is absent: there both groups count as if the other did not move.
        """
        counts, weight = self.kinds.counts, self.weights[one] + self.weights[other]
        linear, square = 2 * counts @ self._pull(one, other), counts**2 @ weight
        give = square - linear + ABSENT * (self._lost(one) - self._filled(other))
        take = square + linear + ABSENT * (self._lost(other) - self._filled(one))
        for gives, takes in self._equal_rows(one, other, random):
            change = give[gives][:, None] + take[takes]
            shared = counts[gives].any(axis=0) & counts[takes].any(axis=0)
            a, b = counts[np.ix_(gives, shared)], counts[np.ix_(takes, shared)]
            change -= 2 * (a * weight[shared]) @ b.T
            flat = change.ravel()
            last = np.partition(flat, TRIED)[TRIED] if len(flat) > TRIED else np.inf
            lowest = np.flatnonzero((flat <= last) & (flat < 0))
            lowest = lowest[np.argsort(flat[lowest], kind="stable")[:TRIED]]
            for at in lowest.tolist():
                i, j = divmod(at, len(takes))
                yield float(flat[at]), Swap(one, other, int(gives[i]), int(takes[j]))

    def _equal_rows(
        self, one: int, other: int, random: np.random.RandomState
    ) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
        """For each number of rows, the kinds of it in the one split and those in the other."""
        rows = self.kinds.rows  # ascending
        here, there = (np.flatnonzero(self.taken[k]) for k in (one, other))
        for size in np.intersect1d(rows[here], rows[there]).tolist():
            sides = [
                kinds[slice(*np.searchsorted(rows[kinds], [size, size + 1]))]
                for kinds in (here, there)
            ]
            share = MOST_PAIRS / (len(sides[0]) * len(sides[1]))
            if share < 1:
                sides = [_some(kinds, share**0.5, random) for kinds in sides]
            yield sides[0], sides[1]

    def _pull(self, one: int, other: int) -> Counts:
        away = self.weights * (self.sums - self.targets)
        difference: Counts = away[one] - away[other]
        return difference

    def _make(self, swap: Swap) -> bool:
        """Make the exchange if it is still possible and still lowers the cost."""
        one, other, gives, takes = swap
        if not (self.taken[one, gives] and self.taken[other, takes]):
            return False
        moved = self.kinds.counts[takes] - self.kinds.counts[gives]
        after = self.sums[one] + moved, self.sums[other] - moved
        absent = self._absent(one, after[0]) + self._absent(other, after[1])
        absent -= self._absent(one, self.sums[one]) + self._absent(other, self.sums[other])
        weight = self.weights[one] + self.weights[other]
        change = (moved * (2 * self._pull(one, other) + weight * moved)).sum()
        if (absent, change) >= (0, 0):
            return False
        self.sums[one], self.sums[other] = after
        for k, sign in ((one, 1), (other, -1)):
            self.taken[k, gives] -= sign
            self.taken[k, takes] += sign
        return True

    def _absent(self, k: int, sums: Counts) -> int:
        """How many classes are absent from split k, which has `sums` (C,), where they are needed."""
        return int((self.present[k] & (sums < 1)).sum())

    def _filled(self, k: int) -> NDArray[np.int64]:
        """How many classes that split k lacks a group of each kind would bring: (T,)."""
        lacking = self.present[k] & (self.sums[k] < 1)
        filled: NDArray[np.int64] = (self.kinds.counts[:, lacking] > 0).sum(axis=1)
        return filled

    def _lost(self, k: int) -> NDArray[np.int64]:
        """How many needed classes split k would lose with a group of each kind: (T,)."""
        few = self.present[k] & (self.sums[k] >= 1) & (self.sums[k] <= self.largest)
        lost: NDArray[np.int64] = (self.kinds.counts[:, few] >= self.sums[k, few]).sum(axis=1)
        return lost


def _some(kinds: NDArray[np.intp], share: float, random: np.random.RandomState) -> NDArray[np.intp]:
    """A random `share` of the kinds, in order."""
    return np.sort(random.permutation(kinds)[: max(1, int(len(kinds) * share))])
