"""The best assignment of whole groups to splits, or proof that there is none, as an integer program.

Groups with equally many rows and positives are interchangeable: the unknowns are how many of each kind
go where. This settles the rare tables on which random assignment does not succeed.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

MOST_NODES = 5000
"""Nodes of the branch-and-bound tree; a bound in nodes, unlike one in seconds, is the same everywhere."""

MOST_NODES_OF_CLASSES = 500
"""The same for several classes, whose nodes take longer."""

ABSENT = 1000.0
"""The cost of a class that is absent where it is needed, in relative deviations."""


class Groups(NamedTuple):
    """Rows and positive rows of each group, both int64 (G,)."""

    rows: NDArray[np.int64]
    positives: NDArray[np.int64]


def best_assignment(
    groups: Groups, sizes: Sequence[int], targets: Sequence[int], random: np.random.RandomState
) -> list[NDArray[np.intp]] | None:
    """Groups for each split with exactly `sizes` rows and positives as near `targets` as can be, or None."""
    kinds, kind_of, counts = _kinds(groups)
    solution = _solve(kinds, counts, sizes, kinds[:, 1], targets, exact=True)
    if solution is None:
        return None
    chosen: list[list[int]] = [[] for _ in sizes]
    for kind, taken in enumerate(solution):
        members = random.permutation(np.flatnonzero(kind_of == kind)).tolist()
        for k, number in enumerate(taken):
            chosen[k] += [members.pop() for _ in range(number)]
    return [np.asarray(members, dtype=np.intp) for members in chosen]


def nearest_sizes(groups: Groups, sizes: Sequence[int]) -> list[int] | None:
    """The sizes nearest to `sizes` (least sum of differences) that whole groups allow, none empty."""
    kinds, _, counts = _kinds(groups)
    solution = _solve(kinds, counts, sizes, kinds[:, 0], sizes, exact=False)
    return None if solution is None else [int(size) for size in kinds[:, 0] @ solution]


def best_counts(
    rows: NDArray[np.int64],
    counts: NDArray[np.float64],
    number: NDArray[np.int64],
    sizes: Sequence[int],
    quotas: NDArray[np.float64],
    needed: NDArray[np.bool_],
) -> NDArray[np.int64] | None:
    """How many groups of each kind go to each split, int64 (K, T), for exact sizes and several classes.

    There are `number` (T,) groups with `rows` (T,) and `counts` (T, C). First the fewest classes are absent
    where they are `needed` (K, C), then the relative deviations from `quotas` (K, C) are least. None if
    infeasible, or if MOST_NODES_OF_CLASSES are too few to find any.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import csr_array, eye_array, hstack, kron

    (t, c), k = counts.shape, len(sizes)
    # The unknowns: groups (t, k); then, each (c, k), absolute deviations and whether a class is absent.
    groups, cells = t * k, c * k
    per_class = kron(csr_array(counts.T), eye_array(k))
    cell, nothing = eye_array(cells), csr_array((cells, cells))
    aims = quotas.T.ravel()

    def over_groups(matrix: csr_array) -> csr_array:
        return hstack([matrix, csr_array((matrix.shape[0], 2 * cells))])

    constraints = [
        LinearConstraint(over_groups(kron(eye_array(t), np.ones((1, k)))), 0, number),
        LinearConstraint(over_groups(kron(csr_array(rows[None, :]), eye_array(k))), sizes, sizes),
        LinearConstraint(hstack([per_class, -cell, nothing]), -np.inf, aims),
        LinearConstraint(hstack([per_class, cell, nothing]), aims, np.inf),
        LinearConstraint(hstack([per_class, nothing, cell]), needed.T.ravel(), np.inf),
    ]
    result = milp(
        c=np.r_[np.zeros(groups), 1 / np.maximum(aims, 1), np.full(cells, ABSENT)],
        integrality=np.r_[np.ones(groups), np.zeros(2 * cells)],
        bounds=Bounds(0, np.r_[np.repeat(number, k), np.full(2 * cells, np.inf)]),
        constraints=constraints,
        options={"node_limit": MOST_NODES_OF_CLASSES},
    )
    if result.x is None:
        return None
    solution: NDArray[np.int64] = np.rint(result.x[:groups]).astype(np.int64)
    return solution.reshape(t, k).T


def _kinds(groups: Groups) -> tuple[NDArray[np.int64], NDArray[np.intp], NDArray[np.int64]]:
    pairs = np.stack([groups.rows, groups.positives], axis=1)
    kinds, kind_of, counts = np.unique(pairs, axis=0, return_inverse=True, return_counts=True)
    return kinds, kind_of.reshape(-1), counts


def _solve(
    kinds: NDArray[np.int64],
    counts: NDArray[np.int64],
    sizes: Sequence[int],
    weights: NDArray[np.int64],
    aims: Sequence[int],
    exact: bool,
) -> NDArray[np.int64] | None:
    """Minimise sum_k |weights @ x[:, k] - aims[k]| over integer x (kinds, splits); None if infeasible."""
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import csr_array, eye_array, hstack, kron

    t, k = len(kinds), len(sizes)
    splits = eye_array(k)
    nothing = csr_array((k, k))
    per_split = hstack([kron(kinds[:, :1].T, splits), nothing])  # rows in each split
    weight = kron(weights[None, :], splits)
    used = hstack([kron(eye_array(t), np.ones((1, k))), csr_array((t, k))])
    constraints = [
        LinearConstraint(used, 0, counts),
        LinearConstraint(per_split, sizes if exact else 1, sizes if exact else np.inf),
        # The last k unknowns are the absolute deviations.
        LinearConstraint(hstack([weight, -splits]), -np.inf, aims),
        LinearConstraint(hstack([weight, splits]), aims, np.inf),
    ]
    result = milp(
        c=np.r_[np.zeros(t * k), np.ones(k)],
        integrality=np.r_[np.ones(t * k), np.zeros(k)],
        bounds=Bounds(0, np.r_[np.repeat(counts, k), np.full(k, np.inf)]),
        constraints=constraints,
        options={"node_limit": MOST_NODES},
    )
    if result.x is None:
        return None
    solution: NDArray[np.int64] = np.rint(result.x[: t * k]).astype(np.int64)
    return solution.reshape(t, k)
