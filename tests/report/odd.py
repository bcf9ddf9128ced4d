"""A bake-off in which everything is at its edge: long names, a tie at 1.0, constant scores, a failure, no
metadata, and a sweep whose variants' names differ only at their ends."""

import shutil
from pathlib import Path

from bakeoff.evaluation.comparison import write_comparison
from tests.report.answers import blur, change_scores

UNBROKEN = "averyveryverylongnamewithoutanyplacetobreakit"
LONG = "VIT_WITH_OVERLAPPING_PATCHES-training.lr-0.001-image.size-224"
# Real sweeps: their settings are in their names.
TWENTY = [
    (f"broad-lr-{rate:.0e}-depth-{depth}", (0, 1))
    for rate in (1e-2, 1e-3, 1e-4, 1e-5)
    for depth in range(5)
]
ONE = [("broad", (0,))]
ODD = [(UNBROKEN, (0, 1)), (LONG, (0, 1)), ("flat", (0, 1)), ("narrow", (0, 1)), ("ghost", (0, 1))]


def make_odd(results: Path) -> Path:
    """Make it out of a finished small bake-off, in place."""
    for name in (UNBROKEN, LONG, "flat"):
        shutil.copytree(results / "runs" / "broad", results / "runs" / name)
    for seed in (0, 1):
        for name in (UNBROKEN, LONG):
            run = results / "runs" / name / f"seed-{seed}"
            change_scores(run, lambda frame: 0.1 + 0.8 * frame["Disease"])
        change_scores(results / "runs" / "flat" / f"seed-{seed}", lambda frame: 0.48)
    shutil.rmtree(results / "baselines" / "metadata")
    write_comparison(results, ODD)
    return results


def make_twenty(results: Path) -> Path:
    """Make one of twenty variants out of it, in place: half of them tied, the others a little apart."""
    for index, (name, seeds) in enumerate(TWENTY):
        shutil.copytree(results / "runs" / "broad", results / "runs" / name)
        for seed in seeds if index >= 10 else ():
            run = results / "runs" / name / f"seed-{seed}"
            change_scores(run, blur((index - 9) / 10, seed), splits=("test",))
    write_comparison(results, TWENTY)
    return results


def make_one(results: Path) -> Path:
    """Make one of a single variant with a single seed out of it, in place."""
    write_comparison(results, ONE)
    return results
