"""Whole groups (patients) to splits of exactly given sizes, each split with its share of every class.

With one class to count this is `assign`, exactly and bit for bit as ever. With more, exact sizes come first;
then groups with equally many rows change places while the counts come nearer to their shares, measured as
chi-square measures it, so that rare classes count as much as common ones. The aim is that of iterative
stratification (Sechidis et al., ECML PKDD 2011), which has sizes only about right.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bakeoff.data.assignment import assign
from bakeoff.data.exchange import Kinds, Search
from bakeoff.data.optimum import Groups, best_counts

ATTEMPTS = 10
"""Random starts, as long as a count is a row or more from its share."""

PATIENCE = 2
"""Starts without a better end after which there are no more of them."""

FAR = 2
"""Rows that a count is from its share, or more, where exchanges alone did not do."""

MOST_UNKNOWNS = 300
"""Numbers of groups of a kind in a split up to which an integer program then has the last word."""

Chosen = list[NDArray[np.intp]]


class ClassGroups(NamedTuple):
    """Rows of each group, int64 (G,), and how many of them are of each class or finding, int64 (G, C)."""

    rows: NDArray[np.int64]
    counts: NDArray[np.int64]

    @classmethod
    def of(cls, group_of: NDArray[np.intp], strata: NDArray[np.int64]) -> "ClassGroups":
        """The groups of rows with `group_of` (n,), numbers from 0, and `strata` (n, C), 0 or 1."""
        rows = np.bincount(group_of)
        counts = np.zeros((len(rows), strata.shape[1]), dtype=np.int64)
        for c in range(strata.shape[1]):
            counts[:, c] = np.bincount(group_of, strata[:, c], len(rows))
        return cls(rows, counts)


def assign_classes(
    groups: ClassGroups, sizes: Sequence[int], random: np.random.RandomState
) -> Chosen | None:
    """Disjoint sets of groups, split k with exactly `sizes[k]` rows and about its share of every class.

    A class in at least as many groups as there are splits gets a row in each, a rarer one in the first
    (training), wherever exact sizes and whole groups leave room for that. None if exact sizes cannot be had.
    """
    total = int(groups.rows.sum())
    if groups.counts.shape[1] == 1:
        positives = groups.counts[:, 0]
        targets = stratified_targets(sizes, int(positives.sum()), total)
        return assign(Groups(groups.rows, positives), sizes, targets, random)
    counted = _counted(groups)
    kinds, kind_of, number = _kinds(groups.rows, counted)
    quotas = np.asarray(sizes)[:, None] * counted.sum(axis=0) / total
    needed = _needed(groups.rows, counted, sizes)
    best = _best_of_starts(kinds, number, sizes, quotas, needed, random)
    if best is None:
        return None
    if not _within(FAR, best) and len(sizes) * len(number) <= MOST_UNKNOWNS:
        optimum = best_counts(kinds.rows, kinds.counts, number, sizes, quotas, needed)
        if optimum is not None:
            search = Search(kinds, _with_rest(optimum, number), quotas, needed)
            best = min(search, best, key=lambda found: found.cost)
    return _members(best.taken[:-1], kind_of, random)


def _best_of_starts(
    kinds: Kinds,
    number: NDArray[np.int64],
    sizes: Sequence[int],
    quotas: NDArray[np.float64],
    needed: NDArray[np.bool_],
    random: np.random.RandomState,
) -> Search | None:
    """The best end of exchanges from random starts of exact sizes; None if there is no such start."""
    best: Search | None = None
    without_success = 0
    for _ in range(ATTEMPTS):
        taken = _start(kinds, number, sizes, random)
        if taken is None:
            break
        search = Search(kinds, taken, quotas, needed)
        search.improve(random)
        without_success += 1
        if best is None or search.cost < best.cost:
            best, without_success = search, 0
        if _within(1, best) or without_success == PATIENCE:
            break
    return best


def _within(rows: int, search: Search) -> bool:
    """Nothing is absent where it is needed, and every count is less than `rows` from its share."""
    off = np.abs(search.sums[:-1] - search.quotas)
    return search.cost < (1, 0.0) and bool((off < rows).all())


def _with_rest(taken: NDArray[np.int64], number: NDArray[np.int64]) -> NDArray[np.int64]:
    with_rest: NDArray[np.int64] = np.r_[taken, [number - taken.sum(axis=0)]]
    return with_rest


def _counted(groups: ClassGroups) -> NDArray[np.int64]:
    """Counts of the classes that have rows, and where it is most of them, of the rows not of the class."""
    counts = groups.counts[:, groups.counts.any(axis=0)]
    common = 2 * counts.sum(axis=0) > groups.rows.sum()
    others = groups.rows[:, None] - counts[:, common]
    counted: NDArray[np.int64] = np.hstack([counts, others[:, others.any(axis=0)]])
    return counted


def _kinds(
    rows: NDArray[np.int64], counts: NDArray[np.int64]
) -> tuple[Kinds, NDArray[np.intp], NDArray[np.int64]]:
    """The different groups by ascending rows, which of them each group is, and how many there are."""
    table, kind_of, number = np.unique(
        np.column_stack([rows, counts]), axis=0, return_inverse=True, return_counts=True
    )
    return Kinds(table[:, 0], table[:, 1:].astype(np.float64)), kind_of.reshape(-1), number


def _needed(
    rows: NDArray[np.int64], counted: NDArray[np.int64], sizes: Sequence[int]
) -> NDArray[np.bool_]:
    """Which splits have to have which class, bool (K, C); none that is too small for all of its classes."""
    needed = np.repeat([(counted > 0).sum(axis=0) >= len(sizes)], len(sizes), axis=0)
    needed[0] = True
    most = (counted.sum(axis=1) / np.maximum(rows, 1)).max(initial=0)  # classes to a row
    needed[needed.sum(axis=1) > most * np.asarray(sizes)] = False
    return needed


def _start(
    kinds: Kinds, number: NDArray[np.int64], sizes: Sequence[int], random: np.random.RandomState
) -> NDArray[np.int64] | None:
    """Exact sizes, int64 (K + 1, T): each kind's share to each split, what is left over at random."""
    rows, total = kinds.rows, int(kinds.rows @ number)
    share = np.asarray(sizes)[:, None] * number // total
    for bulk in (share, np.zeros_like(share)):
        left = np.repeat(np.arange(len(rows)), number - bulk.sum(axis=0))
        asked = sizes - bulk @ rows
        open_splits = np.flatnonzero(asked)
        groups = Groups(rows[left], np.zeros_like(left))
        nothing = [0 for _ in open_splits]
        chosen = assign(groups, asked[open_splits].tolist(), nothing, random)
        if chosen is not None:
            for k, members in zip(open_splits, chosen, strict=True):
                bulk[k] += np.bincount(left[members], minlength=len(rows))
            return _with_rest(bulk, number)
    return None


def _members(
    taken: NDArray[np.int64], kind_of: NDArray[np.intp], random: np.random.RandomState
) -> Chosen:
    """Groups of each split, ascending, drawn at random among those of a kind."""
    order = random.permutation(len(kind_of))
    order = order[np.argsort(kind_of[order], kind="stable")]
    first = np.searchsorted(kind_of[order], np.arange(taken.shape[1]))
    split_of = np.full(len(kind_of), -1)
    for k, numbers in enumerate(taken):
        steps = np.arange(numbers.sum()) - np.repeat(np.cumsum(numbers) - numbers, numbers)
        split_of[order[np.repeat(first, numbers) + steps]] = k
        first = first + numbers
    return [np.flatnonzero(split_of == k) for k in range(len(taken))]


def stratified_targets(sizes: Sequence[int], positives: int, rows: int) -> list[int]:
    """Positives in each split nearest to the table's share of them, at least one of each class.

    The table has `rows`, `positives` of them positive; it needs as many of each class as there are splits,
    unless no row is positive: then nothing is counted, and every target is 0.
    """
    if positives == 0:
        return [0 for _ in sizes]
    quotas = np.asarray(sizes) * positives / rows
    targets = np.floor(quotas).astype(int)
    short = round(float(quotas.sum())) - targets.sum()
    targets[np.argsort(targets - quotas, kind="stable")[:short]] += 1
    targets = _none_empty(targets)
    targets = sizes - _none_empty(sizes - targets)  # the same for the negatives
    return [int(target) for target in targets]


def _none_empty(counts: NDArray[np.int_]) -> NDArray[np.int_]:
    """At least one in each split, taken where there are most; more in all only if none can spare one."""
    filled = np.maximum(counts, 1)
    for _ in range(int(filled.sum() - counts.sum())):
        if filled.max() > 1:
            filled[filled.argmax()] -= 1
    return filled
