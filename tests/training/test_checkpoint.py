"""Checkpoints: exact, whole, and never believed when damaged."""

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest
import torch
from torch import Tensor, nn

from bakeoff.errors import CheckpointError
from bakeoff.training.checkpoint import (
    CheckpointFolder,
    Progress,
    frozen_sums,
    load_weights,
    save_weights,
    state_of,
    weights_of,
)


def trained(seed: int) -> tuple[nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(144, 2))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        model(torch.randn(5, 1, 8, 8)).square().mean().backward()
        optimizer.step()
    return model, optimizer


def progress(epoch: int = 2, **values: object) -> Progress:
    return Progress(digest="d1", epoch=epoch, step=7, history=[{"val_auc": 0.1 + 0.2}], **values)


def state(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    epoch_tensors: Mapping[str, Tensor] = MappingProxyType({}),
) -> dict[str, Tensor]:
    return state_of(model, optimizer, epoch_tensors, frozen_sums(model))


def saved(folder: Path, *epochs: int) -> CheckpointFolder:
    checkpoints = CheckpointFolder(folder)
    for epoch in epochs:
        model, optimizer = trained(epoch)
        checkpoints.save(progress(epoch), state(model, optimizer, {"scores": torch.rand(5)}))
    return checkpoints


def test_what_is_restored_is_bit_for_bit_what_was_saved(tmp_path: Path) -> None:
    model, optimizer = trained(0)
    checkpoints = CheckpointFolder(tmp_path)
    checkpoints.save(progress(), state(model, optimizer, {"scores": torch.tensor([0.1, 0.2])}))
    again, again_optimizer = trained(1)
    checkpoint = checkpoints.load("d1")
    assert checkpoint is not None
    checkpoint.restore(again, again_optimizer)
    assert checkpoint.progress == progress()
    assert torch.equal(checkpoint.epoch_tensors["scores"], torch.tensor([0.1, 0.2]))
    for name, value in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], value), name
    one, other = optimizer.state_dict()["state"], again_optimizer.state_dict()["state"]
    assert one.keys() == other.keys()
    for index in one:
        for key in one[index]:
            assert torch.equal(one[index][key], other[index][key]), (index, key)


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "missing"])
def test_a_damaged_last_checkpoint_falls_back_to_the_one_before_and_says_so(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    checkpoints = saved(tmp_path, 1, 2)
    content = bytearray(checkpoints.last.read_bytes())
    if damage == "missing":
        checkpoints.last.unlink()
    else:
        if damage == "flip":
            content[-9] ^= 1
        cut = {"cut": len(content) // 2, "empty": 0}.get(damage, len(content))
        checkpoints.last.write_bytes(content[:cut])
    with caplog.at_level(logging.WARNING):
        checkpoint = checkpoints.load("d1")
    assert checkpoint is not None and checkpoint.progress.epoch == 1
    assert damage == "missing" or "last.ckpt is damaged" in caplog.text


def test_any_single_flipped_byte_is_noticed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)  # a warning each
    checkpoints = saved(tmp_path, 1)
    content = checkpoints.last.read_bytes()
    header = 8 + int.from_bytes(content[:8], "little")
    for position in (*range(0, header, 7), *range(header, len(content), 97)):
        damaged = bytearray(content)
        damaged[position] ^= 0x01 if position < header else 0x40
        checkpoints.last.write_bytes(damaged)
        found = checkpoints.load("d1")
        # A float's last digit may be another and its value the same.
        assert found is None or found.progress == progress(1), position


@pytest.mark.parametrize(
    ("text", "damaged"),
    [
        (b'"F32"', b'"I32"'),  # the same bytes, read as other numbers
        (b'\\"epoch\\": 1', b'\\"epoch\\": 3'),
        (b'\\"val_auc\\": 0.3', b'\\"val_auc\\": 0.8'),
    ],
)
def test_another_type_epoch_or_history_is_damage(
    tmp_path: Path, text: bytes, damaged: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    checkpoints = saved(tmp_path, 1)
    content = checkpoints.last.read_bytes()
    assert text in content
    checkpoints.last.write_bytes(content.replace(text, damaged, 1))
    assert checkpoints.load("d1") is None
    assert "last.ckpt is damaged" in caplog.text


def test_a_damaged_checkpoint_never_takes_the_place_of_the_good_one_before(tmp_path: Path) -> None:
    checkpoints = saved(tmp_path, 1, 2)
    checkpoints.last.write_bytes(b"half")
    resumed = CheckpointFolder(tmp_path)
    assert resumed.load("d1") is not None
    model, optimizer = trained(3)
    for epoch, before in ((3, 1), (4, 3)):
        resumed.save(progress(epoch), state(model, optimizer))
        kept = resumed.last.read_bytes()
        resumed.last.unlink()  # what a kill between the two renames leaves
        checkpoint = CheckpointFolder(tmp_path).load("d1")
        assert checkpoint is not None and checkpoint.progress.epoch == before
        resumed.last.write_bytes(kept)


def test_the_checkpoint_of_another_configuration_is_not_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert saved(tmp_path, 1, 2).load("another") is None
    assert "of another configuration" in caplog.text


def test_a_checkpoint_whose_best_weights_are_gone_is_not_used(tmp_path: Path) -> None:
    model, optimizer = trained(0)
    checkpoints = CheckpointFolder(tmp_path)
    save_weights(checkpoints.best, model, {"epoch": 1})
    checkpoints.save(progress(best_epoch=1, best_value=0.5), state(model, optimizer))
    assert checkpoints.load("d1") is not None
    checkpoints.best.unlink()
    assert checkpoints.load("d1") is None


def test_best_weights_of_an_epoch_that_will_be_repeated_are_accepted(tmp_path: Path) -> None:
    """Killed between writing the best weights of epoch 2 and its checkpoint: epoch 2 comes again."""
    model, optimizer = trained(0)
    checkpoints = CheckpointFolder(tmp_path)
    checkpoints.save(progress(best_epoch=1, best_value=0.5), state(model, optimizer))
    save_weights(checkpoints.best, model, {"epoch": 2})
    assert checkpoints.load("d1") is not None


def test_weights_of_another_model_are_refused_by_name(tmp_path: Path) -> None:
    file = tmp_path / "best.safetensors"
    save_weights(file, nn.Linear(3, 2), {"epoch": 1})
    with pytest.raises(
        CheckpointError, match=r"best\.safetensors: cannot be loaded as the weights"
    ):
        load_weights(file, nn.Linear(4, 2))


def test_weights_are_readable_by_whom_the_user_lets_read(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        save_weights(tmp_path / "best.safetensors", nn.Linear(3, 2), {"epoch": 1})
    finally:
        os.umask(before)
    assert (tmp_path / "best.safetensors").stat().st_mode & 0o777 == 0o640


def test_leftovers_of_a_killed_process_are_removed(tmp_path: Path) -> None:
    checkpoints = saved(tmp_path, 1)
    leftover = tmp_path / ".last.123-abcdef12.ckpt"
    leftover.write_bytes(b"half")
    checkpoints.recover()
    assert not leftover.exists() and checkpoints.last.exists()


class Killed(BaseException):
    """A SIGKILL, at the place where it is raised."""


def killed_at_the_renaming(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Let a process die just before it renames its `number`-th file, counted from 0."""
    rename, done = Path.replace, iter(range(1000))

    def replace(self: Path, target: Path) -> Path:
        if next(done) == number:
            raise Killed
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    # What is only half done stays, as a kill leaves it.
    monkeypatch.setattr(Path, "unlink", lambda self, missing_ok=False: None)


@pytest.mark.parametrize("number", range(5))
def test_the_best_weights_are_of_the_epoch_that_the_checkpoint_names_wherever_it_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Without repeating bits: a best epoch that comes again may not be the best any more."""
    model, optimizer = trained(0)
    best = {
        epoch: weights_of(trained(epoch)[0], {"epoch": epoch, "digest": "d1"}) for epoch in (1, 2)
    }
    one = progress(best_epoch=1, best_value=0.5)
    two = progress(3, best_epoch=2, best_value=0.6)
    two.history.append({"val_auc": 0.6})
    checkpoints = CheckpointFolder(tmp_path)
    checkpoints.save(one, state(model, optimizer), best=best[1])
    with monkeypatch.context() as patch:
        killed_at_the_renaming(patch, number)
        try:
            checkpoints.save(two, state(model, optimizer), best=best[2])
        except Killed:
            assert number < 4
        else:
            assert number == 4, "there is another place to die"
    again = CheckpointFolder(tmp_path)
    again.recover()
    checkpoint = again.load("d1", repeats=lambda _: False)
    assert checkpoint is not None
    expected = best[checkpoint.progress.best_epoch]
    assert checkpoint.progress.best_epoch == (2 if number > 2 else 1)
    found = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(144, 2))
    assert load_weights(again.best, found)["epoch"] == checkpoint.progress.best_epoch
    for name, value in expected.tensors.items():
        assert torch.equal(found.state_dict()[name], value), name
    assert {file.stem for file in tmp_path.iterdir()} <= {"last", "previous", "best"}


def test_best_weights_of_a_later_epoch_are_refused_where_it_may_end_in_others(
    tmp_path: Path,
) -> None:
    model, optimizer = trained(0)
    checkpoints = CheckpointFolder(tmp_path)
    checkpoints.save(progress(best_epoch=1, best_value=0.5), state(model, optimizer))
    save_weights(checkpoints.best, model, {"epoch": 2})
    assert checkpoints.load("d1", repeats=lambda _: False) is None


def half_frozen(seed: int) -> tuple[nn.Module, torch.optim.Optimizer]:
    """A model of which the first layer is the same under every seed, and does not train."""
    torch.manual_seed(7)
    first = nn.Conv2d(1, 4, 3).requires_grad_(False)
    torch.manual_seed(seed)
    model = nn.Sequential(first, nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(144, 2))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        model(torch.randn(5, 1, 8, 8)).square().mean().backward()
        optimizer.step()
    return model, optimizer


def test_parameters_that_do_not_train_are_not_saved_and_have_to_be_the_same_again(
    tmp_path: Path,
) -> None:
    model, optimizer = half_frozen(0)
    checkpoints = CheckpointFolder(tmp_path)
    frozen = frozen_sums(model)
    assert frozen.keys() == {"0.weight", "0.bias"}
    checkpoints.save(progress(), state(model, optimizer), frozen)
    checkpoint = checkpoints.load("d1")
    assert checkpoint is not None
    assert not checkpoint.tensors.keys() & {"model/0.weight", "model/0.bias"}
    assert "model/1.running_mean" in checkpoint.tensors, "a buffer changes, whatever trains"
    again, again_optimizer = half_frozen(1)
    checkpoint.restore(again, again_optimizer)
    for name, value in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], value), name
    other, other_optimizer = half_frozen(1)
    other[0].weight.data[0] += 1  # type: ignore[index, union-attr, operator]
    with pytest.raises(CheckpointError, match="parameters that do not train are not those"):
        checkpoint.restore(other, other_optimizer)
    other[0].requires_grad_(True)  # type: ignore[index, operator]
    with pytest.raises(CheckpointError, match="parameters that do not train are not those"):
        checkpoint.restore(other, other_optimizer)


def test_a_checkpoint_of_before_that_has_the_frozen_parameters_is_restored(tmp_path: Path) -> None:
    model, optimizer = half_frozen(0)
    checkpoints = CheckpointFolder(tmp_path)
    checkpoints.save(progress(), state_of(model, optimizer, {}, {}))
    checkpoint = checkpoints.load("d1")
    assert checkpoint is not None and "model/0.weight" in checkpoint.tensors
    again, again_optimizer = half_frozen(1)
    checkpoint.restore(again, again_optimizer)
    assert torch.equal(again.state_dict()["3.weight"], model.state_dict()["3.weight"])
