"""What the demo at a small size comes to, and what it came to in the version before tasks had kinds.

`python -m tests.kept.demo FILE` writes it. demo.json has what it wrote at commit 1e8b197, with this file
beside, on an AMD and on an Intel.
"""

import hashlib
import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import torch
from click.testing import CliRunner
from safetensors.torch import load_file

from bakeoff.cli import cli

CONFIG = Path(__file__).parents[2] / "config" / "demo.yaml"
KEPT = Path(__file__).with_name("demo.json")
SMALLER = {
    "data.synthetic": "{images: 150, size: 128, seed: 0}",
    "split": "{train: 90, val: 30, test: 30, seed: 0}",
    "training.epochs": "3",
    "training.seeds": "[1]",
}


def results(folder: Path) -> dict[str, Any]:
    """Digests of weights, history and predictions of each variant, made in `folder`, and its scores."""
    changed = {
        **SMALLER,
        "results": str(folder),
        "data.labels": str(folder / "made/sample_labels.csv"),
        "data.images": str(folder / "made/images"),
    }
    options = ["--config", str(CONFIG)]
    for key, value in changed.items():
        options += ["--set", f"{key}={value}"]
    _run("synthesize", *options)
    _run("split", *options)
    _run("pack", *options, "--size", "128")
    found = {}
    for variant in ("conv", "conv_bn"):
        of_run = [*options, "--variant", variant, "--seed", "1"]
        _run("train", *of_run)
        _run("evaluate", *of_run)
        found[variant] = _facts(folder / "demo/runs" / variant / "seed-1")
    return found


def processor() -> str:
    """What the last bits of a sum depend on beside the code: torch, the processor's make and instructions."""
    keys = ("vendor_id", "cpu family", "model", "stepping")
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    stated = dict(map(str.strip, line.split(":", 1)) for line in lines if ":" in line)
    made = " ".join(stated.get(key, "") for key in keys)
    return f"torch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}, {made}"


def _facts(run: Path) -> dict[str, Any]:
    history = pd.read_csv(run / "history.csv").drop(columns="seconds")
    test = pd.read_csv(run / "predictions/test.csv")
    weights = hashlib.sha256()
    for name, tensor in sorted(load_file(run / "best.safetensors").items()):
        weights.update(name.encode() + tensor.numpy().tobytes())
    return {
        "weights": weights.hexdigest(),
        "history": hashlib.sha256(history.to_csv(index=False).encode()).hexdigest(),
        "predictions": [
            hashlib.sha256((run / f"predictions/{split}.csv").read_bytes()).hexdigest()
            for split in ("val", "test")
        ],
        "images": test["Image Index"].tolist(),
        "scores": test["score"].tolist(),
        "val_loss": history["val_loss"].tolist(),
    }


def _run(*arguments: str) -> None:
    outcome = CliRunner().invoke(cli, list(arguments), catch_exceptions=False)
    if outcome.exit_code:
        raise RuntimeError(f"bakeoff {arguments[0]}: {outcome.output}")


if __name__ == "__main__":
    with TemporaryDirectory() as made:
        written = {"processor": processor(), "runs": results(Path(made))}
    Path(sys.argv[1]).write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
