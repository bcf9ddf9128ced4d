"""Pretraining as a person and as a cluster start it: by command, with notices, in several processes."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner

from bakeoff.cli import cli
from bakeoff.errors import ConfigError, DataError
from tests.training.conftest import Prepare


@pytest.fixture
def configured(prepare: Prepare, settings: dict[str, Any]) -> Prepare:
    prepare.values["results"] = str(prepare.folder / "results/here")
    prepare.values["pretraining"] = {"mpp": settings}
    return prepare


def invoke(command: str, prepare: Prepare, *arguments: str) -> Any:
    config = ["--config", str(prepare.config_file()), "--name", "mpp"]
    return CliRunner().invoke(cli, [command, *config, *arguments])


@pytest.mark.slow(seconds=4)
def test_a_folder_with_a_patient_of_the_test_split_is_refused_before_it_is_packed(
    configured: Prepare,
) -> None:
    configured.values["pretraining"]["mpp"]["images"] = configured.values["data"]["images"]
    _, layout = configured("here")
    done = invoke("pack-unlabelled", configured)
    assert isinstance(done.exception, DataError)
    assert "patients of the test split have" in str(done.exception)
    assert not layout.pretraining("mpp").packed.exists()


def test_what_was_planned_otherwise_is_refused(configured: Prepare) -> None:
    for command in ("pretrain", "pack-unlabelled"):
        done = invoke(command, configured, "--digest", "000000000000")
        assert isinstance(done.exception, ConfigError)
        assert f"{command} mpp: the configuration or the model's code changed" in str(
            done.exception
        )


def test_there_is_nothing_to_pack_where_the_training_split_is_taken(configured: Prepare) -> None:
    done = invoke("pack-unlabelled", configured)
    assert "`bakeoff pack --size 80` packs" in str(done.exception)


@pytest.mark.slow
def test_two_processes_share_a_pretraining(configured: Prepare) -> None:
    """The last batch of 41 images is 6: the processes have unequal shares."""
    configured.values["split"] = {"train": 41, "val": 19, "test": 20}
    configured.values["pretraining"]["mpp"]["training"] |= {"batch_size": 7, "epochs": 3}
    _, layout = configured("here")
    assert processes(configured.config_file(), count=2) == [0, 0]
    history = pd.read_csv(layout.pretraining("mpp").history)
    assert list(history.epoch) == [1, 2, 3]
    assert history.loss.iloc[-1] < history.loss.iloc[0]
    assert layout.pretraining("mpp").best.exists()


def processes(config: Path, count: int) -> list[int]:
    """`bakeoff pretrain` as several processes on this machine, found by torchrun's variables."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    place = {"WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    command = [
        sys.executable,
        "-m",
        "bakeoff",
        "pretrain",
        "--config",
        str(config),
        "--name",
        "mpp",
    ]
    running = [
        subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            env={**os.environ, **place, "RANK": str(rank), "LOCAL_RANK": str(rank)},
        )
        for rank in range(count)
    ]
    try:
        return [process.wait(timeout=120) for process in running]
    finally:
        for process in running:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                process.wait()
