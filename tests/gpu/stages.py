"""Checks of whole runs, each stage as the command of a job: killed ones, several at once, with pictures."""

import csv
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.gpu.machine import Machine, Skipped, check

ROOT = Path(__file__).parents[2]
SIZE = 96
SMALL = {"depth": 2, "width": 48, "heads": 4}
VALUES: dict[str, Any] = {
    "experiment": "gpu",
    "data": {
        "source": "synthetic",
        "labels": "data/sample_labels.csv",
        "images": "data/images",
        "synthetic": {"images": 160, "size": 128, "seed": 0},
    },
    "split": {"train": 96, "val": 32, "test": 32, "seed": 0},
    "image": {"size": SIZE},
    "tracking": {"live": False},
    "pretraining": {"masked": {"model": "vit_b16", **SMALL, "next_part": True}},
    "variants": {
        "conv_bn": {"model": "conv_bn"},
        "dropout": {"model": "timm/resnet10t", "dropout": 0.5, "drop_path": 0.2},
        "vit": {"model": "vit_b16", **SMALL, "dropout": 0.1, "weights": "pretraining/masked"},
        "si_vit": {"model": "si_vit", **SMALL},
        "findings": {"model": "rnn_attention", "hidden": 24},
    },
}
TRAINING = {
    "epochs": 8,
    "batch_size": 8,
    "lr": 1e-3,
    "seeds": [0, 1],
    "checkpoint": {"every": 0.2},  # so that a kill meets them
}
AT_ONCE = 3  # processes on the one GPU
ATTEMPTS = 4  # of a run to begin, the last of which nobody ends


class Experiment:
    """An experiment in a temporary folder, and the commands of its stages; `name` is that of its results."""

    def __init__(self, folder: Path, name: str, device: str, variants: list[str]) -> None:
        training = {**TRAINING, "device": device}
        chosen = {key: VALUES["variants"][key] for key in variants}
        values = {**VALUES, "results": name, "training": training, "variants": chosen}
        self.folder, self.name = folder, name
        self.results = folder / name / VALUES["experiment"]
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(values))

    def start(self, *words: str, **environment: str) -> subprocess.Popen[str]:
        """Start a stage."""
        paths = [ROOT / "src", *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
        absolute = os.pathsep.join(str(Path(path).resolve()) for path in paths)
        given = {"PYTHONPATH": absolute, "OMP_NUM_THREADS": "1"}
        return subprocess.Popen(
            [
                sys.executable,
                "-m",
                "bakeoff",
                words[0],
                "--config",
                f"{self.name}.yaml",
                *words[1:],
            ],
            cwd=self.folder,
            env={**os.environ, "MPLBACKEND": "Agg", **given, **environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str, **environment: str) -> None:
        """Run a stage to its end; AssertionError where it fails, Skipped where a package is missing."""
        process = self.start(*words, **environment)
        _, said = process.communicate(timeout=240)
        last = (said.strip().splitlines() or ["?"])[-1]
        if "ModuleNotFoundError" in last:
            raise Skipped(last)
        assert process.returncode == 0, f"{' '.join(words)}: {last}"

    def prepare(self) -> None:
        """Split and pack."""
        self.run("split")
        self.run("pack", "--size", str(SIZE))

    def outcome(self, variant: str, seed: int = 0) -> dict[str, Any]:
        """What a run wrote, without its times."""
        run = self.results / "runs" / variant / f"seed-{seed}"
        with (run / "history.csv").open(newline="") as table:
            rows = [
                {k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(table)
            ]
        predictions = {p.name: p.read_text() for p in (run / "predictions").glob("*.csv")}
        return {"weights": (run / "best.safetensors").read_bytes(), "history": rows, **predictions}


@contextmanager
def folder() -> Iterator[Path]:
    """A temporary folder with the images."""
    where = Path(tempfile.mkdtemp(prefix="bakeoff-gpu-"))
    try:
        yield where
    finally:
        shutil.rmtree(where, ignore_errors=True)


def variants_for(machine: Machine) -> list[str]:
    """All on a GPU; without one, where the checks themselves are tried, two."""
    return [*VALUES["variants"]] if machine.device == "cuda" else ["conv_bn", "vit"]


@check(
    "whole runs: pretrained, trained, evaluated, drawn; killed and begun again, several at once: same bits"
)
def runs(machine: Machine) -> str:
    """One experiment undisturbed, one run after the other; one whose runs share the GPU and are killed."""
    if machine.left < 120:
        raise Skipped("no time left")
    variants = variants_for(machine)
    with folder() as where:
        calm, hunted = (Experiment(where, n, machine.device, variants) for n in ("calm", "hunted"))
        calm.run("synthesize")
        for one in (calm, hunted):
            one.prepare()
        calm.run("pretrain", "--name", "masked")
        for variant in variants:
            calm.run("train", "--variant", variant, "--seed", "0")
        kills = _hunt(hunted, "pretraining/masked", "pretrain", "--name", "masked")
        weights = [e.results / "pretraining/masked/weights.safetensors" for e in (calm, hunted)]
        assert weights[0].read_bytes() == weights[1].read_bytes(), "pretraining: other weights"

        def hunt(variant: str) -> int:
            words = ("--variant", variant, "--seed", "0")
            times = _hunt(hunted, f"runs/{variant}/seed-0", "train", *words)
            hunted.run("evaluate", *words)
            calm.run("evaluate", *words)
            calm.run("pictures", *words)
            return times

        with ThreadPoolExecutor(AT_ONCE) as workers:
            kills += sum(workers.map(hunt, variants))
        for variant in variants:
            one, other = calm.outcome(variant), hunted.outcome(variant)
            differ = [key for key in one if one[key] != other.get(key)]
            assert not differ, f"{variant}: other {', '.join(differ)}"
            drawn = calm.results / "runs" / variant / "seed-0/figures/index.json"
            assert json.loads(drawn.read_text())["pictures"], f"{variant}: no pictures"
        _says_its_device(calm, variants[0], machine)
        _evaluates_without(calm, variants[0], machine)
    return f"{len(variants)} runs and a pretraining, {kills} of their processes ended by signals"


@check("several runs in one process have the bits of runs by themselves")
def packed(machine: Machine) -> str:
    """On a GPU they take turns, each on a stream of its own; the process is stopped once, and goes on."""
    if machine.left < 60:
        raise Skipped("no time left")
    variants, seeds = ["conv_bn", "dropout"], TRAINING["seeds"]
    with folder() as where:
        alone, together = (Experiment(where, n, machine.device, variants) for n in ("one", "all"))
        alone.run("synthesize")
        for one in (alone, together):
            one.prepare()
        names = [(variant, seed) for variant in variants for seed in seeds]
        for variant, seed in names:
            alone.run("train", "--variant", variant, "--seed", str(seed))
        words = [word for variant, seed in names for word in ("--run", f"{variant}/seed-{seed}")]
        kills = _hunt(together, "runs/dropout/seed-1", "train", *words)
        for name in names:
            one, other = alone.outcome(*name), together.outcome(*name)
            differ = [key for key in one if one[key] != other.get(key)]
            assert not differ, f"{name}: other {', '.join(differ)}"
    return f"{len(names)} runs, {kills} of their processes ended by signals"


def _hunt(one: Experiment, run: str, *words: str) -> int:
    """Start the run in that folder until it is through, and end it at random moments; how often that was."""
    draw, ended = random.Random(run), 0
    for attempt in range(ATTEMPTS):
        how = signal.SIGKILL if attempt % 2 else signal.SIGTERM
        process = one.start(*words)
        with ThreadPoolExecutor(1) as reader:  # a full pipe would stop it
            told = reader.submit(process.stderr.read) if process.stderr else None
            if attempt < ATTEMPTS - 1:
                ended += _end_it(process, one.results / run / "journal.jsonl", draw, how)
            code = process.wait(timeout=240)
            last = (told.result().strip().splitlines() or ["?"])[-1] if told else ""
        if code == 0:
            return ended
        assert code in (75, -signal.SIGKILL, -signal.SIGTERM), f"{' '.join(words)}: {last}"
    raise AssertionError(f"{' '.join(words)} did not end")


def _end_it(
    process: subprocess.Popen[str], journal: Path, draw: random.Random, how: signal.Signals
) -> int:
    """Wait until the run has journalled something more, and a moment; 1 if there was a process to end."""
    begun, wanted = time.monotonic(), _lines(journal) + draw.randint(1, 3)
    while process.poll() is None and time.monotonic() - begun < 60:
        if _lines(journal) >= wanted:
            time.sleep(draw.uniform(0, 0.2))
            break
        time.sleep(0.01)
    if process.poll() is not None:
        return 0
    process.send_signal(how)
    return 1


def _lines(journal: Path) -> int:
    return journal.read_bytes().count(b"\n") if journal.exists() else 0


def _says_its_device(one: Experiment, variant: str, machine: Machine) -> None:
    record = json.loads((one.results / "runs" / variant / "seed-0/run.json").read_text())
    device = record["provenance"]["device"]
    assert device.startswith(machine.device), f"run.json says {device}"


def _evaluates_without(one: Experiment, variant: str, machine: Machine) -> None:
    """The weights of a GPU score about the same where there is none."""
    if machine.device == "cpu":
        return
    file = one.results / "runs" / variant / "seed-0/predictions/test.csv"
    before = _scores(file)
    one.run("evaluate", "--variant", variant, "--seed", "0", CUDA_VISIBLE_DEVICES="")
    far = max(abs(a - b) for a, b in zip(before, _scores(file), strict=True))
    assert far < 1e-3, f"{variant}: evaluated on the CPU, a score is another by {far:.1e}"


def _scores(file: Path) -> list[float]:
    with file.open(newline="") as table:
        return [float(row["score"]) for row in csv.DictReader(table)]
