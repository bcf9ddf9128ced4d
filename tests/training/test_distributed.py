"""Several processes train one run like one process does: the same batches, one writer."""

import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bakeoff.errors import TrainingError
from bakeoff.layout import RunFolder
from bakeoff.tracking.journal import journal
from bakeoff.tracking.journal.events import Status
from bakeoff.training.distributed import World
from bakeoff.training.stop import EXIT_CODE, NOTICE_VARIABLE
from bakeoff.training.train import train
from tests.training.conftest import EACH_EPOCH, Prepare

pytestmark = pytest.mark.slow


BEHIND = """
from bakeoff.cli import main
from bakeoff.training.distributed import World
World.ahead = lambda self, device: 32
main()
"""
"""A training whose device is behind, as a GPU is: outputs are read 32 batches later."""


class Processes:
    """`bakeoff train` as two processes on this machine, found by torchrun's variables."""

    def __init__(
        self, prepare: Prepare, variant: str, size: int = 2, *, behind: bool = False
    ) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        program = ["-c", BEHIND] if behind else ["-m", "bakeoff"]
        command = [sys.executable, *program, "train", "--variant", variant, "--seed", "0"]
        self.running = [
            subprocess.Popen(
                [*command, "--config", str(prepare.config_file())],
                stdout=subprocess.DEVNULL,
                env={
                    **os.environ,
                    "RANK": str(rank),
                    "WORLD_SIZE": str(size),
                    "LOCAL_RANK": str(rank),
                    "MASTER_ADDR": "127.0.0.1",
                    "MASTER_PORT": str(port),
                },
            )
            for rank in range(size)
        ]

    def wait(self) -> list[int]:
        """Their exit codes; if they do not end, they are ended, so that no other test meets them."""
        try:
            return [process.wait(timeout=300) for process in self.running]
        finally:
            for process in self.running:
                process.kill()
                process.wait()


def history(folder: RunFolder) -> pd.DataFrame:
    return pd.read_csv(folder.history).drop(columns="seconds")


@pytest.mark.slow(seconds=80)
def test_two_processes_give_the_losses_of_one_and_the_same_when_they_are_stopped(
    prepare: Prepare,
) -> None:
    """The last two batches of 41 images are 7 and 6: the processes have unequal shares."""
    prepare.values["split"] = {"train": 41, "val": 19, "test": 20}
    # Plain gradient descent: Adam divides rounding errors by their own size where gradients vanish.
    prepare.values["training"] |= {"batch_size": 7, "epochs": 10, "optimizer": "sgd", "lr": 0.05}
    prepare.values["training"] |= EACH_EPOCH
    experiment, one = prepare("one")
    train(experiment, experiment.run("conv", 0), one)
    prepare.values["results"] = str(prepare.folder / "results/two")
    _, two = prepare("two")
    assert Processes(prepare, "conv").wait() == [0, 0]
    expected, found = history(one.run("conv", 0)), history(two.run("conv", 0))
    losses = ["train_loss", "val_loss"]
    np.testing.assert_allclose(found[losses], expected[losses], atol=1e-5, rtol=0)
    assert np.ptp(expected.train_loss) > 1e-3  # weights moved

    prepare.values["results"] = str(prepare.folder / "results/stopped")
    _, stopped = prepare("stopped")
    folder = stopped.run("conv", 0)
    # Its epochs have fewer steps than it may be behind.
    processes = Processes(prepare, "conv", behind=True)
    while not folder.history.exists():
        assert all(process.poll() is None for process in processes.running)
        time.sleep(0.02)
    processes.running[1].send_signal(signal.SIGTERM)  # the one that does not write
    assert processes.wait() == [EXIT_CODE, EXIT_CODE]
    assert len(history(folder)) < 10
    assert Processes(prepare, "conv").wait() == [0, 0]
    assert folder.best.read_bytes() == two.run("conv", 0).best.read_bytes()
    assert history(folder).equals(found)


def test_no_process_leaves_before_the_first_one_has_journalled_that_the_run_goes_on(
    prepare: Prepare, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """srun ends a job's other processes as soon as one of them leaves with an exit code."""
    prepare.values["training"]["epochs"] = 500
    prepare.values["results"] = str(prepare.folder / "results/slow")
    _, layout = prepare("slow")
    folder = layout.run("conv", 0)
    file = folder.path / journal.NAME
    notice = tmp_path / "notice"
    monkeypatch.setenv(NOTICE_VARIABLE, str(notice))
    processes = Processes(prepare, "conv")
    # The last line before it trains: a run that waits to write one takes no step, and hears nothing.
    while not (file.exists() and '"event":"artifact"' in file.read_text()):
        assert all(process.poll() is None for process in processes.running)
        time.sleep(0.02)
    with file.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # the journal takes its time
        processes.running[1].send_signal(signal.SIGTERM)
        while not (folder.checkpoints / "last.ckpt").exists():
            assert all(process.poll() is None for process in processes.running)
            time.sleep(0.02)
        time.sleep(2)
        assert not notice.with_name("notice.saved").exists()  # nobody may be ended yet
    assert processes.wait() == [EXIT_CODE, EXIT_CODE]
    assert notice.with_name("notice.saved").exists()
    ended = journal.read(file)[-1]
    assert isinstance(ended, Status) and ended.status == "SCHEDULED"


def test_a_batch_normalisation_on_cpus_is_refused_with_the_way_out(
    prepare: Prepare, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment, _ = prepare()
    from bakeoff.training.device import choose_device
    from bakeoff.training.initialisation import build_model

    model = build_model(experiment, experiment.run("conv_bn", 0))
    with pytest.raises(TrainingError, match="2 processes on CPUs cannot share a batch norm"):
        image = experiment.run("conv_bn", 0).variant.image
        World(0, 2).synchronise_batch_norm(model, choose_device("cpu"), image)


def test_the_share_of_a_process_is_every_size_th_image() -> None:
    rows = list(range(7))
    assert rows[World(0, 3).share(7)] == [0, 3, 6]
    assert rows[World(2, 3).share(7)] == [2, 5]
    assert rows[World(2, 3).share(2)] == []


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, World()),
        ({"RANK": "1", "WORLD_SIZE": "4", "LOCAL_RANK": "1"}, World(1, 4, 1)),
        ({"SLURM_PROCID": "3", "SLURM_STEP_NUM_TASKS": "4", "SLURM_LOCALID": "0"}, World(3, 4, 0)),
        ({"SLURM_PROCID": "0", "SLURM_NTASKS": "4"}, World()),  # a batch script, not a step
    ],
)
def test_the_world_is_read_from_the_launchers_variables(
    variables: dict[str, str], expected: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "SLURM_PROCID", "SLURM_STEP_NUM_TASKS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert World.from_environment() == expected
