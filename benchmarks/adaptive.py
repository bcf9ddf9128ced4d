"""Whether adding seeds round by round finds the winner of the full grid, and with how many of its runs.

    python -m benchmarks.adaptive [--bakeoffs 200] [--jobs 2]

Every variant has up to 10 seeds; the rounds begin with 2 of each and are decided by bakeoff's own `decide`,
on validation. The winner is the variant with the highest mean on validation among those that may be the best,
of the grid among all with 10 seeds; `regret` is how much better the grid's is in truth. Then both are
concluded on test images of other patients, on which the seeds are as lucky as on validation: how often a
variant is called worse than one that it is no worse than. Bake-offs are drawn as in benchmarks/verdicts.py.
Writes benchmarks/adaptive.md.
"""

import argparse
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from bakeoff.evaluation import intervals
from bakeoff.evaluation.conclusion.conclusion import Sample, conclude
from bakeoff.evaluation.conclusion.joint_errors import Figures, joint_errors
from bakeoff.evaluation.intervals import Floats
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
ABOUT = """\
# Seeds added in rounds, against the full grid

`python -m benchmarks.adaptive`: every variant may have 10 seeds, rounds begin with 2 of each and are decided
on validation. *Same winner*: the best on validation of rounds and of the grid of all seeds; *regret*: how
much better the grid's is in truth; *false claims*: bake-offs in which one variant is called worse on test
than another that is no better, after rounds (whose p values are doubled) and with the grid.
"""
"""What stands above the table."""

MOST, BEGIN = 10, 2
RESAMPLES = 500
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


@dataclass(frozen=True)
class Compared:
    """One bake-off: whether both have the same winner, what rounds cost, and false claims on test."""

    same: bool
    share: float  # of the grid's runs
    regret: float
    false_in_rounds: bool
    false_in_grid: bool


def measured(row: Row, gaps: Floats, random: np.random.Generator) -> tuple[list[Figures], Sample]:
    """All variants on images of their own; `gaps` (V, k) has how well each seed tells the classes."""
    units, labels = images_of(row, random)
    measures, chosen, even = measures_of(row.task), thresholds(row), np.ones((1, row.images))
    weights = np.concatenate([even, *intervals.resample_weights(units, RESAMPLES)])
    found = []
    for variant, (noise, own) in enumerate(zip(noises(row, units, random), gaps, strict=True)):
        drawn = np.stack(
            [
                measures.resampled(
                    labels, scores_of(row, labels, noise(), gap), chosen, weights, [row.metric]
                )[row.metric]
                for gap in own
            ]
        )
        found.append(Figures(str(variant), drawn[:, 0], drawn[:, 1:]))
    return found, Sample("patient", int(units.max()) + 1, row.images)


def first_seeds(figures: Sequence[Figures], counts: Mapping[str, int]) -> list[Figures]:
    """The figures with so many of their seeds."""
    return [
        Figures(one.name, one.values[: counts[one.name]], one.drawn[: counts[one.name]])
        for one in figures
    ]


def false_claim(row: Row, figures: Sequence[Figures], sample: Sample, rounds: bool) -> bool:
    """Whether one is called worse than another that is no better in truth."""
    said = conclude(row.metric, figures, sample, rounds=rounds)
    truth = {
        str(at): true_figure(row, row.gap(at), row.spread_of(at)) for at in range(row.variants)
    }
    highest = max(truth.values())
    return any(
        pair.answer == "better" and truth[pair.first] <= truth[pair.second] + 1e-9
        for pair in said.pairs
    ) or any(truth[name] >= highest - 1e-9 for name in said.worse)


def compare(row: Row, at: int) -> Compared:
    """Rounds and grid of one bake-off."""
    random = np.random.default_rng([at, *row.name.encode()])
    gaps = np.array(
        [
            [row.gap(variant) + row.spread_of(variant) * random.normal() for _ in range(MOST)]
            for variant in range(row.variants)
        ]
    )
    whole, sample = measured(row, gaps, random)
    seeds = {one.name: tuple(range(BEGIN)) for one in whole}
    number = 1
    while True:
        now = first_seeds(whole, {name: len(own) for name, own in seeds.items()})
        decision = decide(number, joint_errors(now, sample.units), seeds, row.metric, MOST)
        if decision.ended:
            break
        for name, more in decision.added.items():
            seeds[name] += more
        number += 1
    means = {one.name: one.mean for one in now}
    winner = max(decision.in_the_set, key=lambda name: means[name])
    grid = max(whole, key=lambda one: one.mean).name
    truth = [true_figure(row, row.gap(int(name)), row.spread_of(0)) for name in (grid, winner)]
    counts = {name: len(own) for name, own in seeds.items()}
    tested, test = measured(row, gaps, random)
    return Compared(
        same=winner == grid,
        share=sum(counts.values()) / (MOST * row.variants),
        regret=truth[0] - truth[1],
        false_in_rounds=false_claim(row, first_seeds(tested, counts), test, rounds=True),
        false_in_grid=false_claim(row, tested, test, rounds=False),
    )


def main() -> None:
    """Print the table and write it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--bakeoffs", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    asked: Any = parser.parse_args()
    lines = [
        "| | same winner | share of the runs | regret | false claims on test | of the grid |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    with ProcessPoolExecutor(asked.jobs) as pool:
        for row in ROWS:
            found = list(pool.map(partial(compare, row), range(asked.bakeoffs), chunksize=5))
            same, share, regret, rounds, grid = (
                np.mean([getattr(one, field.name) for one in found]) for field in fields(Compared)
            )
            lines.append(
                f"| {row.name} | {same:.3f} | {share:.2f} | {regret:.4f} | {rounds:.3f} | {grid:.3f} |"
            )
            print(lines[-1], flush=True)
    about = f"{asked.bakeoffs} bake-offs a row, 2 to {MOST} seeds of each variant; {machine()}."
    TABLE.write_text("\n".join([ABOUT, *lines, "", about, ""]))


if __name__ == "__main__":
    main()
