"""Memory: what may stay on a device, and what is said and done where there is none left."""

import errno
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from bakeoff import cli
from bakeoff.data.pack import PackedImages
from bakeoff.errors import OutOfMemoryError
from bakeoff.inference.predict import predict
from bakeoff.outcome.reason import LONGEST
from bakeoff.task.losses import loss_of
from bakeoff.training import out_of_memory, residency
from bakeoff.training.available_memory import MEGABYTE, group_limits, slurm_limit
from bakeoff.training.images import SplitImages
from bakeoff.training.objective import Objective
from bakeoff.training.out_of_memory import MARK, is_out_of_memory
from bakeoff.training.residency import FIXED, SPARE, settle
from bakeoff.training.train import SPLITS, train
from bakeoff.training.trial import try_step, undone
from tests.training.conftest import SIZE, Prepare

CPU, GPU = torch.device("cpu"), torch.device("cuda")
EACH = SIZE * SIZE  # bytes of an image


@pytest.fixture
def splits(prepare: Prepare) -> dict[str, SplitImages]:
    """Train, 40 images, and val, 20, none of them resident."""
    experiment, layout = prepare()
    packed = PackedImages.open(layout.packed(SIZE))
    return {
        name: SplitImages.open(layout.split(name), packed, experiment.data, CPU) for name in SPLITS
    }


@pytest.mark.parametrize(
    ("images", "resident"), [(60, ["train", "val"]), (59, ["train"]), (39, ["val"]), (19, [])]
)
def test_train_and_val_share_one_budget_and_train_has_the_first_word(
    splits: dict[str, SplitImages],
    monkeypatch: pytest.MonkeyPatch,
    images: int,
    resident: list[str],
) -> None:
    step = 10**9
    free = int(SPARE * step) + FIXED + images * EACH
    monkeypatch.setattr(residency, "free_bytes", lambda device: free)
    settled = settle(splits, GPU, lambda: step)
    assert [name for name, split in settled.items() if split.resident_bytes] == resident
    for name, split in settled.items():
        rows = torch.tensor([3, 0, 7])
        assert torch.equal(split.batch(rows)[0], splits[name].batch(rows)[0])


def test_of_runs_that_share_images_the_next_takes_those_that_are_there(
    splits: dict[str, SplitImages], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(residency, "free_bytes", lambda device: 2 * 59 * EACH)
    first = settle(splits, CPU, lambda: 0)
    monkeypatch.setattr(residency, "free_bytes", lambda device: 0)
    again = settle(first, CPU, lambda: 0)
    assert again["train"] is first["train"]
    assert not again["val"].resident_bytes


def test_on_the_cpu_half_of_what_is_free_is_left_and_no_step_is_tried(
    splits: dict[str, SplitImages], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(residency, "free_bytes", lambda device: 2 * 59 * EACH)
    settled = settle(splits, CPU, lambda: pytest.fail("a step was measured"))
    assert [split.resident_bytes for split in settled.values()] == [40 * EACH, 0]


@pytest.mark.parametrize("steps_before", [0, 2])
def test_a_trial_of_a_step_leaves_no_trace(
    prepare: Prepare, splits: dict[str, SplitImages], steps_before: int
) -> None:
    experiment, _ = prepare()
    image = experiment.run("conv_bn", 0).variant.image
    convolution = nn.Conv2d(image.channels, 4, 3)
    model = nn.Sequential(
        convolution, nn.BatchNorm2d(4), nn.Dropout(0.5), nn.Flatten(), nn.LazyLinear(2)
    )
    model(torch.zeros(2, image.channels, SIZE, SIZE))
    objective = Objective(model, loss_of(experiment.task, "cross_entropy"))
    optimizer = torch.optim.AdamW(model.parameters())
    for _ in range(steps_before):
        try_step(objective, optimizer, splits["train"], 4, image)

    def state() -> list[Any]:
        return [
            *(tensor.clone() for tensor in objective.state_dict().values()),
            torch.get_rng_state(),
            *(
                value.clone()
                for each in optimizer.state_dict()["state"].values()
                for value in each.values()
            ),
        ]

    before, groups = state(), repr(optimizer.state_dict()["param_groups"])
    with undone(objective, optimizer):
        try_step(objective, optimizer, splits["train"], 4, image)
        assert not torch.equal(convolution.weight, before[0]), "it was a step"
    after = state()
    assert len(before) == len(after)
    assert all(map(torch.equal, before, after))
    assert repr(optimizer.state_dict()["param_groups"]) == groups
    assert convolution.weight.grad is None


def test_a_job_has_the_least_of_what_its_groups_have(tmp_path: Path) -> None:
    group = tmp_path / "system.slice/slurm/job_7"
    group.mkdir(parents=True)
    for folder, limit in ((group, "1000"), (group.parent, "max"), (group.parents[1], "5000")):
        (folder / "memory.max").write_text(limit)
        (folder / "memory.current").write_text("400")
        (folder / "memory.stat").write_text("anon 100\ninactive_file 250\n")
    found = list(group_limits("0::/system.slice/slurm/job_7\n", tmp_path))
    assert found == [(1000, 150), (5000, 150)]


def test_groups_of_the_first_version_are_read_as_well(tmp_path: Path) -> None:
    group = tmp_path / "memory/slurm/job_7"
    group.mkdir(parents=True)
    (group / "memory.limit_in_bytes").write_text("1000\n")
    (group / "memory.usage_in_bytes").write_text("400\n")
    (group / "memory.stat").write_text("cache 9\ntotal_inactive_file 250\n")
    text = "4:memory:/slurm/job_7\n1:cpu:/slurm/job_7\n0::/\n"
    assert list(group_limits(text, tmp_path)) == [(1000, 150)]


@pytest.mark.parametrize(
    ("environment", "megabytes"),
    [
        ({"SLURM_MEM_PER_NODE": "4000"}, 4000),
        ({"SLURM_MEM_PER_CPU": "500", "SLURM_CPUS_ON_NODE": "4"}, 2000),
        ({"SLURM_MEM_PER_NODE": "0"}, None),  # all that the node has
        ({}, None),
    ],
)
def test_slurm_says_what_a_job_was_given(
    environment: dict[str, str], megabytes: int | None
) -> None:
    limit = slurm_limit(environment)
    assert limit == (megabytes and megabytes * MEGABYTE)


@contextmanager
def too_large(after: int = 0) -> Iterator[list[None]]:
    """Every model's forward asks the real allocator for a petabyte, after so many; has the forwards."""
    forwards: list[None] = []

    def ask(module: nn.Module, _: object) -> None:
        if isinstance(module, Objective):
            forwards.append(None)
            if len(forwards) > after:
                torch.empty(2**50, dtype=torch.uint8)

    handle = torch.nn.modules.module.register_module_forward_pre_hook(ask)
    try:
        yield forwards
    finally:
        handle.remove()


def test_a_run_without_room_says_so_and_is_not_tried_again_as_it_is(
    values: dict[str, Any], prepare: Prepare, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment, layout = prepare()
    monkeypatch.setattr(out_of_memory, "free_bytes", lambda device: 10**9)
    run, mark = experiment.run("conv", 0), layout.run("conv", 0).checkpoints / MARK
    words = (
        "conv: out of memory on the CPU, training on batches of 8 images of 80 x 80 pixels; "
        "images kept there: "
        r"train 0\.00 GB, val 0\.00 GB; .* GB of .* GB were free\. Lower training\.batch_size or image\.size"
        r".*more memory \(resources\.mem_mb: 4000 now\)\. \(.*can't allocate memory"
    )
    with too_large() as forwards:
        with pytest.raises(OutOfMemoryError, match=words) as told:
            train(experiment, run, layout)
        assert len(str(told.value)) < LONGEST, "it is whole in the closing summary"
        with pytest.raises(OutOfMemoryError, match=f"{words}.*not tried again.*remove {mark}"):
            train(experiment, run, layout)
        assert len(forwards) == 1, "the second job did not try"
        with pytest.raises(OutOfMemoryError, match="batches of 8"):
            train(experiment, run, layout, fresh=True)
        assert len(forwards) == 2
        values["training"]["batch_size"] = 4
        changed, _ = prepare()
        with pytest.raises(OutOfMemoryError, match="batches of 4"):
            train(changed, changed.run("conv", 0), layout)
        assert len(forwards) == 3
    mark.unlink()
    train(changed, changed.run("conv", 0), layout)
    assert not mark.exists()


def test_where_more_is_free_now_a_run_is_tried_again(
    prepare: Prepare, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment, layout = prepare()
    run = experiment.run("conv", 0)
    monkeypatch.setattr(out_of_memory, "free_bytes", lambda device: 10**9)
    with too_large(), pytest.raises(OutOfMemoryError):
        train(experiment, run, layout)
    with pytest.raises(OutOfMemoryError, match="not tried again"):
        train(experiment, run, layout)
    monkeypatch.setattr(out_of_memory, "free_bytes", lambda device: 11 * 10**8)
    train(experiment, run, layout)


def test_a_run_that_had_room_for_a_step_goes_on_from_its_checkpoint(prepare: Prepare) -> None:
    experiment, layout = prepare()
    run = experiment.run("conv", 0)
    with too_large(after=3), pytest.raises(OutOfMemoryError):
        train(experiment, run, layout)
    train(experiment, run, layout)


def test_the_command_ends_with_the_code_that_is_not_retried(
    prepare: Prepare, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _, layout = prepare()
    monkeypatch.chdir(prepare.folder)
    arguments = ["--variant", "conv", "--seed", "0", "--set", f"results={layout.root.parent}"]
    command = ["bakeoff", "train", "--config", str(prepare.config_file()), *arguments]
    monkeypatch.setattr(sys, "argv", command)
    with too_large(), pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 78
    assert "bakeoff: error: conv: out of memory" in capsys.readouterr().err


def test_predictions_copy_no_split_and_say_when_there_is_no_room(
    prepare: Prepare, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment, layout = prepare()
    run = experiment.run("conv", 0)
    train(experiment, run, layout)
    with (
        too_large(),
        pytest.raises(
            OutOfMemoryError,
            match=r"evaluating 64 images .*no images were kept there.*Lower image\.size",
        ),
    ):
        predict(experiment, run, layout)
    monkeypatch.setattr(SplitImages, "resident", lambda self: pytest.fail("a split was copied"))
    predict(experiment, run, layout)


def test_a_validation_without_room_is_not_blamed_on_the_batch_of_training(
    prepare: Prepare,
) -> None:
    experiment, layout = prepare()
    words = r"evaluating 64 images of 80 x 80 pixels; .*Lower image\.size"
    with too_large(after=5), pytest.raises(OutOfMemoryError, match=words):  # 40 images by 8
        train(experiment, experiment.run("conv", 0), layout)


def test_a_run_whose_step_was_tried_first_ends_in_the_same_bits(
    prepare: Prepare, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a GPU, with the counters of one that says what it has."""
    experiment, plain = prepare("plain")
    _, tried = prepare("tried")
    run = experiment.run("dropout", 0)
    train(experiment, run, plain)
    counters = {"memory_allocated": 1000, "max_memory_allocated": 5000}
    for name, value in counters.items():
        monkeypatch.setattr(torch.cuda, name, lambda device, value=value: value)
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda device: None)
    needed: list[int] = []

    def room(device: torch.device, step_bytes: Callable[[], int]) -> int:
        needed.append(step_bytes())
        return 0

    monkeypatch.setattr(residency, "_room", room)
    train(experiment, run, tried)
    assert needed == [4000]
    assert [layout.run("dropout", 0).best.read_bytes() for layout in (plain, tried)] == [
        plain.run("dropout", 0).best.read_bytes()
    ] * 2


def test_other_errors_are_not_taken_for_it() -> None:
    with pytest.raises(RuntimeError) as other:
        torch.zeros(2, 3) @ torch.zeros(2, 3)
    assert not is_out_of_memory(other.value)
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory."))
    assert is_out_of_memory(RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling"))
    assert is_out_of_memory(MemoryError())
    assert is_out_of_memory(OSError(errno.ENOMEM, "Cannot allocate memory", "images.npy"))
    assert not is_out_of_memory(OSError(errno.ENOSPC, "No space left on device"))
    assert is_out_of_memory(RuntimeError("could not create a primitive"))
    cannot = (
        "could not create a primitive descriptor for a convolution forward propagation primitive"
    )
    assert not is_out_of_memory(RuntimeError(cannot))
