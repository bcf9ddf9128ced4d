"""What a job pays before its work begins, and what it would pay by other ways to the same.

    python -m benchmarks.startup [--rounds N]

Each row starts a Python that imports a stage's module and does nothing, now, and by a way that was left:
the training's accuracy and AUROC from scikit-learn, timm asked for its classes where no model is timm's,
rank correlation from SciPy, deterministic kernels by torch.use_deterministic_algorithms, which imports
the compiler. The two take turns, so that other work on the machine meets both; processor time counts.

Writes benchmarks/startup.md.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path
from statistics import median

from benchmarks.load import load, machine

TABLE = Path(__file__).with_suffix(".md")
NOW = "from bakeoff.training.randomness import make_deterministic as f; f(1, deterministic=True)"
THEN = "import torch; torch.use_deterministic_algorithms(True)"
PAIRS = {
    "a training": ("import bakeoff.training.train", "import sklearn.metrics"),
    "pictures": ("import bakeoff.pictures.draw", "import timm, scipy.stats"),
    "deterministic kernels, in evaluation and pictures": (NOW, THEN),
}


def seconds(*code: str) -> float:
    """Processor time, user and system, of a Python that runs the code."""
    before = os.times()
    subprocess.run([sys.executable, "-c", "\n".join(code)], check=True)
    after = os.times()
    return (after.children_user - before.children_user) + (
        after.children_system - before.children_system
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    before = load()
    rows = ["| start of | s | and | s | ratio |", "|---|---|---|---|---|"]
    for what, (now, more) in PAIRS.items():
        seconds(now, more)  # from the disk
        pairs = [(seconds(now), seconds(now, more)) for _ in range(options.rounds)]
        alone, both = (median(side) for side in zip(*pairs, strict=True))
        ratio = median(one / two for one, two in pairs)
        rows.append(f"| {what} | {alone:.2f} | `{more}` | {both:.2f} | {ratio:.2f} |")
    TABLE.write_text(
        "# What a job pays before its work begins\n\n"
        f"Processor time, medians of {options.rounds} rounds. {machine()}; load average {before} at the "
        f"start, {load()} at the end.\nWritten by `benchmarks/startup.py`.\n\n"
        + "\n".join(rows)
        + "\n"
    )
    print(TABLE.read_text())


if __name__ == "__main__":
    main()
