"""Whether adding seeds round by round finds the winner of the full grid, and with how many of its runs.

    python -m benchmarks.adaptive [--bakeoffs 200] [--jobs 2]

Every variant has up to 10 seeds; the rounds begin with 2 of each and are decided by bakeoff's own `decide`,
on validation. The winner is the variant with the highest mean on validation among those that may be the best,
of the grid among all with 10 seeds; `regret` is how much better the grid's is in truth. Bake-offs are drawn
as in benchmarks/verdicts.py. Writes benchmarks/adaptive.md.
"""

import argparse
import os
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from bakeoff.evaluation import intervals
from bakeoff.evaluation.conclusion.joint_errors import Figures, joint_errors
from bakeoff.evaluation.rounds import decide
from bakeoff.task.measures import measures_of
from benchmarks.load import machine
from benchmarks.verdicts import (
    Row,
    images_of,
    noises,
    scores_of,
    thresholds,
    true_figure,
)

TABLE = Path(__file__).with_suffix(".md")
MOST, BEGIN = 10, 2
ROWS = (
    Row("ten, one far ahead", 10, leads=(1.0,)),
    Row("ten, one far ahead and five hopeless", 10, leads=(1.0, 0, 0, 0, 0, -1, -1, -1, -1, -1)),
    Row("eight, one ahead", 8, leads=(0.6,)),
    Row("eight, each ahead of the next", 8, leads=tuple(0.7 - 0.1 * at for at in range(8))),
    Row("eight, two ahead", 8, leads=(0.6, 0.6)),
    Row("eight, two ahead and three hopeless", 8, leads=(0.3, 0.3, 0, 0, 0, -1, -1, -1)),
    Row("eight equal", 8),
    Row("twenty, three ahead", 20, leads=(0.5, 0.5, 0.5)),
)  # fmt: skip


def compare(row: Row, at: int) -> tuple[bool, float, float]:
    """One bake-off: whether rounds and grid have the same winner, the share of runs, the regret."""
    random = np.random.default_rng([at, *row.name.encode()])
    units, labels = images_of(row, random)
    measures, chosen, even = measures_of(row.task), thresholds(row), np.ones((1, row.images))
    weights = np.concatenate(list(intervals.resample_weights(units, 500)))
    whole = []
    for variant, noise in enumerate(noises(row, units, random)):
        each = []
        for _ in range(MOST):
            gap = row.gap(variant) + row.spread_of(variant) * random.normal()
            scores = scores_of(row, labels, noise(), gap)
            found = measures.resampled(
                labels, scores, chosen, np.concatenate([even, weights]), [row.metric]
            )
            each.append(found[row.metric])
        drawn = np.stack(each)
        whole.append(Figures(str(variant), drawn[:, 0], drawn[:, 1:]))
    seeds = {one.name: tuple(range(BEGIN)) for one in whole}
    number = 1
    while True:
        now = [
            Figures(one.name, one.values[: len(seeds[one.name])], one.drawn[: len(seeds[one.name])])
            for one in whole
        ]
        decision = decide(number, joint_errors(now, int(units.max()) + 1), seeds, row.metric, MOST)
        if decision.ended:
            break
        for name, more in decision.added.items():
            seeds[name] += more
        number += 1
    means = {one.name: one.mean for one in now}
    winner = max(decision.in_the_set, key=lambda name: means[name])
    grid = max(whole, key=lambda one: one.mean).name
    truth = [true_figure(row, row.gap(int(name)), row.spread_of(0)) for name in (grid, winner)]
    runs = sum(map(len, seeds.values()))
    return winner == grid, runs / (MOST * row.variants), truth[0] - truth[1]


def main() -> None:
    """Print the table and write it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--bakeoffs", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    asked: Any = parser.parse_args()
    lines = ["| | same winner | share of the runs | regret |", "|---|---:|---:|---:|"]
    with ProcessPoolExecutor(asked.jobs) as pool:
        for row in ROWS:
            found = list(pool.map(partial(compare, row), range(asked.bakeoffs), chunksize=5))
            same, share, regret = (np.mean(column) for column in zip(*found, strict=True))
            lines.append(f"| {row.name} | {same:.3f} | {share:.2f} | {regret:.4f} |")
            print(lines[-1], flush=True)
    about = f"{asked.bakeoffs} bake-offs a row, 2 to {MOST} seeds of each variant; {machine()}."
    TABLE.write_text("\n".join([*lines, "", about, ""]))


if __name__ == "__main__":
    main()
