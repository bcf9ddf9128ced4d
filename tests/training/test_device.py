"""The device of a run: a GPU that it asked for and cannot have is an error that says why."""

import logging
import re
from pathlib import Path

import pytest
import torch

from bakeoff.errors import TrainingError
from bakeoff.training import no_gpu
from bakeoff.training.device import choose_device, device_to_apply
from bakeoff.training.train import train
from tests.training.conftest import Prepare

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
NO_DRIVER = "Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU."
OLD = (
    "The NVIDIA driver on your system is too old (found version {}). Please update your GPU driver."
)
SEVERAL = ("RANK", "WORLD_SIZE", "SLURM_STEP_NUM_TASKS")


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No job, no container, no GPU, and torch as built for CUDA 13.2."""
    known = (
        *no_gpu.SCHEDULERS,
        *no_gpu.GIVEN,
        *no_gpu.CONTAINERS,
        "CUDA_VISIBLE_DEVICES",
        *SEVERAL,
    )
    for name in known:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(no_gpu, "DOCKER", tmp_path / "absent")
    monkeypatch.setattr(torch.version, "cuda", "13.2")
    sees(monkeypatch, error=NO_DRIVER)


def sees(
    monkeypatch: pytest.MonkeyPatch,
    *,
    error: str = "",
    capability: tuple[int, int] | None = None,
    built_for: str = "sm_75 sm_80 sm_90",
) -> None:
    """What torch would find of a driver and a card."""

    def init() -> None:
        if error:
            raise RuntimeError(error)

    for name, answer in {
        "is_available": lambda: capability is not None,
        "init": init,
        "get_device_capability": lambda _: capability,
        "get_device_name": lambda _: "Tesla V100",
        "get_arch_list": built_for.split,
    }.items():
        monkeypatch.setattr(torch.cuda, name, answer)


def test_a_run_that_asked_for_a_gpu_and_got_none_does_not_train_on_the_cpu_in_silence(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert choose_device("auto") == device_to_apply("auto") == CPU
        assert caplog.text == ""  # nobody asked
        assert choose_device("auto", asked=True) == CPU  # a laptop need not have what a cluster has
    assert "On the CPU, as torch can use no GPU: there is no NVIDIA driver" in caplog.text
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    assert choose_device("auto") == choose_device("cpu", asked=True) == CPU
    expected = "the run asks for a GPU, and torch can use none in this job of SLURM: SLURM gave"
    with pytest.raises(TrainingError, match=expected) as raised:
        choose_device("auto", asked=True)
    assert str(raised.value).endswith("or train on the CPU: training: {device: cpu}.")


@pytest.mark.parametrize(
    ("variables", "error", "why", "way_out"),
    [
        ({"SLURM_JOB_GPUS": "0"}, NO_DRIVER, "there is no NVIDIA driver", "a node that has GPUs"),
        (
            {"SLURM_JOB_GPUS": "0", "SINGULARITY_CONTAINER": "/scratch/a.sif"},
            NO_DRIVER,
            "the container /scratch/a.sif has no driver in it",
            "--nv",
        ),
        (
            {"SLURM_JOB_GPUS": "0"},
            OLD.format(12020),
            f"the driver is for CUDA 12.2 at most, and torch {torch.__version__} is for CUDA 13.2",
            "make setup CUDA=12",
        ),
        ({}, OLD.format(11040), "the driver is for CUDA 11.4 at most", "nodes with a newer driver"),
        (
            {"CUDA_VISIBLE_DEVICES": ""},
            "No CUDA GPUs are available",
            "SLURM gave this job no",
            "gres",
        ),
        (
            {"CUDA_VISIBLE_DEVICES": "-1", "SLURM_JOB_GPUS": "0"},
            "No CUDA GPUs are available",
            "CUDA_VISIBLE_DEVICES='-1' hides every GPU",
            "unset it",
        ),
        (
            {"SLURM_GPUS_ON_NODE": "1"},
            "CUDA unknown error - this may be due to an incorrectly set up environment. Long",
            "CUDA unknown error - this may be due to an incorrectly set up environment.",
            "nvidia-smi",
        ),
    ],
)
def test_the_error_says_why_there_is_no_gpu(
    variables: dict[str, str], error: str, why: str, way_out: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    sees(monkeypatch, error=error)
    with pytest.raises(TrainingError, match=f"{re.escape(why)}.*{re.escape(way_out)}"):
        choose_device("auto", asked=True)


def test_a_torch_without_cuda_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.version, "cuda", None)
    with pytest.raises(
        TrainingError, match=r"'cuda', and .* none here: torch .* built without CUDA"
    ):
        choose_device("cuda")


def test_a_card_that_torch_has_no_kernels_for_is_an_error_before_the_first_one(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    sees(monkeypatch, capability=(7, 5))
    assert choose_device("auto") == CUDA
    sees(monkeypatch, capability=(7, 0))
    expected = r"no kernels for the Tesla V100, of compute capability 7\.0: .* `make setup CUDA=12`"
    with pytest.raises(TrainingError, match=expected):
        choose_device("cuda")
    assert choose_device("auto") == CPU  # nobody asked: better slow than an error
    assert "no kernels for the Tesla V100" in caplog.text
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    with pytest.raises(TrainingError, match=expected):
        choose_device("auto", asked=True)
    monkeypatch.setattr(torch.version, "cuda", "12.8")
    with pytest.raises(TrainingError, match="ask for another card"):
        choose_device("cuda")


def test_a_run_says_whether_it_asked(prepare: Prepare, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare.values["resources"] = {"gres": "gpu:1"}
    experiment, layout = prepare()
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    with pytest.raises(TrainingError, match="the run asks for a GPU"):
        train(experiment, experiment.run("conv", 0), layout)
    assert not layout.run("conv", 0).checkpoints.exists()
