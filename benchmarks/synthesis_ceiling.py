"""Is the synthetic data learnable but not trivial? Metadata < a small CNN < the hidden severity.

For each data seed: make the data set, run the pipeline's own stages on it (split, pack, baselines,
train and evaluate `conv_bn`), and print the test AUROCs beside the ceiling that the generator states.

    python benchmarks/synthesis_ceiling.py --data-seeds 0 1 2 3 --seeds 0 1

Printed on two cores shared by several people, so the times are upper bounds (1,000 films of 1024
pixels cost 66 s of CPU); 600 training films at 128 pixels, 10 epochs, one thread, 200 test films:

| data seed | patients | with finding | metadata | conv_bn | ceiling | made in | trained in |
|---|---|---|---|---|---|---|---|
| 0 | 716 | 470 | 0.645 | 0.907, 0.885 | 0.951 | 236 s | 72 s |
| 1 | 719 | 470 | 0.614 | 0.851, 0.844 | 0.956 | 179 s | 40 s |
| 2 | 672 | 470 | 0.695 | 0.862, 0.889 | 0.947 | 87 s | 36 s |
| 3 | 698 | 470 | 0.613 | 0.833, 0.810 | 0.951 | 180 s | 47 s |
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import mean
from time import perf_counter

import pandas as pd
import yaml
from sklearn.metrics import roc_auc_score

CLI = [str(Path(sys.executable).with_name("bakeoff"))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--size", type=int, default=1024, help="pixels per side of the films")
    parser.add_argument("--train-size", type=int, default=128, help="pixels per side for the CNN")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--data-seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    options = parser.parse_args()
    print(
        "| data seed | patients | with finding | metadata | conv_bn | ceiling | made in | trained in |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for data_seed in options.data_seeds:
        with tempfile.TemporaryDirectory() as folder:
            print(measure(Path(folder), data_seed, options), flush=True)


def measure(folder: Path, data_seed: int, options: argparse.Namespace) -> str:
    """One row of the table."""
    config = folder / "config.yaml"
    config.write_text(yaml.safe_dump(configuration(folder, data_seed, options)))
    made = stage("synthesize", config)
    stage("split", config)
    stage("pack", config, "--size", str(options.train_size))
    stage("baselines", config)
    results = folder / "results" / "ceiling"
    areas, times = [], []
    for seed in options.seeds:
        run = ("--variant", "conv_bn", "--seed", str(seed))
        times.append(stage("train", config, *run))
        stage("evaluate", config, *run)
        areas.append(auroc(results / "runs/conv_bn" / f"seed-{seed}"))
    manifest = json.loads((folder / "data/synthesis.json").read_text())
    return (
        f"| {data_seed} | {manifest['patients']} | {manifest['diseased']} "
        f"| {auroc(results / 'baselines/metadata'):.3f} "
        f"| {', '.join(f'{area:.3f}' for area in areas)} "
        f"| {manifest['ceiling_auroc']:.3f} | {made:.0f} s | {mean(times):.0f} s |"
    )


def configuration(folder: Path, data_seed: int, options: argparse.Namespace) -> dict[str, object]:
    size = options.images
    return {
        "experiment": "ceiling",
        "results": str(folder / "results"),
        "data": {
            "source": "synthetic",
            "labels": str(folder / "data/sample_labels.csv"),
            "images": str(folder / "data/images"),
            "synthetic": {"images": size, "size": options.size, "seed": data_seed},
        },
        "split": {"train": size * 3 // 5, "val": size // 5, "test": size // 5},
        "image": {"size": options.train_size},
        "training": {
            "epochs": options.epochs,
            "batch_size": 16,
            "lr": 1e-3,
            "select_on": "auc",
            "threads": 1,
            "seeds": options.seeds,
        },
        "variants": {"conv_bn": {"model": "conv", "norm": "batch"}},
    }


def stage(name: str, config: Path, *arguments: str) -> float:
    """Run a stage of the pipeline; seconds."""
    started = perf_counter()
    command = [*CLI, name, "--config", str(config), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=config.parent)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stdout}\n{done.stderr}")
    return perf_counter() - started


def auroc(folder: Path) -> float:
    """The test AUROC of a run or baseline."""
    table = pd.read_csv(folder / "predictions/test.csv")
    return float(roc_auc_score(table["Disease"], table["score"]))


if __name__ == "__main__":
    main()
