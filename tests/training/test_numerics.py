"""Precision, layout and compilation of a run: chosen, recorded, kept, and exact under kills."""

import logging
import math
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from bakeoff.config.digest import run_digest
from bakeoff.config.schema import Image, Resources, Training
from bakeoff.config.variants import Variant
from bakeoff.data.pack import open_packed
from bakeoff.evaluation.metrics import evaluate_predictions
from bakeoff.files import read_json, write_json
from bakeoff.inference.predict import predict
from bakeoff.pictures.subject import open_subject
from bakeoff.serving.model import ServedModel
from bakeoff.task.losses import loss_of
from bakeoff.training import numerics_choice
from bakeoff.training.images import SplitImages
from bakeoff.training.initialisation import build_model
from bakeoff.training.numerics import Numerics
from bakeoff.training.numerics_choice import FILE, WORTH_COMPILING, choose
from bakeoff.training.randomness import make_deterministic
from bakeoff.training.train import train
from bakeoff.training.without_compiler import take_step
from tests.training.conftest import Prepare
from tests.training.test_train import finish, results

CPU = torch.device("cpu")


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


@pytest.fixture
def allowed() -> Iterator[None]:
    """TF32 as torch leaves it: allowed to convolutions."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = True
    yield
    torch.backends.cudnn.allow_tf32 = before


def test_what_trains_predicts_draws_and_serves_forbids_it(prepare: Prepare, allowed: None) -> None:
    prepare.values["training"] = {**prepare.values["training"], "epochs": 1}
    experiment, layout = prepare()
    run = experiment.run("conv", 0)
    folder = layout.run("conv", 0).path

    def predicted() -> None:
        predict(experiment, run, layout)
        evaluate_predictions(folder, experiment.task)

    works: list[Callable[[], object]] = [
        lambda: train(experiment, run, layout),
        predicted,
        lambda: open_subject(experiment, run, layout, 1),
        lambda: ServedModel(folder),
    ]
    for work in works:
        torch.backends.cudnn.allow_tf32 = True
        work()
        assert not torch.backends.cudnn.allow_tf32


def test_memory_that_is_not_yet_written_is_not_filled() -> None:
    make_deterministic(1, deterministic=True)
    assert torch.get_deterministic_debug_mode() == 2
    assert not torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]


class Clock:
    """Seconds of a step by numerics, and what was asked for."""

    def __init__(self, **seconds: float) -> None:
        self.seconds, self.asked, self.limits = seconds, list[Numerics](), list[float]()

    def __call__(self, numerics: Numerics, limit: float) -> float:
        self.asked.append(numerics)
        self.limits.append(limit)
        return self.seconds["compiled" if numerics.compiled else numerics.precision] + (
            0.0 if numerics.layout == "channels_last" else 0.001
        )


def variant(**keys: Any) -> Variant:
    return Variant(
        name="conv",
        model=keys.pop("model", "conv"),
        options={},
        image=Image(size=keys.pop("size", 96)),
        training=Training(**keys),
        resources=Resources(),
    )


AUTO = variant(precision="auto", layout="auto", compile="auto")
FASTEST = Numerics("bf16", "channels_last", compiled=False)


def test_auto_takes_the_fastest_once_for_all_seeds_of_a_variant(tmp_path: Path) -> None:
    clock = Clock(fp32=0.02, bf16=0.01)
    files = [tmp_path / f"seed-{seed}" / FILE for seed in (0, 1)]
    assert choose(AUTO, "run", 100, files[0], tmp_path, CPU, clock) == FASTEST
    assert len(clock.asked) == 4  # a short training is not compiled
    shared = list(tmp_path.glob("numerics-*.json"))
    assert len(shared) == 1
    assert read_json(files[0]) == {**read_json(shared[0]), "run": "run"}
    assert read_json(files[0]).items() >= FASTEST.record().items()
    assert choose(AUTO, "run", 100, files[1], tmp_path, CPU, Clock()) == FASTEST
    # A run goes on in what it began with, whatever its variant's file says by now.
    write_json(shared[0], {**read_json(shared[0]), **Numerics().record()})
    assert choose(AUTO, "run", 100, files[0], tmp_path, CPU, Clock()) == FASTEST


@pytest.mark.parametrize(
    "other",
    [
        variant(precision="fp32", layout="auto", compile="auto"),
        variant(precision="auto", layout="auto", compile="auto", batch_size=32),
        variant(precision="auto", layout="auto", compile="auto", size=128),
        variant(precision="auto", layout="auto", compile="auto", model="rnn"),
    ],
)
def test_a_choice_is_not_taken_by_another_configuration(tmp_path: Path, other: Variant) -> None:
    """Nor by another pretraining, whose folder is beside."""
    choose(AUTO, "run", 100, tmp_path / "run" / FILE, tmp_path, CPU, Clock(fp32=0.02, bf16=0.01))
    clock = Clock(fp32=0.01, bf16=0.02)
    chosen = choose(other, "other", 100, tmp_path / "run" / FILE, tmp_path, CPU, clock)
    assert chosen == Numerics("fp32", "contiguous")
    assert clock.asked
    assert {one.precision for one in clock.asked} <= {"fp32", other.training.precision, "bf16"}
    if other.training.precision == "fp32":
        assert {one.precision for one in clock.asked} == {"fp32"}


def test_what_does_not_change_a_step_leaves_the_choice(tmp_path: Path) -> None:
    choose(AUTO, "run", 100, tmp_path / "run" / FILE, tmp_path, CPU, Clock(fp32=0.02, bf16=0.01))
    more = AUTO.training.model_dump() | {"seeds": [5], "pack": 4, "cuda_graph": False}
    other = AUTO.model_copy(update={"training": Training(**more)})
    assert choose(other, "other", 100, tmp_path / "five" / FILE, tmp_path, CPU, Clock()) == FASTEST


def test_a_difference_as_of_a_busy_machine_changes_nothing(tmp_path: Path) -> None:
    clock = Clock(fp32=0.02, bf16=0.0191)
    assert choose(AUTO, "run", 100, tmp_path / "run" / FILE, tmp_path, CPU, clock) == Numerics()


def test_a_run_goes_on_as_it_began_under_another_writing_of_its_configuration(
    tmp_path: Path,
) -> None:
    own = tmp_path / "run" / FILE
    choose(AUTO, "run", 100, own, tmp_path, CPU, Clock(fp32=0.02, bf16=0.01))
    other = AUTO.model_copy(update={"options": {"norm": "none"}})  # a default, written down
    assert choose(other, "run", 100, own, tmp_path, CPU, Clock()) == FASTEST


def test_what_cannot_be_computed_is_not_chosen_and_no_error(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Without(Clock):
        """No compiler, no room."""

        def __call__(self, numerics: Numerics, limit: float) -> float:
            if numerics.compiled or numerics.precision == "bf16":
                raise RuntimeError("No working C++ compiler found\nin a long report")
            return super().__call__(numerics, limit)

    steps = int(WORTH_COMPILING / 0.01) + 1
    with caplog.at_level(logging.INFO):
        chosen = choose(
            AUTO, "run", steps, tmp_path / "run" / FILE, tmp_path, CPU, Without(fp32=0.01)
        )
    assert chosen == Numerics("fp32", "contiguous")
    assert "Not possible: bf16, contiguous (No working C++ compiler found)." in caplog.text
    with pytest.raises(RuntimeError, match="no room"):  # what is configured has to be possible

        def none(numerics: Numerics, limit: float) -> float:
            raise RuntimeError("no room")

        choose(AUTO, "other", 100, tmp_path / "other" / FILE, tmp_path / "x", CPU, none)


def test_what_is_far_slower_than_the_plain_step_is_given_up(tmp_path: Path) -> None:
    """A processor may emulate bf16: each of its steps is ten of the plain ones."""
    clock = Clock(fp32=0.02, bf16=0.2)
    choose(AUTO, "run", 100, tmp_path / "run" / FILE, tmp_path, CPU, clock)
    assert clock.limits[0] == math.inf
    assert clock.limits[1:] == [pytest.approx(3 * 0.021)] * 3


@pytest.mark.parametrize(("limit", "steps"), [(0.0, 2), (math.inf, 7)])
def test_a_measurement_ends_after_the_second_step_that_is_too_slow(
    limit: float, steps: int, prepare: Prepare, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = list[torch.optim.Optimizer]()

    def counted(optimizer: torch.optim.Optimizer) -> None:
        taken.append(optimizer)
        take_step(optimizer)

    monkeypatch.setattr(numerics_choice, "take_step", counted)
    experiment, layout = prepare()
    run = experiment.run("conv", 0)
    training, image = run.variant.training, run.variant.image
    packed = open_packed(layout, image, "train")
    images = SplitImages.open(layout.split("train"), packed, experiment.data, CPU)
    loss = loss_of(experiment.task, training.loss)
    model = build_model(experiment, run)
    measure = numerics_choice.seconds_of_a_step(model, loss, training, image, images)
    assert measure(Numerics(), limit) > 0
    assert len(taken) == steps


@pytest.mark.parametrize(
    ("machine", "capability", "slow"),
    [("x86_64", "AVX2", True), ("x86_64", "AVX512", False), ("aarch64", "DEFAULT", False)],
)
def test_a_run_in_bf16_is_told_where_the_processor_emulates_it(
    machine: str,
    capability: str,
    slow: bool,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    prepare: Prepare,
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    assert bool(Numerics("bf16").slowness(CPU)) == slow
    assert not Numerics("fp32").slowness(CPU)
    assert not Numerics("bf16").slowness(torch.device("cuda"))
    prepare.values["training"] = {**prepare.values["training"], "precision": "bf16", "epochs": 1}
    experiment, layout = prepare()
    with caplog.at_level(logging.WARNING, "bakeoff"):
        train(experiment, experiment.run("conv", 0), layout)
    assert ("training.precision: bf16 on a processor without AVX-512" in caplog.text) == slow


def test_of_two_that_measure_at_once_the_first_is_believed(tmp_path: Path) -> None:
    class Slow(Clock):
        """Another seed measures, and is done before."""

        def __call__(self, numerics: Numerics, limit: float) -> float:
            if not list(tmp_path.glob("numerics-*")):
                other = Clock(fp32=0.01, bf16=0.02)
                choose(AUTO, "run", 100, tmp_path / "other" / FILE, tmp_path, CPU, other)
            return super().__call__(numerics, limit)

    slow = Slow(fp32=0.02, bf16=0.01)
    assert choose(AUTO, "run", 100, tmp_path / "run" / FILE, tmp_path, CPU, slow) == Numerics()


def test_compiling_is_tried_for_long_trainings_only_and_has_to_pay(tmp_path: Path) -> None:
    steps = int(WORTH_COMPILING / 0.01) + 1
    layout = variant(layout="channels_last", compile="auto")
    for number, seconds, expected in ((0, 0.005, True), (1, 0.02, False)):
        folder = tmp_path / str(number)
        clock = Clock(fp32=0.011, compiled=seconds)
        chosen = choose(layout, "run", steps, folder / "run" / FILE, folder, CPU, clock)
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
    (file,) = folders[0].path.parent.glob("numerics-*.json")
    assert first == second == {key: read_json(file)[key] for key in first}
    assert first["precision"] == "fp32"  # it was not asked for


@pytest.mark.slow(seconds=10)
def test_a_finished_run_that_is_published_elsewhere_says_how_it_was_trained(
    prepare: Prepare, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare.values["training"] |= {"layout": "auto", "epochs": 1}
    experiment, layout = prepare()
    run, folder = experiment.run("conv", 0), layout.run("conv", 0)
    train(experiment, run, layout)
    then = read_json(folder.run_json)["numerics"]
    folder.run_json.unlink()
    monkeypatch.setattr(numerics_choice, "kind_of", lambda device: "another GPU")
    monkeypatch.setattr(numerics_choice, "_fastest", lambda *_: pytest.fail("measured again"))
    train(experiment, run, layout)
    assert read_json(folder.run_json)["numerics"] == then
    # What a configuration says may be another device's: tf32 is fp32 on a CPU.
    monkeypatch.setattr(Numerics, "record", lambda self: {"precision": "another"})
    train(experiment, run, layout)
    assert read_json(folder.run_json)["numerics"] == then


FAULTS = """
import resource, sys
from contextlib import nullcontext
from pathlib import Path
import torch
from bakeoff.layout import RunFolder
from bakeoff.training.job import training_job
cpu = torch.device("cpu")
job = training_job(RunFolder(Path(sys.argv[1])), cpu, fresh=False) if sys.argv[1:] else nullcontext()
with job:
    for step in range(30):
        if step == 10:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        torch.ones(16_000_000)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's allocator")
def test_a_training_job_does_not_map_the_memory_of_a_step_again_in_the_next(tmp_path: Path) -> None:
    def faults(*folder: str) -> int:
        command = [sys.executable, "-c", FAULTS, *folder]
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    assert faults(str(tmp_path / "run")) < 100 < 1000 < faults()


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
