"""A bake-off under fire: disturbed at random moments, it ends like an undisturbed one.

    python -m tests.workflow.chaos --table benchmarks/chaos.md

throws everything at one bake-off on a cluster of its own, which takes a quarter of an hour, and
writes what happened. `make test` has the same in a shorter form.
"""

import argparse
import json
import os
import platform
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from bisect import bisect_left
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stdout
from datetime import datetime
from io import StringIO
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from bakeoff.config.experiment import Experiment, Run
from bakeoff.inference.predict import predict
from bakeoff.layout import Layout
from bakeoff.training.job import JOBS_LOG
from bakeoff.training.train import train
from tests.cluster import packages
from tests.cluster.cluster import SlurmCluster
from tests.executor.chaos import Chaos
from tests.workflow.conftest import PROJECT, Workflow, small

PROFILE = ("--profile", str(PROJECT / "profiles/slurm"))
EVERYTHING = {"preempt": 20, "requeue": 5, "time_limit": 3, "fail_node": 2, "kill": 3}
Position = tuple[int, int]  # epoch in progress and steps done in it


def outcome(results: Path, run: str) -> dict[str, Any]:
    """What has to be the same, bit for bit; the clock's readings are left out."""
    folder = results / "runs" / run
    history = pd.read_csv(folder / "history.csv", dtype=str).drop(columns="seconds")
    return {
        "weights": (folder / "best.safetensors").read_bytes(),
        "history": history.to_csv(),
        "predictions": [(folder / f"predictions/{split}.csv").read_bytes() for split in ("val", "test")],
    }  # fmt: skip


def names_of(workflow: Workflow) -> list[str]:
    """The runs of a bake-off, as the folders below `runs`."""
    runs = Experiment.parse(workflow.config, "config").runs()
    return [f"{run.variant.name}/seed-{run.seed}" for run in runs]


def undisturbed(workflow: Workflow, processes: int = 1) -> dict[str, dict[str, Any]]:
    """The outcome of every run, trained here from the same splits and images."""
    values = {**workflow.config, "results": str(workflow.folder / "undisturbed")}
    experiment = Experiment.parse(values, "undisturbed")
    layout = Layout(experiment.results / experiment.name)
    shutil.copytree(workflow.results / "splits", layout.splits)
    shutil.copytree(workflow.results / "packed", layout.root / "packed")
    jobs = [(experiment, run, layout) for run in experiment.runs()]
    if processes == 1:
        for job in jobs:
            train_and_predict(*job)
    else:
        with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
            list(pool.map(train_and_predict, *zip(*jobs, strict=True)))
    return {name: outcome(layout.root, name) for name in names_of(workflow)}


def train_and_predict(experiment: Experiment, run: Run, layout: Layout) -> None:
    """One run from its beginning to its predictions."""
    with redirect_stdout(StringIO()):
        train(experiment, run, layout)
    predict(experiment, run, layout)


class EventRecorder(threading.Thread):
    """Looks at the checkpoints while runs train: how far each was saved, and when."""

    def __init__(self, results: Path, runs: list[str], epochs: int) -> None:
        super().__init__(daemon=True)
        self.epochs = epochs
        self.folders = {run: results / "runs" / run / "checkpoints" for run in runs}
        self.saved: dict[str, list[tuple[float, Position]]] = {run: [] for run in runs}
        self._enough = threading.Event()

    def run(self) -> None:
        """Look until told that it is enough."""
        while not self._enough.wait(0.1):
            for run, folder in self.folders.items():
                position = saved_position(folder / "last.ckpt")
                seen = self.saved[run]
                if position is not None and (not seen or seen[-1][1] != position):
                    seen.append((time.time(), position))

    def stop(self) -> None:
        """End it."""
        self._enough.set()
        self.join()

    def almost_done(self, command: list[str]) -> bool:
        """Whether the run of a training process is saved beyond three quarters of its epochs."""
        run = "{}/seed-{}".format(*(command[command.index(o) + 1] for o in ("--variant", "--seed")))
        position = saved_position(self.folders[run] / "last.ckpt")
        return position is not None and position[0] > 0.75 * self.epochs

    def judge(self, run: str) -> dict[str, int]:
        """How the jobs of a run began and ended; AssertionError when one repeated what was saved."""
        text = (self.folders[run] / JOBS_LOG).read_text()
        seen = self.saved[run]
        told = {"jobs": 0, "saved when preempted": 0, "saved at the time limit": 0}
        before: Position = (1, 0)
        assert [position for _, position in seen] == sorted(position for _, position in seen), run
        for moment, line in entries(text):
            if found := re.search(r"^(.*): saved at epoch (\d+), step (\d+)", line):
                reason = "at the time limit" if found[1] == "time limit" else "when preempted"
                told[f"saved {reason}"] += 1
                position = (int(found[2]), int(found[3]))
                assert position >= before, f"{run}: it went back to {position}\n{text}"
            elif found := re.search(r"^Going on .* at epoch (\d+), step (\d+)", line):
                told["jobs"] += 1
                position = (int(found[1]), int(found[2]))
                begun = bisect_left(seen, (moment, (0, 0)))
                before = max(before, seen[begun - 1][1] if begun else before)
                assert position >= before, f"{run}: {before} was saved\n{text}"
            elif line.startswith("Beginning"):
                told["jobs"] += 1
                assert before == (1, 0), f"{run}: {before} was saved\n{text}"
                continue
            else:
                continue
            before = position
        return told


def saved_position(file: Path) -> Position | None:
    """How far a checkpoint is, from its header alone; None where there is none."""
    try:
        with file.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            header = json.loads(stream.read(length))
    except FileNotFoundError:
        return None
    progress = json.loads(header["__metadata__"]["bakeoff"])
    return progress["epoch"] + progress["finished"], progress["step"]


def entries(text: str) -> list[tuple[float, str]]:
    """The lines of a log with the times at which they were written, in seconds since 1970."""
    found = []
    for line in text.splitlines():
        stamp, _, said = line[:23], line[23:24], line[24:]
        moment = datetime.strptime(stamp, "%Y-%m-%d %H:%M:%S,%f")
        found.append((moment.timestamp(), said))
    return found


class Controller:
    """The controlling Snakemake of a bake-off, which may be killed and started again."""

    def __init__(self, workflow: Workflow, notice: int, *targets: str) -> None:
        self.workflow = workflow
        self.output = workflow.folder / "output.txt"
        self.command = [
            *(sys.executable, "-m", "snakemake", "--configfile", "config.yaml", *PROFILE),
            *("--submitit-notice", str(notice), "--submitit-timeouts", "50"),
            *("--submitit-ask", "2", "--submitit-step", "always", *targets),
        ]
        workflow.write_config()
        self.process = self._start()

    def _start(self) -> "subprocess.Popen[bytes]":
        with self.output.open("a") as output:
            return subprocess.Popen(
                self.command,
                cwd=self.workflow.folder,
                env=self.workflow.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def runs(self) -> bool:
        """Whether it has not ended."""
        return self.process.poll() is None

    def kill(self) -> None:
        """SIGKILL, as a machine that goes down."""
        if self.runs:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def restart(self) -> None:
        """Kill it and start it again."""
        self.kill()
        self.workflow.snakemake("--unlock")
        self.process = self._start()

    def finish(self, seconds: float) -> None:
        """Wait for its end, which has to be a good one."""
        assert self.process.wait(timeout=seconds) == 0, self.output.read_text()[-5000:]


def under_fire(
    workflow: Workflow, cluster: SlurmCluster, wanted: dict[str, int], *targets: str, seed: int, pause: float,
    notice: int,
) -> tuple[Chaos, dict[str, dict[str, int]]]:  # fmt: skip
    """Run the bake-off (`targets` of it) under fire: what was thrown, and what each run made of it.

    AssertionError when it fails, or when a step that had been saved was repeated.
    """
    epochs = workflow.config["training"]["epochs"]
    witness = EventRecorder(workflow.results, names_of(workflow), epochs)
    controller = Controller(workflow, notice, *targets)
    chaos = Chaos(
        cluster, controller.restart, random.Random(seed), "bakeoff train", witness.almost_done
    )
    witness.start()
    try:
        chaos.rain(wanted, lambda: controller.runs, pause)
        controller.finish(1800)
    finally:
        controller.kill()
        witness.stop()
    return chaos, {run: witness.judge(run) for run in witness.folders}


def main() -> int:
    """Throw everything at one bake-off."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(1000), help="of the disorder")
    parser.add_argument("--epochs", type=int, default=150)
    parser.add_argument("--pause", type=float, default=5.0, help="seconds between two blows")
    parser.add_argument("--table", type=Path, help="Markdown file for the result")
    options = parser.parse_args()
    reason = packages.obstacle()
    if reason:
        raise SystemExit(reason)
    packages.install()
    # The cluster is taken down on every way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="bakeoff-chaos-") as folder:
        workflow = prepared(Path(folder) / "work", options.epochs)
        expected = undisturbed(workflow, processes=2)
        print("the undisturbed bake-off is there; now the other one", flush=True)
        cluster = SlurmCluster.up(Path(folder) / "c")
        os.environ["SLURM_CONF"] = str(cluster.layout.slurm_conf)
        slurm = cluster.run("sbatch", "--version").strip()
        begin = time.monotonic()
        try:
            chaos, runs = under_fire(
                workflow, cluster, EVERYTHING, seed=options.seed, pause=options.pause, notice=15
            )
        finally:
            cluster.down()
        seconds = time.monotonic() - begin
        same = {run: outcome(workflow.results, run) == expected[run] for run in runs}
    text = table(chaos.done, runs, same, options, seconds, slurm)
    print(text)
    if options.table:
        options.table.write_text(text)
    complete = chaos.done == EVERYTHING
    return 0 if complete and all(same.values()) else 1


def prepared(folder: Path, epochs: int) -> Workflow:
    """A bake-off of four runs whose images are split and packed."""
    base = small(folder)
    workflow = base.with_config(
        data={**base.config["data"], "synthetic": {"images": 240, "size": 96}},
        split={"train": 160, "val": 40, "test": 40},
        training={
            **base.config["training"],
            "epochs": epochs,
            "seeds": [0, 1],
            "checkpoint": {"every": 1},
        },
        resources={"runtime": 1, "mem_mb": 2000},
        tracking={"live": False},
    )
    workflow.snakemake("--cores", "2", "--until", "pack")
    return workflow


def table(
    done: dict[str, int], runs: dict[str, dict[str, int]], same: dict[str, bool],
    options: argparse.Namespace, seconds: float, slurm: str,
) -> str:  # fmt: skip
    """The result as Markdown."""
    thrown = ", ".join(f"{count} × {name.replace('_', ' ')}" for name, count in done.items())
    columns = list(next(iter(runs.values())))
    lines = [
        "# A bake-off under fire",
        "",
        f"Thrown at random moments, seed {options.seed}: {thrown}. {len(runs)} runs of "
        f"{options.epochs} epochs took {seconds:.0f} s. {datetime.now():%d %B %Y}, "
        f"{os.cpu_count()} CPU cores that everything shares (load {os.getloadavg()[2]:.1f}), "
        f"{slurm}, Python {platform.python_version()}, torch {torch.__version__}. "
        "No step that had been saved was repeated. Written by `make chaos`.",
        "",
        f"| run | {' | '.join(columns)} | weights, history and predictions like undisturbed |",
        f"|---|{'---|' * len(columns)}---|",
    ]
    for run, told in runs.items():
        counts = " | ".join(str(told[column]) for column in columns)
        lines.append(f"| {run} | {counts} | {'yes' if same[run] else 'NO'} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
