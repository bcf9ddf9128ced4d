"""What a job pays before its work begins, and what Snakemake pays to plan many of them.

    python -m benchmarks.startup [--rounds N] [--runs N ...]

Processor time, of what takes turns in one run, so that other work on the machine meets all of it:

* a training, from the start of its process to the end of its first step, beside `import torch`, and by ways
  that were left: an optimizer that imports torch's compiler, metrics from scikit-learn;
* what each stage without torch imports, beside the libraries that it works with;
* pictures, by the way that was left: timm and rank correlation from SciPy;
* Snakemake where all is to be done (-n) and where nothing is, beside as many jobs and files written down
  with nothing to look up (startup.smk).

Writes benchmarks/startup.md.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median

from benchmarks.load import load, machine
from benchmarks.startup_planning import Planned, compiled, planned

TABLE = Path(__file__).with_suffix(".md")

CONFIG = """
experiment: tiny
data:
  source: synthetic
  labels: data/sample_labels.csv
  images: data/images
  synthetic: {images: 60, size: 96, seed: 0}
split: {train: 30, val: 15, test: 15, seed: 0}
image: {size: 96}
training: {epochs: 1, batch_size: 4, optimizer: adamw, seeds: [0]}
tracking: {live: false}
variants:
  conv: {model: conv}
"""
OPTIONS = ("--config", "tiny.yaml")
MADE = (("synthesize",), ("split",), ("pack", "--size", "96"))
FIRST_STEP = f"""
import os, sys
from bakeoff.cli import main
import bakeoff.training.train
from bakeoff.training.step import Stepper
taken = Stepper.step
def step(*arguments, **options):
    taken(*arguments, **options)
    os._exit(0)
Stepper.step = step
sys.argv = ["bakeoff", "train", *{OPTIONS}, "--variant", "conv", "--seed", "0", "--fresh"]
main()
"""
TORCH = "import torch"
TRAINING = {
    "`import torch`": TORCH,
    "a training, to the end of its first step": FIRST_STEP,
    "the same with torch's compiler imported": f"import torch._dynamo\n{FIRST_STEP}",
    "the same with `sklearn.metrics` imported": f"import sklearn.metrics\n{FIRST_STEP}",
}
PANDAS = "import click, pydantic, yaml, numpy, pandas"
STAGES = {
    "status": ("bakeoff.status.bakeoff", "import click, pydantic, yaml, numpy"),
    "plan": ("bakeoff.data.readiness", PANDAS),
    "split": ("bakeoff.data.splits", PANDAS),
    "pack": ("bakeoff.data.pack", PANDAS),
    "compare": ("bakeoff.evaluation.comparison", f"{PANDAS}, scipy.special"),
    "report": ("bakeoff.report.document", f"{PANDAS}, scipy.special, matplotlib.figure, jinja2"),
    "baselines": ("bakeoff.evaluation.baselines", f"{PANDAS}, sklearn.linear_model"),
}
PICTURES = {
    "pictures": "import bakeoff.pictures.draw",
    "the same with timm and `scipy.stats`": "import bakeoff.pictures.draw, timm, scipy.stats",
}


def seconds(command: Sequence[str], folder: Path) -> float:
    """Processor time, user and system, of a command."""
    before = os.times()
    subprocess.run(command, cwd=folder, env=compiled(), check=True, capture_output=True)
    after = os.times()
    return (after.children_user - before.children_user) + (
        after.children_system - before.children_system
    )


def in_turn(timed: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """The times of each by its name, after one that reads the disk."""
    for each in timed.values():
        each()
    found: dict[str, list[float]] = {name: [] for name in timed}
    for _ in range(rounds):
        for name, each in timed.items():
            found[name].append(each())
    return found


def table(first: str, times: Mapping[str, list[float]], *, beside: str) -> list[str]:
    """A row for each, with its ratio to the one that they are beside."""
    rows = ["", f"| {first} | s | ratio |", "|---|---|---|"]
    for name, found in times.items():
        ratio = median(one / two for one, two in zip(found, times[beside], strict=True))
        rows.append(f"| {name} | {median(found):.2f} | {ratio:.2f} |")
    return rows


def python(code: str, folder: Path) -> Callable[[], float]:
    """The time of a Python that runs the code."""
    return lambda: seconds([sys.executable, "-c", code], folder)


def training(folder: Path, rounds: int) -> list[str]:
    """A training's first step, and pictures."""
    (folder / "tiny.yaml").write_text(CONFIG)
    for stage in MADE:
        seconds([sys.executable, "-m", "bakeoff", *stage, *OPTIONS], folder)
    times = in_turn({name: python(code, folder) for name, code in TRAINING.items()}, rounds)
    drawn = in_turn({name: python(code, folder) for name, code in PICTURES.items()}, rounds)
    return [
        *table("start of", times, beside="`import torch`"),
        *table("start of", drawn, beside="pictures"),
    ]


def stages(folder: Path, rounds: int) -> list[str]:
    """What the stages import that need no torch, and the libraries in it."""
    rows = ["", "| stage | s | of these, its libraries | ratio |", "|---|---|---|---|"]
    for stage, (module, libraries) in STAGES.items():
        timed = {
            "all": python(f"import bakeoff.cli, {module}", folder),
            "libraries": python(libraries, folder),
        }
        times = in_turn(timed, rounds)
        whole, part = (median(found) for found in times.values())
        ratio = median(one / two for one, two in zip(*times.values(), strict=True))
        rows.append(f"| {stage} | {whole:.2f} | {part:.2f} | {ratio:.2f} |")
    return rows


def planning(folder: Path, runs: int, rounds: int) -> list[str]:
    """Snakemake, of which every start is measured, beside the plain one."""
    ours, plain = planned(folder, runs)

    def of(one: Planned, *more: str) -> Callable[[], float]:
        return lambda: seconds(one.command(*more), one.folder)

    rows = []
    for what, more in (("all is to be done", "-n"), ("nothing is to be done", "")):
        options = tuple(filter(None, (more, "--quiet")))
        if not more:
            for one in (ours, plain):
                one.made()
        times = in_turn({"bakeoff": of(ours, *options), "plain": of(plain, *options)}, rounds)
        mine, other = (median(found) for found in times.values())
        ratio = median(one / two for one, two in zip(*times.values(), strict=True))
        rows.append(f"| {runs:,} | {what} | {mine:.2f} | {other:.2f} | {ratio:.2f} |")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--runs", type=int, nargs="*", default=[100, 1000])
    options = parser.parse_args()
    before = load()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        rows = training(folder, options.rounds) + stages(folder, options.rounds)
        rows += ["", "| runs | where | s | plain, s | ratio |", "|---|---|---|---|---|"]
        for runs in options.runs:
            (folder / str(runs)).mkdir()
            rows += planning(folder / str(runs), runs, options.rounds)
    TABLE.write_text(
        "# What a job pays before its work begins, and Snakemake to plan it\n\n"
        f"Processor time, medians of {options.rounds} rounds. {machine()}; load average {before} at the "
        f"start, {load()} at the end.\nWritten by `benchmarks/startup.py`.\n"
        + "\n".join(rows)
        + "\n"
    )
    print(TABLE.read_text())


if __name__ == "__main__":
    main()
