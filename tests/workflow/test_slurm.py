"""A whole bake-off on a real SLURM: it ends like one on this machine, whatever happens meanwhile."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from bakeoff.config.experiment import Experiment
from bakeoff.layout import Layout
from bakeoff.training.train import train
from tests.cluster.cluster import SlurmCluster
from tests.cluster.layout import NODES
from tests.executor.chaos import Chaos
from tests.workflow.conftest import PROJECT, Workflow

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

PROFILE = ("--profile", str(PROJECT / "profiles/slurm"))
RUNS = ("conv/seed-0", "conv_bn/seed-0")


def outcome(results: Path, run: str) -> dict[str, Any]:
    """What has to be the same, bit for bit; the clock's readings are left out."""
    folder = results / "runs" / run
    history = pd.read_csv(folder / "history.csv", dtype=str).drop(columns="seconds")
    predictions = folder / "predictions/test.csv"
    return {
        "weights": (folder / "best.safetensors").read_bytes(),
        "history": history.to_csv(),
        "predictions": predictions.read_bytes() if predictions.exists() else None,
    }


def test_a_bake_off_on_slurm_trains_on_four_nodes_and_ends_like_one_on_this_machine(
    finished: Workflow, copied: Workflow, slurm: SlurmCluster
) -> None:
    shutil.rmtree(copied.results / "runs")
    (copied.results / "report.html").unlink()
    changed = copied.with_config(training={**copied.config["training"], "seeds": [0, 1]})
    changed.snakemake(*PROFILE, "results/small/report.html", "results/small/tracked.json")
    for run in RUNS:
        assert outcome(changed.results, run) == outcome(finished.results, run)
    records = [
        json.loads(path.read_text())["provenance"]
        for path in changed.results.glob("runs/*/*/run.json")
    ]
    assert sorted(record["slurm_node"] for record in records) == list(NODES)
    assert all(record["slurm_job_id"] for record in records)
    assert (changed.results / "report.html").is_file()


def test_preemptions_failures_and_kills_change_nothing(
    copied: Workflow, slurm: SlurmCluster
) -> None:
    """The short form of `make chaos`."""
    rounds = int(os.environ.get("BAKEOFF_CHAOS", "1"))
    variants = {
        "conv": {"model": "conv"},
        "conv_bn": {"model": "conv", "norm": "batch"},
    }
    changed = copied.with_config(
        variants=variants,
        training={**copied.config["training"], "epochs": 120 * rounds},
        tracking={"live": False},
        resources={"cpus_per_task": 24},
    )
    expected = undisturbed(changed)
    wanted = {"preempt": 3 * rounds, "requeue": rounds, "fail_node": rounds, "kill": rounds}
    chaos = under_fire(changed, slurm, wanted)
    for run in RUNS:
        found = outcome(changed.results, run)
        assert {**found, "predictions": None} == expected[run]
        log = changed.results / "runs" / run / "checkpoints/attempts.log"
        assert_no_saved_step_was_repeated(log)
    assert chaos.done["preempt"] >= 1


def undisturbed(workflow: Workflow) -> dict[str, dict[str, Any]]:
    """The outcome of every run, trained here from the same splits and images."""
    values = {**workflow.config, "results": str(workflow.folder / "undisturbed")}
    experiment = Experiment.parse(values, "undisturbed")
    layout = Layout(experiment.results / experiment.name)
    shutil.copytree(workflow.results / "splits", layout.splits)
    shutil.copytree(workflow.results / "packed", layout.root / "packed")
    for run in experiment.runs():
        train(experiment, run, layout)
    return {run: outcome(layout.root, run) for run in RUNS}


def under_fire(workflow: Workflow, slurm: SlurmCluster, wanted: dict[str, int]) -> Chaos:
    """Run the bake-off on SLURM while nodes fail, jobs are preempted, and Snakemake is killed."""
    (workflow.folder / "config.yaml").write_text(yaml.safe_dump(workflow.config))
    command = [sys.executable, "-m", "snakemake", "--configfile", "config.yaml", *PROFILE]
    command += ["--submitit-notice", "15", "--submitit-ask", "2", "--submitit-step", "always"]
    environment = {
        **os.environ,
        "PYTHONPATH": str(workflow.folder / "src"),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    output = (workflow.folder / "output.txt").open("a")

    def start() -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            command,
            cwd=workflow.folder,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    running = [start()]

    def restart() -> None:
        os.killpg(running[-1].pid, signal.SIGKILL)
        running[-1].wait()
        workflow.snakemake("--unlock")
        running.append(start())

    chaos = Chaos(slurm, restart, random.Random(3))
    try:
        chaos.rain(wanted, lambda: running[-1].poll() is None, pause=2.0)
        said = workflow.folder / "output.txt"
        assert running[-1].wait(timeout=600) == 0, said.read_text()[-5000:]
    finally:
        if running[-1].poll() is None:
            os.killpg(running[-1].pid, signal.SIGKILL)
            running[-1].wait()
        output.close()
    return chaos


def assert_no_saved_step_was_repeated(log: Path) -> None:
    """Whatever was said to be saved is where the next process goes on, or behind it."""
    saved = (1, 0)
    for line in log.read_text().splitlines():
        if found := re.search(r"saved at epoch (\d+), step (\d+)", line):
            saved = (int(found[1]), int(found[2]))
        elif found := re.search(r"from the checkpoint at epoch (\d+), step (\d+)", line):
            assert (int(found[1]), int(found[2])) >= saved, log.read_text()


def test_two_nodes_give_the_losses_of_one_process(copied: Workflow, slurm: SlurmCluster) -> None:
    """Data-parallel over two nodes by gloo: the same batches, to 1e-5."""
    variants = {"conv": {"model": "conv"}}
    shared = {"training": {**copied.config["training"], "epochs": 3}, "variants": variants}
    two = copied.with_config(**shared, resources={"nodes": 2, "tasks": 2}, tracking={"live": False})
    one = replace(two, config={**two.config, "resources": {}})
    experiment = Experiment.parse({**one.config, "results": str(one.folder / "one")}, "one")
    layout = Layout(experiment.results / experiment.name)
    shutil.copytree(copied.results / "splits", layout.splits)
    shutil.copytree(copied.results / "packed", layout.root / "packed")
    train(experiment, experiment.run("conv", 0), layout)
    two.snakemake(*PROFILE, "--until", "train")
    expected = pd.read_csv(layout.run("conv", 0).history).drop(columns="seconds")
    found = pd.read_csv(two.results / "runs/conv/seed-0/history.csv").drop(columns="seconds")
    pd.testing.assert_frame_equal(found, expected, check_exact=False, atol=1e-5, rtol=0)
