"""A step whose outputs are read later is the step whose outputs are read at once, bit for bit."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from bakeoff.config.schema import Image, Training
from bakeoff.errors import TrainingError
from bakeoff.models.registry import Task, build
from bakeoff.task.binary import BinaryTask
from bakeoff.task.losses import loss_of
from bakeoff.training.augment import draw_angles, rotate, rotate_all
from bakeoff.training.distributed import World
from bakeoff.training.images import SplitImages, batches
from bakeoff.training.numerics import Numerics
from bakeoff.training.objective import Objective
from bakeoff.training.optimization import make_optimizer
from bakeoff.training.outputs import EpochOutputs
from bakeoff.training.randomness import generator, make_deterministic, order
from bakeoff.training.step import Stepper

SIZE, COUNT, BATCH = 80, 11, 4
MODELS: dict[str, tuple[str, Mapping[str, Any]]] = {
    "conv_bn": ("conv_bn", {}),
    "vit with dropout": ("vit_b16", {"depth": 2, "width": 48, "heads": 4, "dropout": 0.1}),
}


def some_images() -> SplitImages:
    drawn = np.random.default_rng(0).integers(0, 256, (COUNT, SIZE, SIZE), dtype=np.uint8)
    return SplitImages(
        names=[str(row) for row in range(COUNT)],
        labels=torch.arange(COUNT) % 2,
        findings=torch.zeros(COUNT, 0),
        device=torch.device("cpu"),
        digest="",
        _resident=torch.from_numpy(drawn),
        _packed=drawn,
        _rows=np.arange(COUNT),
    )


def stepper(model: str, numerics: Numerics | None = None, *, deferred: bool) -> Stepper:
    make_deterministic(1, deterministic=True)
    torch.manual_seed(0)
    name, options = MODELS[model]
    network = build(name, Task(size=SIZE, outputs=2), options)
    objective = Objective(network, loss_of(BinaryTask(), "cross_entropy"), numerics).train()
    training = Training(lr=1e-3)
    optimizer = make_optimizer(objective.parameters(), training)
    return Stepper(
        objective, objective, optimizer, Image(size=SIZE), 0, 1.0, World(), deferred=deferred
    )


def train(steps: Stepper, ahead: int) -> tuple[EpochOutputs, list[Tensor]]:
    images, outputs = some_images(), EpochOutputs()
    for step, rows in enumerate(batches(order(0, 1, COUNT), BATCH)):
        launched = steps.step(images, rows, epoch=1, step=step, lr=1e-3, stop_reason=lambda: None)
        outputs.expect(launched, ahead)
    outputs.settle()
    return outputs, [value.clone() for value in steps.objective.state_dict().values()]


@pytest.mark.parametrize("model", MODELS)
def test_a_deferred_step_trains_the_same_weights_and_tells_the_same_outputs(model: str) -> None:
    at_once, expected = train(stepper(model, deferred=False), ahead=0)
    later, found = train(stepper(model, deferred=True), ahead=2)
    assert all(torch.equal(a, b) for a, b in zip(expected, found, strict=True))
    assert later.loss_sum == at_once.loss_sum
    assert torch.equal(torch.cat(later.scores), torch.cat(at_once.scores))
    assert torch.equal(torch.cat(later.labels), torch.cat(at_once.labels))


class _Broken(nn.Module):
    """Logits that are not finite from a step on."""

    def __init__(self, since: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(2))
        self.since, self.calls = since, 0

    def forward(self, images: Tensor) -> Tensor:
        self.calls += 1
        return self.weight * images.mean(dim=(1, 2, 3))[:, None] / (self.calls <= self.since)


@pytest.mark.parametrize(("deferred", "steps_taken"), [(False, 2), (True, 3)])
def test_a_loss_that_is_not_finite_is_told_with_its_step(deferred: bool, steps_taken: int) -> None:
    steps = stepper("conv_bn", deferred=deferred)
    broken = Objective(_Broken(since=1), loss_of(BinaryTask(), "cross_entropy"))
    optimizer = make_optimizer(broken.parameters(), Training())
    steps = Stepper(broken, broken, optimizer, steps.image, 0, None, World(), deferred=deferred)
    with pytest.raises(TrainingError, match=r"the loss is (nan|inf) at epoch 1, step 2 with"):
        train(steps, ahead=1)
    assert broken.model.calls == steps_taken
    assert bool(torch.isfinite(broken.model.weight).all()) is not deferred


def test_turning_all_images_and_taking_those_that_turn_gives_the_same_bits() -> None:
    images = some_images()._resident
    assert images is not None
    pixels = images[:, None].float()
    for step in range(20):
        drawn = generator(0, "rotate", 1, step)
        angles = draw_angles(COUNT, degrees=10, probability=0.3, generator=drawn)
        assert torch.equal(rotate(pixels, angles), rotate_all(pixels, angles))


@pytest.mark.parametrize(
    ("numerics", "tolerance"),
    [
        (Numerics(layout="channels_last"), 1e-4),
        (Numerics(precision="bf16"), 0.03),
        (Numerics(precision="bf16", layout="channels_last"), 0.03),
    ],
)
def test_other_numerics_train_the_same_network_up_to_their_rounding(
    numerics: Numerics, tolerance: float
) -> None:
    exact, _ = train(stepper("conv_bn", deferred=False), ahead=0)
    found, weights = train(stepper("conv_bn", numerics, deferred=False), ahead=0)
    assert found.loss_sum == pytest.approx(exact.loss_sum, rel=tolerance)
    assert found.loss_sum != exact.loss_sum
    assert {value.dtype for value in weights} == {torch.float32, torch.int64}
    again, same = train(stepper("conv_bn", numerics, deferred=False), ahead=0)
    assert again.loss_sum == found.loss_sum
    assert all(torch.equal(a, b) for a, b in zip(weights, same, strict=True))
