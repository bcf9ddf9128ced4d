"""Eight tiny runs in one job (`training.pack: 8`) against eight jobs of one run each, on a CPU.

    python -m benchmarks.packed_runs [--rounds N]

Both are the commands of the workflow's jobs, one process after the other, in turns: what a scheduler adds to
each job (minutes of waiting, a second of starting) is not counted, and would only be paid eight times more
often by the eight. A run is an epoch of 40 images of 79 pixels; the bits of all runs are compared.

Writes benchmarks/packed_runs.md.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import numpy as np
import yaml

from bakeoff.data.synthesis import synthesize
from benchmarks.load import load, machine

TABLE = Path(__file__).with_suffix(".md")
RUNS = [f"conv/seed-{seed}" for seed in range(8)]


def prepare(folder: Path) -> list[str]:
    """Images, splits and a pack of images; the options that name the configuration."""
    synthesize(folder / "data", images=80, size=96, seed=0)
    data = {"labels": str(folder / "data/sample_labels.csv"), "images": str(folder / "data/images")}
    values = {
        "experiment": "tiny",
        "results": str(folder / "results"),
        "data": data,
        "split": {"train": 40, "val": 20, "test": 20},
        "image": {"size": 79},
        "training": {"epochs": 1, "batch_size": 20, "seeds": list(range(8)), "pack": 8},
        "tracking": {"live": False},
        "variants": {"conv": {"model": "conv"}},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(values))
    options = ["--config", str(folder / "config.yaml")]
    for stage in (["split"], ["pack", "--size", "79"]):
        bakeoff(stage[0], *options, *stage[1:])
    return options


def bakeoff(*arguments: str) -> np.ndarray:
    """Seconds that a command takes from its start to its end, and of a processor, user and system."""
    return seconds(sys.executable, "-m", "bakeoff", *arguments)


def seconds(*command: str) -> np.ndarray:
    before = os.times()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    spent = np.subtract(os.times(), before)
    return np.array([spent[4], spent[2] + spent[3]])


def trained(folder: Path) -> list[bytes]:
    """The weights of every run, which are then forgotten."""
    found = [(folder / "results/tiny/runs" / run / "best.safetensors").read_bytes() for run in RUNS]
    shutil.rmtree(folder / "results/tiny/runs")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    before, rounds = load(), []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = prepare(folder)
        named = [option for run in RUNS for option in ("--run", run)]
        single = [["--variant", "conv", "--seed", str(seed)] for seed in range(8)]
        for _ in range(options.rounds):
            eight = sum(bakeoff("train", *config, *one) for one in single)
            expected = trained(folder)
            one = bakeoff("train", *config, *named)
            assert trained(folder) == expected, "not the bits of single runs"
            rounds.append((eight, one, seconds(sys.executable, "-c", "import torch")))
    rows = [
        "| seconds | eight jobs | one job | ratio | `import torch` alone |",
        "|---|---|---|---|---|",
    ]
    for at, what in enumerate(("of a clock", "of a processor")):
        jobs, pack, alone = (median(one[at] for one in side) for side in zip(*rounds, strict=True))
        ratio = median(one[at] / two[at] for one, two, _ in rounds)
        rows.append(f"| {what} | {jobs:.1f} | {pack:.1f} | {ratio:.1f} | {alone:.1f} |")
    TABLE.write_text(
        "# Eight tiny runs in one job, against eight jobs\n\n"
        f"Medians of {options.rounds} rounds. {machine()}; load average {before} at the start, "
        f"{load()} at the end.\nWritten by `benchmarks/packed_runs.py`.\n\n"
        + "\n".join(rows)
        + "\n"
    )
    print(TABLE.read_text())


if __name__ == "__main__":
    main()
