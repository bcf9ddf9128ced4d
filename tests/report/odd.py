"""A bake-off in which everything is at its edge: long names, a tie at 1.0, constant scores, a failure, no
metadata, and a sweep whose variants' names differ only at their ends."""

import shutil
from pathlib import Path

from bakeoff.evaluation.comparison import write_comparison
from tests.report.answers import change_scores

UNBROKEN = "averyveryverylongnamewithoutanyplacetobreakit"
LONG = "VIT_WITH_OVERLAPPING_PATCHES-training.lr-0.001-image.size-224"
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
