"""The probe: a real job on the real SLURM, and what the doctor makes of clusters that are broken."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cluster import daemons
from tests.cluster.cluster import SlurmCluster
from tests.doctor.running import DOCTOR, configuration, doctor, environment, mounted, way_out
from tests.executor.variables import HIDING, PLACES

pytestmark = pytest.mark.cluster


def jobs(slurm: SlurmCluster) -> list[str]:
    """The doctor's jobs in the queue; those that are ending do not count."""
    lines = slurm.run("squeue", "--noheader", "--format=%j %T").splitlines()
    return [line for line in lines if "doctor" in line and "COMPLETING" not in line]


def test_a_healthy_cluster_is_well_whatever_the_shell_hides_and_nothing_is_left_behind(
    slurm: SlurmCluster, tmp_path: Path
) -> None:
    hiding = {name: value for name, value in HIDING.items() if name not in PLACES}
    done = doctor(tmp_path, **hiding)
    assert done.returncode == 0 and done.stdout.endswith("All is well.\n"), done.stdout
    for words in (
        "partitions: main (default), high",
        "GPUs: 8 rtx8000, 8 v100",
        "accounts of yours: research, root",
        "sbatch accepts a light stage",
        " ran on gr00",
        "the results folder is shared; a file went there and back in ",
        "has bakeoff",
        "mlflow.db: reached from the job",
        "the job put itself back into the queue",
    ):
        assert words in done.stdout, words
    assert "warning" not in done.stdout and "->" not in done.stdout
    assert jobs(slurm) == [] and list(tmp_path.iterdir()) == []


def test_what_a_job_lacks_is_found_with_the_experiments_own_request(
    slurm: SlurmCluster, tmp_path: Path
) -> None:
    """The test cluster's GPUs are ordinary files: a job gets one, and torch cannot use it."""
    request = {"gpu": 2, "gpu_model": "v100", "mem_mb": 1000}
    tracking = {"uri": "http://127.0.0.1:9"}
    file = configuration(tmp_path, resources=request, tracking=tracking)
    # Without site-packages, as a node's own Python.
    done = doctor(tmp_path, "--config", file, "--python", f"{sys.executable} -I -S")
    assert done.returncode == 1
    assert "gres=gpu:v100:2, mem=1000M" in done.stdout
    assert " ran on gr003" in done.stdout or " ran on gr004" in done.stdout
    assert "submitit-python" in way_out(done.stdout, "lacks bakeoff, submitit")
    assert "nvidia-smi" in way_out(done.stdout, "torch sees none")
    here = "http://127.0.0.1:9 does not answer here: Connection refused"
    assert "make server" in way_out(done.stdout, here)
    there = "not reached from the job: Connection refused; there, 127.0.0.1 is the node itself"
    assert "live: false" in way_out(done.stdout, there)
    assert jobs(slurm) == [] and list((tmp_path / "results").iterdir()) == []


def test_without_slurms_commands_in_a_job_the_report_says_how_it_goes_on(
    slurm: SlurmCluster, tmp_path: Path
) -> None:
    done = doctor(tmp_path, "--python", f"env PATH=/nonexistent {sys.executable}")
    assert "keep it running" in way_out(done.stdout, "the job could not requeue itself")
    assert "activate" in way_out(done.stdout, "`bakeoff` is not on the job's PATH")
    assert jobs(slurm) == []


def test_a_python_that_is_not_on_the_node_is_named(slurm: SlurmCluster, tmp_path: Path) -> None:
    done = doctor(tmp_path, "--python", "/ext3/env/bin/python")
    assert done.returncode == 1
    assert "--python here" in way_out(done.stdout, "/ext3/env/bin/python: No such file")


@pytest.mark.parametrize(
    ("over", "said", "out"),
    [
        ({"SBATCH_ACCOUNT": "nope"}, "Invalid account", "yours: research, root. export SBATCH_ACC"),
        ({"SBATCH_PARTITION": "gpu"}, "Invalid partition", "asked for: gpu; there are: main, high"),
    ],
)
def test_an_account_or_partition_that_sbatch_refuses_comes_with_those_that_exist(
    slurm: SlurmCluster, tmp_path: Path, over: dict[str, str], said: str, out: str
) -> None:
    done = doctor(tmp_path, **over)
    assert done.returncode == 1
    assert out in way_out(done.stdout, said)
    assert "no job was tried" in done.stdout


def test_options_win_over_the_environment(slurm: SlurmCluster, tmp_path: Path) -> None:
    chosen = ("--account", "research", "--partition", "high", "--no-job")
    done = doctor(tmp_path, *chosen, SBATCH_ACCOUNT="nope", SBATCH_PARTITION="nope")
    assert done.returncode == 0
    assert "sbatch accepts a light stage (account=research" in done.stdout


def test_requests_that_can_never_run_come_with_what_there_is(
    slurm: SlurmCluster, tmp_path: Path
) -> None:
    variants = {
        "good": {"model": "conv"},
        "gpu": {"model": "conv", "resources": {"gpu": 1, "gpu_model": "h200"}},
        "more": {"model": "conv", "resources": {"gpu": 9}},
        "long": {"model": "conv", "resources": {"runtime": 20000}},
    }
    file = configuration(tmp_path, variants=variants)
    done = doctor(tmp_path, "--config", file, "--no-job")
    assert done.returncode == 1
    refused = "sbatch refuses gpu (cpus-per-task=1, gres=gpu:h200:1"
    offer = way_out(done.stdout, refused)
    assert "gpu:rtx8000:4, features rtx8000; 2 nodes with 48 CPUs, 180 GB, gpu:v100:4" in offer
    assert "and 1 more such" in done.stdout  # the same reason is said once
    assert "resources.runtime" in way_out(done.stdout, "partition main ends jobs after 10080 min")
    assert "2 problems" in done.stdout


def test_gpus_that_nobody_asks_for_are_a_warning(slurm: SlurmCluster, tmp_path: Path) -> None:
    variants = {
        "idle": {"model": "conv"},
        "meant": {"model": "conv", "training": {"device": "cpu"}},
        "asking": {"model": "conv", "resources": {"gpu": 1}},
        "in_other_words": {"model": "conv", "resources": {"gres": "gpu:v100:1"}},
    }
    file = configuration(tmp_path, variants=variants)
    done = doctor(tmp_path, "--config", file, "--no-job")
    found = "  warning  idle: no GPU is asked for, so training runs on processors, and the cluster has 8"
    assert "resources: {gpu: 1}" in way_out(done.stdout, found)


def test_a_controller_that_is_down_is_reported_at_once(slurm: SlurmCluster, tmp_path: Path) -> None:
    slurm.stop_controller()
    begun = time.monotonic()
    done = doctor(tmp_path)
    assert done.returncode == 1 and time.monotonic() - begun < 20
    assert "SLURM_CONF" in way_out(done.stdout, "SLURM's controller does not answer")
    assert "sbatch" not in done.stdout


def test_accounting_that_is_down_is_a_warning_and_jobs_still_run(
    slurm: SlurmCluster, tmp_path: Path
) -> None:
    daemons.stop(slurm.layout, "slurmdbd")
    try:
        done = doctor(tmp_path)
    finally:
        daemons.start(slurm.layout, "slurmdbd")
        ready = ["sacctmgr", "-n", "list", "cluster"]
        log = slurm.layout.log("slurmdbd")
        daemons.wait_until(lambda: daemons.succeeds(ready, slurm.layout), "slurmdbd", log)
    assert done.returncode == 0, done.stdout
    assert "squeue" in way_out(done.stdout, "accounting does not answer")
    assert " ran on gr00" in done.stdout


def test_a_results_folder_that_only_this_machine_sees_is_a_problem(
    slurm: SlurmCluster, tmp_path: Path
) -> None:
    file = configuration(tmp_path)
    with mounted(tmp_path / "results", "size=1m"):  # only shows that mounting is allowed
        pass
    script = f'mount -t tmpfs none {tmp_path}/results && exec "$@"'
    alone = ("unshare", "--mount", "sh", "-c", script, "sh")
    done = doctor(tmp_path, "--config", file, prefix=alone)
    assert done.returncode == 1
    assert "share" in way_out(done.stdout, "does not see the results folder: it is not shared")
    assert jobs(slurm) == []


def test_a_results_folder_that_jobs_may_only_read_is_a_problem(
    slurm: SlurmCluster, tmp_path: Path
) -> None:
    file = configuration(tmp_path)
    results = str(tmp_path / "results")
    with mounted(tmp_path / "results", "size=10m"):
        # A bind mount has a flag of its own: read-only for jobs, writable for the doctor alone.
        subprocess.run(["mount", "--bind", results, results], check=True)
        subprocess.run(["mount", "-o", "remount,bind,ro", results], check=True)
        try:
            script = f'mount -o remount,bind,rw {results} && exec "$@"'
            alone = ("unshare", "--mount", "sh", "-c", script, "sh")
            done = doctor(tmp_path, "--config", file, prefix=alone)
        finally:
            subprocess.run(["umount", results], check=True)
    assert done.returncode == 1
    assert "share" in way_out(done.stdout, "cannot write in the results folder")


def test_a_busy_cluster_is_a_warning_and_whatever_ends_the_doctor_ends_its_job(
    slurm: SlurmCluster, tmp_path: Path
) -> None:
    whole = ("--nodes=4", "--exclusive", "--output=/dev/null", "--wrap=sleep 300")
    slurm.run("sbatch", "--partition=high", *whole)
    slurm.run("sbatch", *whole)
    done = doctor(tmp_path, "--timeout", "3")
    assert done.returncode == 0, done.stdout
    assert "--timeout" in way_out(done.stdout, "did not start in 3 s")
    assert jobs(slurm) == [] and list(tmp_path.iterdir()) == []
    for number in (signal.SIGTERM, signal.SIGINT):
        process = subprocess.Popen(
            DOCTOR, cwd=tmp_path, env=environment(), stdout=subprocess.DEVNULL
        )
        daemons.wait_until(lambda: bool(jobs(slurm)), "no probe", slurm.layout.log("slurmctld"))
        process.send_signal(number)
        assert process.wait(60) != 0
        assert jobs(slurm) == [] and list(tmp_path.iterdir()) == []


def test_nodes_that_are_drained_are_named_and_not_taken_for_nodes_that_do_not_exist(
    slurm: SlurmCluster, tmp_path: Path
) -> None:
    file = configuration(tmp_path, resources={"gpu": 1, "gpu_model": "v100"})
    drain = ("scontrol", "update", "state=drain", "reason=test")
    slurm.run(*drain, "nodename=gr[003-004]")
    done = doctor(tmp_path, "--config", file, "--no-job")
    assert done.returncode == 1
    said = way_out(done.stdout, "gres=gpu:v100:1")
    assert said.endswith("features rtx8000; out of service, see sinfo -R: 2 drained")
    slurm.run(*drain, "nodename=gr[001-002]")
    done = doctor(tmp_path)
    assert done.returncode == 1
    assert "sinfo -R" in way_out(done.stdout, "no node of partition main is in service (4 drained)")
