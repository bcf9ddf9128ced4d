"""Runs that share a job, through Snakemake: one that fails takes no other with it, nothing is done twice."""

import json
import shutil
from pathlib import Path

import pytest

from bakeoff.training.job import JOBS_LOG
from tests.cluster.cluster import SlurmCluster
from tests.workflow.chaos import PROFILE, outcome
from tests.workflow.conftest import Workflow, small

pytestmark = pytest.mark.slow(seconds=60)

WILD = {"model": "conv", "training": {"lr": 1e30, "optimizer": "sgd"}}  # its loss is no number soon


def metrics(*runs: str) -> tuple[str, ...]:
    return ("--", *(f"results/small/runs/{run}/metrics.json" for run in runs))


def began(workflow: Workflow, run: str) -> int:
    """How many jobs have begun to train a run."""
    said = (workflow.results / "runs" / run / "checkpoints" / JOBS_LOG).read_text()
    return said.count("Beginning at") + said.count("Going on") + said.count("Trained before")


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    """A pack of three runs, of which one cannot be trained."""
    made = small(tmp_path_factory.mktemp("packs") / "packs")
    variants = {**made.config["variants"], "wild": WILD}
    training = {**made.config["training"], "epochs": 1, "pack": 4}
    workflow = made.with_config(variants=variants, training=training, tracking={"live": False})
    wanted = metrics("conv/seed-0", "conv_bn/seed-0", "wild/seed-0")
    done = workflow.snakemake("--cores", "2", "--keep-going", *wanted, check=False)
    assert done.returncode == 1
    assert "2 of 3 runs finished; 1 job failed." in done.stderr
    assert "failed  train variant=wild seed=0: the loss is" in done.stderr
    return workflow


def test_a_run_that_fails_in_its_pack_fails_by_itself_and_the_others_are_evaluated(
    packed: Workflow,
) -> None:
    ended = json.loads((packed.results / "train_packs/1.json").read_text())
    assert [how == "trained" for how in ended.values()] == [True, True, False]
    assert [began(packed, f"{name}/seed-0") for name in ("conv", "conv_bn", "wild")] == [1, 1, 2]
    assert packed.would_run(*metrics("conv/seed-0", "conv_bn/seed-0")) == {}
    assert packed.would_run(*metrics("wild/seed-0")) == {"train": 1, "evaluate": 1}


def test_a_pack_with_another_run_trains_and_evaluates_only_that(
    packed: Workflow, tmp_path: Path
) -> None:
    shutil.copytree(packed.folder, tmp_path / "packs", symlinks=True)
    training = {**packed.config["training"], "seeds": [0, 1]}
    variants = {"conv": {"model": "conv"}, "conv_bn": {"model": "conv", "training": {"lr": 2e-3}}}
    changed = Workflow(
        tmp_path / "packs", {**packed.config, "training": training, "variants": variants}
    )
    done = changed.snakemake("--cores", "2", *metrics("conv/seed-0", "conv/seed-1"))
    assert [
        done.stderr.count(f"local{rule}:") for rule in ("checkpoint train_pack", "rule train")
    ] == [1, 0]
    assert done.stderr.count("localrule evaluate:") == 1
    said = (changed.results / "runs/conv/seed-0/train.log").read_text()
    assert said.count("Beginning at") == 1 and "Trained before: its results are there" in said
    again = (changed.results / "runs/conv_bn/seed-0/train.log").read_text()
    assert again.count("Beginning at") == 2, "of another learning rate"


def test_a_run_that_left_its_pack_is_trained_when_its_configuration_changes(
    packed: Workflow, tmp_path: Path
) -> None:
    """Snakemake has no record of how a pack trained it."""
    shutil.copytree(packed.folder, tmp_path / "packs", symlinks=True)
    wanted = metrics("conv/seed-0", "conv_bn/seed-0")
    variants = {"conv": {"model": "conv"}, "conv_bn": {"model": "conv", "training": {"lr": 2e-3}}}
    training = {**packed.config["training"], "pack": 1}
    alone = Workflow(tmp_path / "packs", {**packed.config, "training": training})
    assert alone.would_run(*wanted) == {}
    changed = alone.with_config(variants=variants)
    assert changed.would_run(*wanted) == {"train": 1, "evaluate": 1}
    changed.snakemake("--cores", "2", *wanted)
    assert [began(changed, f"{name}/seed-0") for name in ("conv", "conv_bn")] == [1, 2]
    assert changed.would_run(*wanted) == {}
    back = changed.with_config(variants=packed.config["variants"])
    assert back.would_run(*wanted)["train"] == 1


@pytest.mark.cluster
def test_on_slurm_a_pack_is_one_job_and_ends_like_runs_on_this_machine(
    finished: Workflow, copied: Workflow, slurm: SlurmCluster
) -> None:
    shutil.rmtree(copied.results / "runs")
    training = {**copied.config["training"], "pack": 8}
    changed = copied.with_config(training=training, tracking={"live": False})
    runs = ("conv/seed-0", "conv_bn/seed-0")
    changed.snakemake(*PROFILE, *metrics(*runs))
    for run in runs:
        assert outcome(changed.results, run) == outcome(finished.results, run)
    records = [json.loads((changed.results / f"runs/{run}/run.json").read_text()) for run in runs]
    jobs = {record["provenance"]["slurm_job_id"] for record in records}
    assert len(jobs) == 1 and None not in jobs
