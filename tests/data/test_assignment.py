from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray

from bakeoff.data.assignment import assign
from bakeoff.data.optimum import Groups, best_assignment, nearest_sizes

Sizes = tuple[int, int, int]


def random_groups(random: np.random.RandomState, count: int, largest: int) -> Groups:
    rows = random.randint(1, largest + 1, count)
    return Groups(rows, np.array([random.randint(0, n + 1) for n in rows]))


def every_assignment(groups: Groups) -> list[tuple[Sizes, Sizes]]:
    """Sizes and positives of the three splits, for every way to put each group in one or in none."""
    found = set()
    for places in product(range(4), repeat=len(groups.rows)):
        at = np.asarray(places)
        sizes = tuple(int(groups.rows[at == k].sum()) for k in range(3))
        positives = tuple(int(groups.positives[at == k].sum()) for k in range(3))
        found.add((sizes, positives))
    return sorted(found)  # type: ignore[arg-type]


def sums(groups: Groups, chosen: list[NDArray[np.intp]]) -> tuple[Sizes, Sizes]:
    members = np.concatenate(chosen)
    assert len(np.unique(members)) == len(members)  # no group in two splits
    sizes = tuple(int(groups.rows[part].sum()) for part in chosen)
    return sizes, tuple(int(groups.positives[part].sum()) for part in chosen)  # type: ignore[return-value]


def distance(one: Sizes, other: Sizes) -> int:
    return sum(abs(a - b) for a, b in zip(one, other, strict=True))


@pytest.mark.slow(seconds=2)
@pytest.mark.parametrize("seed", range(12))
def test_it_succeeds_exactly_when_brute_force_does_and_as_near(seed: int) -> None:
    random = np.random.RandomState(seed)
    groups = random_groups(random, 7, 9)
    everything = every_assignment(groups)
    for _ in range(12):
        sizes: Sizes = tuple(random.randint(2, 14, 3).tolist())
        targets: Sizes = tuple(random.randint(1, size) for size in sizes)  # type: ignore[assignment]
        possible = [distance(positives, targets) for s, positives in everything if s == sizes]
        for method in (assign, best_assignment):
            chosen = method(groups, sizes, targets, np.random.RandomState(seed))
            assert (chosen is None) == (not possible)
            if chosen is not None:
                found, positives = sums(groups, chosen)
                assert found == sizes
                assert distance(positives, targets) == min(possible)


@pytest.mark.parametrize("seed", range(8))
def test_the_nearest_sizes_are_brute_forces(seed: int) -> None:
    random = np.random.RandomState(100 + seed)
    groups = random_groups(random, 6, 30)
    all_sizes = {sizes for sizes, _ in every_assignment(groups) if min(sizes) > 0}
    for _ in range(5):
        asked: Sizes = tuple(random.randint(2, 50, 3).tolist())
        nearest = nearest_sizes(groups, asked)
        assert nearest is not None
        assert tuple(nearest) in all_sizes
        assert distance(tuple(nearest), asked) == min(distance(s, asked) for s in all_sizes)  # type: ignore[arg-type]


def test_large_groups_alone_come_out_exactly(seed: int = 0) -> None:
    groups = random_groups(np.random.RandomState(seed), 60, 90)
    prevalence = groups.positives.sum() / groups.rows.sum()
    sizes = (1400, 400, 400)
    targets = [round(size * prevalence) for size in sizes]
    chosen = assign(groups, sizes, targets, np.random.RandomState(seed))
    assert chosen is not None
    assert sums(groups, chosen) == (sizes, tuple(targets))


def test_what_parity_forbids_is_refused_soon() -> None:
    groups = Groups(np.full(400, 4), np.full(400, 2))
    assert assign(groups, (601, 200, 200), (300, 100, 100), np.random.RandomState(0)) is None
    assert nearest_sizes(groups, (601, 200, 200)) == [600, 200, 200]
