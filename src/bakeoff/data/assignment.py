"""Whole groups (patients) to splits of exactly given sizes: random first, then dynamic programming.

Only NumPy's legacy generator is used, whose stream is frozen: a seed means the same rows for ever.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bakeoff.data.optimum import Groups, best_assignment

ATTEMPTS = 10
RESERVE = 32
"""Rows of a split that are not drawn at random but chosen so that size and class counts come out.

Twice as many from every second attempt on: large groups leave gaps that a few rows cannot fill.
"""

MOST_STATES = 10**8
"""States (size x positives x groups) up to which the last rows are searched: about a second."""

Chosen = list[NDArray[np.intp]]


def assign(
    groups: Groups, sizes: Sequence[int], targets: Sequence[int], random: np.random.RandomState
) -> Chosen | None:
    """Disjoint sets of groups, split k with exactly `sizes[k]` rows and about `targets[k]` positives.

    Deviation from `targets` is the least there is whenever no random attempt hits them. None if exact
    sizes cannot be had with whole groups.
    """
    best: Chosen | None = None
    for attempt in range(ATTEMPTS):
        order = random.permutation(len(groups.rows))
        chosen = _attempt(groups, sizes, targets, order, RESERVE * 2 ** (attempt // 2))
        if chosen is not None and _deviation(groups, chosen, targets) == 0:
            return chosen
        if best is None or (chosen and _better(groups, chosen, best, targets)):
            best = chosen
    optimum = best_assignment(groups, sizes, targets, random)
    if best is None or (optimum and _better(groups, optimum, best, targets)):
        return optimum
    return best


def _attempt(
    groups: Groups,
    sizes: Sequence[int],
    targets: Sequence[int],
    order: NDArray[np.intp],
    reserve: int,
) -> Chosen | None:
    """One random assignment, the smallest split first; the last takes all that is left if it fits."""
    chosen: dict[int, NDArray[np.intp]] = {}
    for k in sorted(range(len(sizes)), key=lambda k: sizes[k]):
        if len(chosen) == len(sizes) - 1 and groups.rows[order].sum() == sizes[k]:
            chosen[k] = order
        else:
            members = _fill(groups, order, sizes[k], targets[k], reserve)
            if members is None:
                return None
            chosen[k] = np.asarray(members, dtype=np.intp)
        order = order[~np.isin(order, chosen[k])]
    return [chosen[k] for k in range(len(sizes))]


def _fill(
    groups: Groups, order: NDArray[np.intp], size: int, target: int, reserve: int
) -> list[int] | None:
    """Groups of together `size` rows, in `order` as long as they fit, then whichever end exactly."""
    members: list[int] = []
    kept = min(reserve, size)
    kept_positives = round(kept * target / size)
    positives_left = target - kept_positives
    negatives_left = size - target - (kept - kept_positives)
    rest = []
    for group in order.tolist():
        positives = int(groups.positives[group])
        negatives = int(groups.rows[group]) - positives
        if positives <= positives_left and negatives <= negatives_left:
            members.append(group)
            positives_left -= positives
            negatives_left -= negatives
        else:
            rest.append(group)
    left = positives_left + negatives_left + kept
    last = _exactly(groups, rest, left, positives_left + kept_positives)
    return None if last is None else members + last


def _exactly(groups: Groups, pool: list[int], size: int, target: int) -> list[int] | None:
    """Groups of `pool` with exactly `size` rows and positives nearest to `target`: subset sum in 2-D."""
    columns = min(size, int(groups.positives[pool].sum())) + 1
    if (size + 1) * columns * len(pool) > MOST_STATES:
        pool = pool[: MOST_STATES // ((size + 1) * columns)]
    # last[r, p]: the position in `pool` of the group that first made r rows with p positives.
    last = np.full((size + 1, columns), -1, dtype=np.int64)
    reached = np.zeros((size + 1, columns), dtype=bool)
    reached[0, 0] = True
    for position, group in enumerate(pool):
        if target < columns and reached[size, target]:
            break
        r, p = int(groups.rows[group]), int(groups.positives[group])
        if r > size or p >= columns:
            continue
        new = reached[: size + 1 - r, : columns - p] & ~reached[r:, p:]
        last[r:, p:][new] = position
        reached[r:, p:] |= new
    possible = np.flatnonzero(reached[size])
    if possible.size == 0:
        return None
    r, p = size, int(possible[np.abs(possible - target).argmin()])
    members = []
    while r:
        group = pool[last[r, p]]
        members.append(group)
        r, p = r - int(groups.rows[group]), p - int(groups.positives[group])
    return members


def _deviation(groups: Groups, chosen: Chosen, targets: Sequence[int]) -> int:
    pairs = zip(chosen, targets, strict=True)
    return sum(abs(int(groups.positives[members].sum()) - target) for members, target in pairs)


def _better(groups: Groups, one: Chosen, other: Chosen, targets: Sequence[int]) -> bool:
    return _deviation(groups, one, targets) < _deviation(groups, other, targets)
