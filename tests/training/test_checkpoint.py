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
