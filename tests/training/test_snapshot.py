"""Snapshots: what a moment of a training was, however it goes on."""

import torch
from torch import nn

from bakeoff.training.checkpoint import Progress, weights_of
from bakeoff.training.host_copy import HostMemory
from bakeoff.training.snapshot import Snapshots


def test_a_snapshot_does_not_change_when_the_training_goes_on() -> None:
    model, progress = nn.Linear(3, 2), Progress(digest="d1", history=[{"val_auc": 0.5}])
    snapshots = Snapshots()
    snapshots.keep_row(progress.history[0])
    snapshots.keep_best(weights_of(model, {"epoch": 1}))
    then = {name: value.clone() for name, value in model.state_dict().items()}
    taken = snapshots.take(progress, model.state_dict())
    with torch.no_grad():
        model.weight.fill_(7.0)
    progress.history.append({"val_auc": 0.9})
    progress.history[0]["val_auc"] = 0.1
    snapshots.keep_best(weights_of(model, {"epoch": 2}))
    taken.wait()
    assert taken.best is not None and taken.best.metadata == {"epoch": 1}
    for name, value in then.items():
        assert torch.equal(taken.state[name], value)
        assert torch.equal(taken.best.tensors[name], value)
    assert taken.progress.history == [{"val_auc": 0.5}]
    assert [row.values["val_auc"] for row in taken.rows] == [0.1]
    later = snapshots.take(progress, model.state_dict())
    assert later.best is not None and later.best.metadata == {"epoch": 2} and later.rows == ()
    assert torch.equal(taken.state["weight"], then["weight"]), "its memory was used again"


def test_only_the_last_of_several_best_epochs_is_written() -> None:
    model, snapshots = nn.Linear(3, 2), Snapshots()
    for epoch in (1, 2, 3):
        with torch.no_grad():
            model.weight.fill_(epoch)
        snapshots.keep_best(weights_of(model, {"epoch": epoch}))
    best = snapshots.take(Progress(digest="d1"), {}).best
    assert best is not None and best.metadata == {"epoch": 3}
    assert bool((best.tensors["weight"] == 3).all())
    assert snapshots.take(Progress(digest="d1"), {}).best is None


def test_memory_that_was_given_back_is_used_again_where_it_fits() -> None:
    memory = HostMemory()
    first = memory.copy({"a": torch.ones(3), "b": torch.ones(2, dtype=torch.int64)})
    places = {name: value.data_ptr() for name, value in first.items()}
    memory.give_back(first)
    again = memory.copy({"a": torch.zeros(3), "b": torch.zeros(4, dtype=torch.int64)})
    assert again["a"].data_ptr() == places["a"] and bool((again["a"] == 0).all())
    assert again["b"].shape == (4,)
    assert memory.copy({"a": torch.ones(3)})["a"].data_ptr() != places["a"], "that is in use"
