"""How often the report's conclusions are right: bake-offs are drawn whose truth is known, and concluded.

    python -m benchmarks.verdicts [--bakeoffs 1000] [--jobs 2] [--only TEXT] [--out benchmarks/verdicts.md]

Patients have 1 to 8 images; what a patient's images share makes their scores alike. A variant sees the class
with a gap of its own, each of its seeds with another, and all variants see the same images. Figures,
resamples and conclusions come from bakeoff's own functions. A row's bake-offs depend on nothing but its name
and their number.
"""

import argparse
import os
import platform
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from bakeoff.evaluation import intervals
from bakeoff.evaluation.conclusion.conclusion import Conclusion, Sample, conclude
from bakeoff.evaluation.conclusion.joint_errors import Figures, joint_errors
from bakeoff.evaluation.metrics import metric_interval
from bakeoff.task.binary import BinaryTask
from bakeoff.task.classification import ClassificationTask, Metric
from bakeoff.task.kinds import task_of
from bakeoff.task.measures import measures_of

Floats = NDArray[np.float64]
RESAMPLES = 800
GAP = 1.0
COMMON = 0.6  # of an image's own noise, what every variant sees alike
AGAIN = 0.5  # of what is left, what every seed of a variant sees alike
CLASSES = 3
PREVALENCE = 0.47


@dataclass(frozen=True)
class Row:
    """Bake-offs of one kind. leads: by how much a variant's gap is larger than GAP, the first ones' first."""

    name: str
    variants: int = 5
    seeds: tuple[int, ...] = (3,)  # of each variant in turn, again from the start
    spread: tuple[float, ...] = (0.25,)  # standard deviation of the gap from seed to seed, likewise
    images: int = 200
    alike: float = 0.3  # correlation of the scores of a patient's images
    leads: tuple[float, ...] = ()
    kind: str = "binary"
    metric: str = "auroc"
    detects: bool = True

    @property
    def task(self) -> ClassificationTask:
        """The task that its scores are of."""
        if self.kind == "binary":
            return BinaryTask()
        names = tuple("abcdefgh"[:CLASSES])
        return task_of({"kind": "multiclass", "classes": names})

    def gap(self, variant: int) -> float:
        """The mean gap of a variant."""
        return GAP + (self.leads[variant] if variant < len(self.leads) else 0.0)

    def spread_of(self, variant: int) -> float:
        """How far its seeds lie apart."""
        return self.spread[variant % len(self.spread)]

    def seeds_of(self, variant: int) -> int:
        """How many it has."""
        return self.seeds[variant % len(self.seeds)]


DOWNHILL = tuple(1.0 - 0.1 * at for at in range(10))
ROWS = (
    Row("two models of one seed", 2, (1,), (0.0,)),
    Row("two models of one seed, seeds apart", 2, (1,), detects=False),
    Row("ten models of one seed", 10, (1,), (0.0,)),
    Row("two variants of two seeds", 2, (2,)),
    Row("two variants", 2),
    Row("five variants", 5),
    Row("five, seeds alike", 5, (3,), (0.0,)),
    Row("five, seeds a little apart", 5, (3,), (0.1,)),
    Row("five, images independent", 5, alike=0.0),
    Row("five, a patient's images much alike", 5, alike=0.8),
    Row("five of two seeds", 5, (2,)),
    Row("five of ten seeds", 5, (10,)),
    Row("five of 1, 1, 3, 3 and 5 seeds", 5, (1, 1, 3, 3, 5), detects=False),
    Row("five, seeds unequally apart", 5, (3,), (0.0, 0.1, 0.25, 0.25, 0.5), detects=False),
    Row("five, seeds unequally apart, of five seeds", 5, (5,), (0.0, 0.1, 0.25, 0.25, 0.5), detects=False),
    Row("five, 60 images of about 40 patients", 5, images=60),
    Row("ten variants", 10),
    Row("twenty variants", 20),
    Row("five, one ahead", 5, leads=(0.6,), detects=False),
    Row("ten, one far ahead", 10, leads=(1.0,), detects=False),
    Row("six, two ahead", 6, leads=(0.5, 0.5), detects=False),
    Row("ten, each ahead of the next", 10, leads=DOWNHILL, detects=False),
    Row("accuracy", 5, metric="accuracy"),
    Row("accuracy, twenty variants", 20, metric="accuracy"),
    Row("Brier score", 5, metric="brier"),
    Row("three classes, accuracy", 5, kind="multiclass", metric="accuracy"),
    Row("three classes, macro AUROC", 5, kind="multiclass", metric="macro_auroc"),
    Row("three classes, macro AUROC, one ahead", 5, leads=(0.6,), kind="multiclass",
        metric="macro_auroc", detects=False),
)  # fmt: skip


@dataclass(frozen=True)
class Found:
    """What one bake-off's conclusion said against the truth."""

    covers_a_best: bool
    covers_all_best: bool
    false_worse: bool
    false_pair: bool
    size: int
    single: bool
    means_covered: list[bool] = field(default_factory=list)
    pairs_covered: list[bool] = field(default_factory=list)
    flattery: float = 0.0
    flattered: float = 0.0
    detectable: float = 0.0
    told_apart: bool = False  # the first from the second variant


def images_of(row: Row, random: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The patient of each image and its class; most images of a patient are of one class."""
    sizes: list[int] = []
    while sum(sizes) < row.images:
        sizes.append(min(int(random.geometric(0.6)), 8))
    units = np.repeat(np.arange(len(sizes)), sizes)[: row.images]
    count = int(units.max()) + 1
    shares = [1 - PREVALENCE, PREVALENCE] if row.kind == "binary" else [1 / CLASSES] * CLASSES
    classes = np.arange(len(shares))
    own = random.choice(classes, row.images, p=shares)
    labels = np.where(
        random.random(row.images) < 0.85, random.choice(classes, count, p=shares)[units], own
    )
    labels[: len(classes)] = classes  # none is absent
    return units.astype(np.int64), labels.astype(np.int64)


def scores_of(row: Row, labels: NDArray[np.int64], noise: Floats, gap: float) -> Floats:
    """The scores of a model with this gap: P(class 1) (n,), or of each class (n, K)."""
    if row.kind == "binary":
        odds = gap * labels + noise[:, 0] - GAP / 2
        return np.asarray(1 / (1 + np.exp(-odds)))
    odds = np.exp(gap * np.eye(CLASSES)[labels] + noise)
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))


def noises(
    row: Row, units: NDArray[np.int64], random: np.random.Generator
) -> Iterator[Callable[[], Floats]]:
    """Of each variant what makes the noise of one more seed, (n, K): shared, the variant's and its own."""
    columns = 1 if row.kind == "binary" else CLASSES
    size = (row.images, columns)
    patients = random.normal(size=(int(units.max()) + 1, columns))[units]
    common = random.normal(size=size)
    for _ in range(row.variants):
        variant = random.normal(size=size)

        def seed(variant: Floats = variant) -> Floats:
            rest = np.sqrt(AGAIN) * variant + np.sqrt(1 - AGAIN) * random.normal(size=size)
            own = np.sqrt(COMMON) * common + np.sqrt(1 - COMMON) * rest
            return np.asarray(np.sqrt(row.alike) * patients + np.sqrt(1 - row.alike) * own)

        yield seed


@cache
def _curve(kind: str, metric: str) -> tuple[Floats, Floats]:
    """The true figure of a model (higher is better) at gaps: on very many images."""
    gaps = np.linspace(-1.0, 4.0, 101)
    row = Row("", kind=kind, metric=metric, images=200_000)
    random = np.random.default_rng(0)
    if kind == "binary":
        labels = (random.random(row.images) < PREVALENCE).astype(np.int64)
    else:
        labels = random.integers(0, CLASSES, row.images)
    noise = random.normal(size=(row.images, 1 if kind == "binary" else CLASSES))
    sign = row.task.metric(metric).sign
    if kind == "binary" and metric == "auroc":
        return gaps, np.asarray(ndtr(gaps / np.sqrt(2)))
    even = np.ones((1, row.images))
    found = [
        measures_of(row.task).resampled(
            labels, scores_of(row, labels, noise, gap), thresholds(row), even, [metric]
        )[metric][0]
        for gap in gaps
    ]
    return gaps, sign * np.array(found)


@cache
def _spread_out(spread: float) -> Floats:
    return np.asarray(spread * np.random.default_rng(1).normal(size=20_000 if spread else 1))


@cache
def true_figure(row: Row, gap: float, spread: float) -> float:
    """The expected figure of a variant over its seeds."""
    gaps, figures = _curve(row.kind, row.metric)
    each = gap + _spread_out(spread)
    return float(np.interp(each, gaps, figures).mean())


def thresholds(row: Row) -> dict[str, float]:
    """Half, where a task calls by thresholds: chosen before."""
    return {row.task.scored[0]: 0.5} if row.kind == "binary" else {}


def bakeoff(row: Row, at: int, ahead: float = 0.0) -> Found:
    """Draw bake-off number `at` of a row, conclude, and compare with the truth.

    ahead: by how much the figure of the first variant is higher than what its scores give, so that its
    errors stay what they are: an AUROC of a better model has other ones.
    """
    random = np.random.default_rng([at, *row.name.encode(), ahead > 0])
    units, labels = images_of(row, random)
    metric = row.task.metric(row.metric)
    measures, chosen = measures_of(row.task), thresholds(row)
    weights = np.concatenate(
        list(intervals.resample_weights(units, RESAMPLES, seed=int(random.integers(2**31))))
    )
    even = np.ones((1, row.images))
    figures, truths = [], []
    one_seed = max(row.seeds) == 1
    for variant, noise in enumerate(noises(row, units, random)):
        values, drawn, own = [], [], []
        for _ in range(row.seeds_of(variant)):
            gap = row.gap(variant) + row.spread_of(variant) * random.normal()
            own.append(true_figure(row, gap, 0.0))
            scores = scores_of(row, labels, noise(), gap)
            each = measures.resampled(
                labels, scores, chosen, np.concatenate([even, weights]), [row.metric]
            )[row.metric]
            values.append(each[0])
            drawn.append(each[1:])
        figures.append(
            Figures(str(variant), metric.sign * np.array(values), metric.sign * np.array(drawn))
        )
        # With one seed everywhere the conclusion is about the models that were trained.
        truths.append(
            own[0] if one_seed else true_figure(row, row.gap(variant), row.spread_of(variant))
        )
    if ahead:
        first = figures[0]
        figures[0] = replace(first, values=first.values + ahead, drawn=first.drawn + ahead)
        truths[0] += ahead
    tested = Sample("patient", int(units.max()) + 1, row.images)
    return judged(figures, np.array(truths), tested, metric)


def judged(figures: Sequence[Figures], truths: Floats, tested: Sample, metric: Metric) -> Found:
    """The conclusion on these figures against the truth."""
    said = conclude(metric.name, figures, tested)
    truth = {one.name: value for one, value in zip(figures, truths, strict=True)}
    highest = max(truths)
    best = {name for name, value in truth.items() if value >= highest - 1e-9}
    errors = joint_errors(figures, tested.units)
    means = []
    for place, one in enumerate(figures):
        value = metric.sign * one.mean
        if metric.bounded and not 0 < value < 1:  # put there, or perfect
            continue
        found = metric_interval(metric, value, *errors.mean_error(place), test=None)
        means.append(found is not None and found.low <= metric.sign * truths[place] <= found.high)
    pairs = {(pair.first, pair.second): pair for pair in said.pairs}
    two = pairs.get(("0", "1"), pairs.get(("1", "0")))
    leader = said.contenders[0].name
    return Found(
        covers_a_best=bool(best & set(said.best)),
        covers_all_best=best <= set(said.best),
        false_worse=bool(best & set(said.worse)),
        false_pair=_false(said, truth),
        size=len(said.best),
        single=len(said.best) == 1,
        means_covered=means,
        pairs_covered=[
            pair.low is not None
            and pair.high is not None
            and pair.low <= truth[pair.first] - truth[pair.second] <= pair.high
            for pair in said.pairs
        ],
        flattery=said.choice.flattery if said.choice and said.choice.flattery else 0.0,
        flattered=float(figures[int(leader)].mean - truth[leader]),
        detectable=said.resolution.difference or float("nan"),
        told_apart=two is not None and two.answer == "better" and two.first == "0",
    )


def _false(said: Conclusion, truth: dict[str, float]) -> bool:
    return any(
        pair.answer == "better" and truth[pair.first] <= truth[pair.second] + 1e-9
        for pair in said.pairs
    )


ABOUT = """\
# How often the conclusion is right

`python -m benchmarks.verdicts` draws bake-offs whose truth is known and lets bakeoff's own functions
conclude: patients of 1 to 8 images (200 test images where a row says nothing else), the same images for all
variants, three seeds of each. *Covers the best*: a best variant is in the set of those that may be the
best; *all best*: every one is. *False*: a best variant is said to be worse, a pair is told apart whose
first is no better, either of both. *Mean*, *pair covered*: the 95 % intervals of single figures and
differences that hold the truth. *Detectable*: the difference that the report says is found in 80 % of such
bake-offs (the median), and how often it was *found* where the first variant was ahead by it. *Flattery*: of
the leader, as estimated, and as it really was.

Nominal are 95 % of all best in the set, 5 % of bake-offs with a false claim, 95 % of single intervals, 80 %
found. Of five variants of two seeds each the difference that is said to be found is found a little less
often (another 1,000 bake-offs: 0.720), as ten runs say little of how far seeds spread. The two rows whose
seeds spread unequally, from not at all to twice what real runs do, are beyond what pooling is made for:
single differences are covered less often there, and false claims still stay at about 5 %.
"""
"""What stands above the table."""

COLUMNS = (
    "bake-offs", "covers the best", "all best", "false: worse", "pairs", "either", "mean covered",
    "pair covered", "detectable", "found", "single best", "in the set", "flattery", "real",
)  # fmt: skip


def measure(row: Row, count: int, pool: ProcessPoolExecutor | None) -> dict[str, str]:
    """A row of the table."""
    run: Callable[[Callable[[int], Found], Iterable[int]], Iterable[Found]] = (
        partial(pool.map, chunksize=10) if pool else map
    )
    found = list(run(partial(bakeoff, row), range(count)))
    share = [f"{np.mean([getattr(one, name) for one in found]):.3f}" for name in (
        "covers_a_best", "covers_all_best", "false_worse", "false_pair",
    )]  # fmt: skip
    either = np.mean([one.false_worse or one.false_pair for one in found])
    detectable, told = float(np.nanmedian([one.detectable for one in found])), "–"
    if row.detects:
        again = list(run(partial(bakeoff, row, ahead=detectable), range(max(1, count // 2))))
        told = f"{np.mean([one.told_apart for one in again]):.3f}"
    cells = [
        str(count),
        *share,
        f"{either:.3f}",
        f"{np.mean([each for one in found for each in one.means_covered]):.3f}",
        f"{np.mean([one.pairs_covered for one in found]):.3f}",
        f"{detectable:.3f}",
        told,
        f"{np.mean([one.single for one in found]):.3f}",
        f"{np.mean([one.size for one in found]):.1f}",
        f"{np.mean([one.flattery for one in found]):.3f}",
        f"{np.mean([one.flattered for one in found]):.3f}",
    ]
    return dict(zip(COLUMNS, cells, strict=True))


def main() -> None:
    """Print the table and write it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--bakeoffs", type=int, default=1000)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--only", default="", help="rows whose name holds this")
    parser.add_argument("--out", type=Path, help="a Markdown file")
    asked: Any = parser.parse_args()
    began = time.time()
    lines = ["| " + " | ".join(("", *COLUMNS)) + " |", "|---" + "|---:" * len(COLUMNS) + "|"]
    print("\n".join(lines), flush=True)
    with ProcessPoolExecutor(asked.jobs) as pool:
        for row in ROWS:
            if asked.only in row.name:
                cells = measure(row, asked.bakeoffs, pool)
                lines.append("| " + " | ".join((row.name, *cells.values())) + " |")
                print(lines[-1], flush=True)
    about = (
        f"{RESAMPLES} resamples, {asked.bakeoffs} bake-offs a row (half as many for `found`), "
        f"{(time.time() - began) / 60:.0f} min with {asked.jobs} processes ({platform.machine()})."
    )
    print(about)
    if asked.out:
        asked.out.write_text("\n".join([ABOUT, *lines, "", about, ""]))


if __name__ == "__main__":
    main()
