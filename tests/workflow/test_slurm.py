"""A whole bake-off on a real SLURM: it ends like one on this machine, whatever happens meanwhile."""

import json
import re
import shutil
from dataclasses import replace

import pandas as pd
import pytest

from bakeoff.config.experiment import Experiment
from bakeoff.layout import Layout
from bakeoff.training.job import JOBS_LOG
from bakeoff.training.train import train
from tests.cluster.cluster import SlurmCluster
from tests.cluster.layout import NODES
from tests.waiting import eventually
from tests.workflow.chaos import PROFILE, Controller, outcome, under_fire, undisturbed
from tests.workflow.conftest import Workflow

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

RUNS = ("conv/seed-0", "conv_bn/seed-0")


@pytest.mark.slow(seconds=180)
def test_a_bake_off_on_slurm_trains_on_four_nodes_and_ends_like_one_on_this_machine(
    finished: Workflow, copied: Workflow, slurm: SlurmCluster
) -> None:
    shutil.rmtree(copied.results / "runs")
    (copied.results / "report.html").unlink()
    changed = copied.with_config(
        training={**copied.config["training"], "seeds": [0, 1]}, tracking={"live": False}
    )
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


@pytest.mark.slow(seconds=120)
def test_preemptions_limits_failures_and_kills_change_nothing(
    copied: Workflow, slurm: SlurmCluster
) -> None:
    """The short form of `make chaos`."""
    shutil.rmtree(copied.results / "runs")
    changed = copied.with_config(
        training={**copied.config["training"], "epochs": 40, "checkpoint": {"every": 1}},
        tracking={"live": False},
        resources={"runtime": 1},
    )
    expected = undisturbed(changed)
    wanted = {"preempt": 3, "requeue": 1, "time_limit": 1, "fail_node": 1, "kill": 1}
    until = ("--until", "evaluate")
    chaos, runs = under_fire(changed, slurm, wanted, *until, seed=3, pause=5.0, notice=50)
    assert chaos.done == wanted, "every kind of disturbance found a run to disturb"
    # Another disturbance may overtake the limit's notice; that a limit saves, tests/executor holds.
    saved = ("saved when preempted", "saved at the time limit")
    assert sum(told[how] for told in runs.values() for how in saved) >= 1
    for run in RUNS:
        assert outcome(changed.results, run) == expected[run]


@pytest.mark.slow(seconds=40)
def test_two_nodes_give_the_losses_of_one_process_although_their_job_is_requeued(
    copied: Workflow, slurm: SlurmCluster
) -> None:
    """Data-parallel over two nodes by gloo, started by srun: the same batches, to 1e-5."""
    shutil.rmtree(copied.results / "runs")
    # Plain gradient descent: Adam divides rounding errors by their own size where gradients vanish.
    training = {**copied.config["training"], "epochs": 60, "optimizer": "sgd", "lr": 0.01}
    training["checkpoint"] = {"every": 0}  # each epoch is told of as it ends
    shared = {"training": training, "variants": {"conv": {"model": "conv"}}}
    two = copied.with_config(**shared, resources={"nodes": 2, "tasks": 2}, tracking={"live": False})
    one = replace(two, config={**two.config, "resources": {}})
    experiment = Experiment.parse({**one.config, "results": str(one.folder / "one")}, "one")
    layout = Layout(experiment.results / experiment.name)
    shutil.copytree(copied.results / "splits", layout.splits)
    shutil.copytree(copied.results / "packed", layout.root / "packed")
    train(experiment, experiment.run("conv", 0), layout)
    folder = two.results / "runs/conv/seed-0"
    controller = Controller(two, 20, "--until", "train")
    try:
        eventually(lambda: (folder / "history.csv").exists(), 180)
        slurm.run("scontrol", "requeue", slurm.run("squeue", "-h", "-tR", "-o%A").strip())
        controller.finish(300)
    finally:
        controller.kill()
    attempts = (folder / "checkpoints" / JOBS_LOG).read_text()
    assert re.search(r"saved at epoch \d+, step \d+", attempts), attempts
    assert attempts.count("Going on from") == 1, attempts
    losses = [
        "epoch",
        "train_loss",
        "val_loss",
    ]  # one rounding may turn two ranks of an AUROC around
    expected = pd.read_csv(layout.run("conv", 0).history)[losses]
    found = pd.read_csv(folder / "history.csv")[losses]
    pd.testing.assert_frame_equal(found, expected, check_exact=False, atol=1e-5, rtol=0)
