"""The zoo's models learn 16 images by heart, and the same way twice."""

from collections.abc import Iterator
from itertools import islice

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bakeoff.models.catalogue import entries, find
from bakeoff.models.registry import Targets, Task, build
from bakeoff.task.binary import BinaryTask
from bakeoff.task.losses import losses_of
from bakeoff.training.objective import Objective
from bakeoff.training.randomness import make_deterministic

LOSSES = losses_of(BinaryTask())

pytestmark = pytest.mark.slow(seconds=3)

Options = dict[str, int | float | bool | str]

SMALL: Options = {"depth": 2, "width": 48, "heads": 4}
HYBRID: Options = {**SMALL, "base": 32}
POOLED: Options = {"depth": 6, "width": 16, "scale": 1.0}
MIXED: Options = {"depth": 2, "width": 32}
# name, options of a small variant, learning rate, most steps it may take
CASES: list[tuple[str, Options, float, int]] = [
    ("vit_b16", SMALL, 3e-3, 100),
    ("vit_b32", {**SMALL, "stride": 16}, 3e-3, 100),
    ("vit_l16", {**SMALL, "dropout": 0.1, "attention_dropout": 0.1}, 3e-3, 150),
    ("vit_l32", SMALL, 3e-3, 100),
    ("vit_h14", SMALL, 3e-3, 100),
    *((f"r50_vit_{size}", HYBRID, 3e-3, 100) for size in ("b16", "b32", "l16", "l32")),
    ("vpt_shallow", SMALL, 3e-2, 300),
    ("vpt_deep", SMALL, 3e-2, 300),
    *((f"poolformer_{size}", POOLED, 1e-2, 100) for size in ("s12", "s24", "s36", "m36", "m48")),
    *((f"convmixer_{size}", MIXED, 1e-2, 100) for size in ("768_32", "1536_20", "1024_20")),
    ("msht", {"width": 32, "heads": 4, "base": 8}, 3e-3, 100),
    ("si_vit", SMALL, 3e-3, 200),
    ("timm/test_resnet", {}, 3e-3, 100),
]
ELSEWHERE = {  # in their own files
    "conv",
    "conv_bn",
    "rnn",
    "birnn",
    "rnn_attention",
    "rnn_self_attention",
    "transformer",
}
TASK = Task(1, 64, 2, ("No Finding", "Mass"))


def sixteen() -> tuple[Tensor, Targets]:
    generator = torch.Generator().manual_seed(0)
    images = F.interpolate(torch.rand(16, 1, 8, 8, generator=generator), 64, mode="bilinear")
    labels = torch.arange(16) % 2
    return images, Targets(labels, F.one_hot(labels, 2).float())


def train(name: str, options: Options, lr: float) -> Iterator[tuple[nn.Module, bool]]:
    """The model after each step, and whether it knows all 16 images by then."""
    torch.manual_seed(0)
    model = build(name, TASK, options)
    objective = Objective(model, LOSSES["cross_entropy"])
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=lr)
    images, targets = sixteen()
    while True:
        objective.train()
        optimizer.zero_grad()
        loss, _ = objective(images, targets)
        loss.backward()
        optimizer.step()
        objective.eval()
        with torch.no_grad():
            _, scores = objective(images, targets)
        yield model, torch.equal(scores > 0.5, targets.labels.bool())


@pytest.mark.parametrize(
    ("name", "options", "lr", "steps"),
    CASES,
    ids=[c[0] for c in CASES],
)
def test_sixteen_images_are_learned_by_heart(
    name: str, options: Options, lr: float, steps: int
) -> None:
    assert any(knows for _, knows in islice(train(name, options, lr), steps))


def test_no_model_is_left_out() -> None:
    assert ELSEWHERE | {find(case[0]).name for case in CASES} == set(entries())


@pytest.mark.parametrize(
    "case", [c for c in CASES if c[0] in ("vit_l16", "si_vit", "msht")], ids=lambda case: case[0]
)
def test_the_same_seed_learns_the_same_weights(case: tuple[str, Options, float, int]) -> None:
    name, options, lr, _ = case
    make_deterministic(1, deterministic=True)
    try:
        *_, (first, _) = islice(train(name, options, lr), 3)
        *_, (second, _) = islice(train(name, options, lr), 3)
    finally:
        make_deterministic(1, deterministic=False)
    state = second.state_dict()
    assert all(torch.equal(tensor, state[key]) for key, tensor in first.state_dict().items())
