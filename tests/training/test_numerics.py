"""Precision, layout and compilation of a run: chosen, recorded, kept, and exact under kills."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from bakeoff.config.digest import run_digest
from bakeoff.config.schema import Training
from bakeoff.files import read_json, write_json
from bakeoff.training.numerics import Numerics
from bakeoff.training.numerics_choice import FILE, WORTH_COMPILING, choose
from bakeoff.training.randomness import make_deterministic
from bakeoff.training.train import train
from tests.training.conftest import Prepare
from tests.training.test_train import finish, results

CPU = torch.device("cpu")
AUTO = Training(precision="auto", layout="auto", compile="auto")


def test_what_the_configuration_says_is_taken_and_tf32_is_a_mode_of_gpus() -> None:
    assert Numerics.of(Training(), CPU) == Numerics("fp32", "contiguous", compiled=False)
    given = Training(precision="tf32", layout="channels_last", compile=True)
    assert Numerics.of(given, CPU) == Numerics("fp32", "channels_last", compiled=True)
    assert Numerics.of(given, torch.device("cuda")) == Numerics("tf32", "channels_last", True)
    assert Numerics.of(Training(layout="auto"), CPU) is None


def test_products_are_exact_unless_tf32_is_said() -> None:
    """torch allows TF32 to convolutions by itself."""
    flags = torch.backends
    before = flags.cuda.matmul.allow_tf32, flags.cudnn.allow_tf32
    try:
        for precision, expected in (("tf32", True), ("bf16", False), ("fp32", False)):
            Numerics(precision).set_products()  # type: ignore[arg-type]
            assert (flags.cuda.matmul.allow_tf32, flags.cudnn.allow_tf32) == (expected, expected)
    finally:
        flags.cuda.matmul.allow_tf32, flags.cudnn.allow_tf32 = before


def test_memory_that_is_not_yet_written_is_not_filled() -> None:
    make_deterministic(1, deterministic=True)
    assert torch.get_deterministic_debug_mode() == 2
    assert not torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]


class Clock:
    """Seconds of a step by numerics, and what was asked for."""

    def __init__(self, **seconds: float) -> None:
        self.seconds, self.asked = seconds, list[Numerics]()

    def __call__(self, numerics: Numerics) -> float:
        self.asked.append(numerics)
        return self.seconds["compiled" if numerics.compiled else numerics.precision] + (
            0.0 if numerics.layout == "channels_last" else 0.001
        )


def test_auto_takes_the_fastest_once_for_all_seeds_of_a_variant(tmp_path: Path) -> None:
    clock, shared = Clock(fp32=0.02, bf16=0.01), tmp_path / FILE
    files = [tmp_path / f"seed-{seed}/checkpoints" / FILE for seed in (0, 1)]
    for file in files:
        file.parent.mkdir(parents=True)
    fastest = Numerics("bf16", "channels_last", compiled=False)
    assert choose(AUTO, 100, files[0], shared, CPU, clock) == fastest
    assert len(clock.asked) == 4  # a short training is not compiled
    assert read_json(files[0]) == read_json(shared) == {"cpu": fastest.record()}
    assert choose(AUTO, 100, files[1], shared, CPU, Clock()) == fastest
    # A run goes on in what it began with, whatever its variant's file says by now.
    write_json(shared, {"cpu": Numerics().record()})
    assert choose(AUTO, 100, files[0], shared, CPU, Clock()) == fastest


def test_compiling_is_tried_for_long_trainings_only_and_has_to_pay(tmp_path: Path) -> None:
    steps = int(WORTH_COMPILING / 0.01) + 1
    layout = Training(layout="channels_last", compile="auto")
    for number, seconds, expected in ((0, 0.005, True), (1, 0.02, False)):
        folder = tmp_path / str(number)
        folder.mkdir()
        clock = Clock(fp32=0.011, compiled=seconds)
        chosen = choose(layout, steps, folder / "own.json", folder / FILE, CPU, clock)
        assert chosen == Numerics("fp32", "channels_last", compiled=expected)


def test_the_digest_has_what_changes_the_weights(prepare: Prepare) -> None:
    def digest(**training: Any) -> str:
        prepare.values["variants"]["conv"]["training"] = training
        experiment, _ = prepare()
        return run_digest(experiment.run("conv", 0), experiment.data)

    plain = digest()
    assert digest(cuda_graph=False) == digest(precision="fp32", layout="contiguous") == plain
    others = [digest(precision="bf16"), digest(layout="channels_last"), digest(compile=True)]
    assert len({plain, *others}) == 4


@pytest.mark.slow(seconds=20)
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_run_in_another_layout_that_is_stopped_after_every_step_ends_like_one_that_is_not(
    prepare: Prepare, precision: str
) -> None:
    prepare.values["training"] |= {"precision": precision, "layout": "channels_last", "epochs": 2}
    experiment, layout = prepare("whole")
    whole = finish(experiment, layout, "conv_bn")
    stopped = finish(*prepare("stopped"), "conv_bn", stop_after_each_step=True)
    assert results(stopped) == results(whole)
    assert read_json(whole.run_json)["numerics"] == {
        "precision": precision,
        "layout": "channels_last",
        "compiled": False,
    }


@pytest.mark.slow(seconds=10)
def test_auto_is_measured_recorded_and_kept(prepare: Prepare) -> None:
    prepare.values["training"] |= {"layout": "auto", "epochs": 1, "seeds": [0, 1]}
    experiment, layout = prepare()
    for seed in (0, 1):
        train(experiment, experiment.run("conv", seed), layout)
    folders = [layout.run("conv", seed) for seed in (0, 1)]
    first, second = (read_json(folder.run_json)["numerics"] for folder in folders)
    assert first == second == read_json(folders[0].path.parent / FILE)["cpu"]
    assert first["precision"] == "fp32"  # it was not asked for


FAULTS = """
import resource, sys
from bakeoff.training.allocator import keep_freed_memory
if sys.argv[1] == "kept":
    assert keep_freed_memory()
import torch
for step in range(30):
    if step == 10:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(16_000_000)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's allocator")
def test_the_memory_of_a_step_is_not_mapped_again_in_the_next() -> None:
    def faults(how: str) -> int:
        command = [sys.executable, "-c", FAULTS, how]
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    assert faults("kept") < 100 < 1000 < faults("given back")


@pytest.mark.slow(seconds=60)
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
def test_a_compiled_run_is_recorded_and_has_the_plain_one_s_scores(
    prepare: Prepare,
) -> None:
    prepare.values["training"] |= {"compile": True, "epochs": 1}
    experiment, layout = prepare("compiled")
    compiled = finish(experiment, layout, "conv_bn")
    assert read_json(compiled.run_json)["numerics"]["compiled"] is True
    prepare.values["training"] |= {"compile": False}
    plain = finish(*prepare("plain"), "conv_bn")
    scores = [pd.read_csv(one.predictions("test")).score for one in (compiled, plain)]
    np.testing.assert_allclose(*scores, atol=1e-3)
    assert set(load_file(compiled.best)) == set(load_file(plain.best))
