"""What the doctor says of a machine without SLURM, of its folders and of Snakemake's profiles."""

import ast
import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from bakeoff.commands import ask
from bakeoff.config.experiment import Experiment
from bakeoff.cores import Cores
from bakeoff.doctor import machine, probe, tracking, verdict
from bakeoff.doctor.probing import ProbeResult
from bakeoff.doctor.profile import Profile
from bakeoff.doctor.requests import job_requests
from bakeoff.errors import ConfigError
from bakeoff.tracking.mlflow.address import Address
from tests.config.test_experiment import config
from tests.doctor.running import BIN, configuration, doctor, mounted, way_out
from tests.photographs import photographs

pytestmark = pytest.mark.slow(seconds=2)

PROJECT = Path(__file__).parents[2]


@pytest.fixture
def laptop(tmp_path: Path) -> dict[str, str]:
    """An environment in which there is the venv and the system's basics, and no SLURM."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for program in ("bakeoff", "snakemake", "sh"):
        found = shutil.which(program, path=f"{BIN}:{os.environ['PATH']}")
        assert found is not None
        (folder / program).symlink_to(found)
    return {"PATH": str(folder), "XDG_CONFIG_HOME": str(tmp_path / "xdg")}


def test_a_laptop_is_well_without_slurm(tmp_path: Path, laptop: dict[str, str]) -> None:
    done = doctor(tmp_path, "--config", configuration(tmp_path), **laptop)
    assert done.returncode == 0, done.stdout
    assert "no SLURM here: runs stay on this machine" in done.stdout
    assert f"results folder {tmp_path}/results" in done.stdout and "problem" not in done.stdout


def test_threads_without_cores_are_told(tmp_path: Path, laptop: dict[str, str]) -> None:
    training = {"training": {"threads": 1000}}
    done = doctor(tmp_path, "--config", configuration(tmp_path, **training), **laptop)
    assert "training.threads is 1000, and " in done.stdout
    assert "lower training.threads" in way_out(done.stdout, "training.threads is 1000, and ")


def test_threads_without_the_cores_that_a_job_asks_for_are_told() -> None:
    keys = {"training": {"threads": 4}, "resources": {"cpus_per_task": 2}}
    (few,) = machine.threads(Experiment.parse(config(**keys), "test"), cluster=True)
    assert few.what == f"conv: {Cores(2, 'resources.cpus_per_task asks for').too_few(4)}"
    assert few.way_out.startswith("leave resources.cpus_per_task out")


def test_a_table_that_does_not_fit_is_reported_with_the_lines_to_write(
    tmp_path: Path, laptop: dict[str, str]
) -> None:
    photographs(tmp_path)
    file = tmp_path / "my.yaml"
    file.write_text(
        "experiment: own\ndata: {labels: labels.csv, images: photos}\nimage: {size: 224}\n"
        "variants: {conv: {model: conv}}\n"
    )
    done = doctor(tmp_path, "--config", str(file), **laptop)
    assert done.returncode == 1 and "4 problems" in done.stdout
    for line in (
        "image_column: image",
        "negative: [intact]",
        "split: {train: 36, val: 12, test: 12}",
    ):
        assert f" {line}\n" in done.stdout


def test_weights_that_are_none_or_of_another_model_are_problems(
    tmp_path: Path, laptop: dict[str, str]
) -> None:
    (tmp_path / "page.pth").write_text("<html>")
    save_file({"a": np.zeros(1)}, tmp_path / "a.safetensors")
    variants = {
        "page": {"model": "timm/resnet18", "weights": str(tmp_path / "page.pth")},
        "other": {"model": "vit_b16", "weights": str(tmp_path / "a.safetensors")},
    }
    file = configuration(tmp_path, variants=variants)
    done = doctor(tmp_path, "--config", file, **laptop)
    assert done.returncode == 1 and "2 problems" in done.stdout, done.stdout
    assert f"variants.page.weights: {tmp_path}/page.pth: is a web page" in done.stdout
    assert "the weights of another model than 'vit_b16'" in done.stdout


def test_asking_for_slurm_where_there_is_none_is_a_problem(
    tmp_path: Path, laptop: dict[str, str]
) -> None:
    done = doctor(tmp_path, "--account", "research", **laptop)
    assert done.returncode == 1
    assert "login node" in way_out(done.stdout, "SLURM's sbatch, squeue")


def test_programs_that_rules_call_have_to_be_on_the_path(
    tmp_path: Path, laptop: dict[str, str]
) -> None:
    (Path(laptop["PATH"]) / "bakeoff").unlink()
    done = doctor(tmp_path, **laptop)
    assert done.returncode == 1
    assert f"export PATH={BIN}:" in way_out(done.stdout, "`bakeoff` is not on the PATH")


def test_profiles_are_well_once_they_are_linked(tmp_path: Path, laptop: dict[str, str]) -> None:
    done = doctor(PROJECT, "--no-job", **laptop)
    assert "profiles/link" in way_out(done.stdout, "profiles greene, local, slurm, torch are not")
    env = os.environ | {"XDG_CONFIG_HOME": laptop["XDG_CONFIG_HOME"]}
    subprocess.run([PROJECT / "profiles/link"], env=env, check=True, capture_output=True)
    done = doctor(PROJECT, "--no-job", **laptop)
    assert "profiles greene, local, slurm, torch: linked" in done.stdout


@pytest.mark.parametrize(
    ("options", "why"), [("ro", "Read-only file system"), ("size=64k", "No space left on device")]
)
def test_a_results_folder_that_takes_no_file_is_a_problem(
    tmp_path: Path, laptop: dict[str, str], options: str, why: str
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can mount a file system")
    file = configuration(tmp_path)
    with mounted(tmp_path / "results", options):
        done = doctor(tmp_path, "--config", file, **laptop)
    assert done.returncode == 1
    assert "results:" in way_out(done.stdout, f"cannot be written: {why}")


def test_a_disk_too_small_and_a_tracking_address_that_cannot_be_used_are_problems(
    tmp_path: Path, laptop: dict[str, str]
) -> None:
    split = {"train": 10**8, "val": 10, "test": 10}
    file = configuration(tmp_path, image={"size": 2048}, split=split, tracking={"uri": "mlruns"})
    done = doctor(tmp_path, "--config", file, **laptop)
    assert done.returncode == 1 and "3 problems" in done.stdout
    assert "train: 8, val: 2, test: 2" in done.stdout
    assert "'mlruns': expected http(s)://server:port" in done.stdout
    assert "scratch" in way_out(done.stdout, "packed images alone take 419430.5 GB")


def test_a_profile_gives_its_python_and_its_default_resources() -> None:
    greene = Profile.read(str(PROJECT / "profiles/greene"))
    assert (greene.python, greene.latency_wait) == ("profiles/greene/python", 60)
    torch = Profile.read(str(PROJECT / "profiles/torch"))
    (light,) = job_requests(None, torch.resources, "research", "")
    assert "--comment=preemption=yes;requeue=true" in light.arguments()
    assert "--account=research" in light.arguments() and light.request.runtime == 60
    assert not Profile.read(str(PROJECT / "profiles/local")).slurm
    with pytest.raises(ConfigError, match=r"--profile nope: there is no config.yaml in nope, "):
        Profile.read("nope")


def test_a_command_that_hangs_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    begun = time.monotonic()
    answer = ask("sh", "-c", f"sleep 60 & echo $! > {tmp_path}/pid; wait", patience=0.5)
    assert answer.error == "sh: no answer within 0.5 s" and time.monotonic() - begun < 10
    child = Path("/proc") / (tmp_path / "pid").read_text().strip() / "stat"
    # A killed process dies when it is next scheduled, which a busy machine takes its time for.
    while child.exists() and child.read_text().rpartition(")")[2].split()[0] != "Z":
        assert time.monotonic() - begun < 20, "what it started still runs"
        time.sleep(0.05)


def test_a_python_as_old_as_3_6_can_run_the_probe() -> None:
    source = Path(probe.__file__).read_text()
    tree = ast.parse(source, feature_version=(3, 6))
    imported = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    assert {name.partition(".")[0] for name in imported} <= sys.stdlib_module_names


def test_a_name_that_hangs_does_not_hold_up_the_others() -> None:
    begun = time.monotonic()
    answers = probe.together({"slow": lambda: time.sleep(30), "quick": lambda: ""}, 0.3)
    assert answers == {"slow": "no answer", "quick": ""} and time.monotonic() - begun < 20


def test_no_password_of_a_tracking_address_gets_into_the_job() -> None:
    assert tracking.target(Address("https://me:secret@host:5000/")) == "https://host:5000/health"
    assert tracking.target(Address("postgresql://me:secret@db/mlflow")) == "tcp://db:5432"


def test_slow_files_clocks_that_differ_and_gpus_that_torch_cannot_use_are_reported() -> None:
    (light,) = job_requests(None, Profile().resources, "", "")
    report = probe.report(
        {
            "seconds": 1,
            "tracking": None,
            "internet": None,
            "working_folder": str(Path.cwd()),
            "gpus": False,
        }
    )
    probed = ProbeResult(job_id="1", node="n1", report=report, exchange=80, skew=9, requeued=True)
    said = {finding.what: finding for finding in verdict.judge(probed, light, None, 60)}
    slow = next(finding for what, finding in said.items() if "80.0 s" in what)
    assert slow.level == "warning" and "--latency-wait 160" in slow.way_out
    assert any("clock of n1 differs by 9 s" in what for what in said)
    (gpu,) = job_requests(None, {"gpu": 1}, "", "")
    cuda = {"torch": "2.11", "cuda": "None", "count": "0"}
    on_gpu = replace(probed, report={**report, "cuda": cuda, "visible_gpus": "0"})
    blind = next(each for each in verdict.judge(on_gpu, gpu, None, 60) if "torch sees" in each.what)
    assert blind.level == "problem" and "torch 2.11 for CUDA None" in blind.what
    (four,) = job_requests(None, {"gpu": 4, "gpu_model": "h100", "nodes": 2, "tasks": 4}, "", "")
    cuda |= {"cuda": "13.0", "count": "1"}
    half = replace(probed, report={**report, "cuda": cuda, "visible_gpus": "0"})
    few = next(each for each in verdict.judge(half, four, None, 60) if "sees 1 GPU" in each.what)
    assert few.level == "problem" and "of the 2 that the job asked for on this node" in few.what
    fine = next(each for each in verdict.judge(half, gpu, None, 60) if "sees 1 GPU" in each.what)
    assert fine.level == "ok"
    quick = verdict.judge(replace(probed, exchange=1, skew=0), light, None, 60)
    assert not [finding for finding in quick if finding.level == "warning"]


def test_a_job_without_mlflow_sends_later_and_that_is_reported() -> None:
    address = Address("https://host:5000")
    lacking, reached = tracking.in_job(address, "", mlflow=False)
    assert lacking.level == "warning" and "lacks mlflow" in lacking.what
    assert [reached] == list(tracking.in_job(address, "", mlflow=True)) and reached.level == "ok"
