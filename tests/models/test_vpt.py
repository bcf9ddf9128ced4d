"""Prompt tuning: without prompts it is the ViT; only prompts and head learn."""

import math

import pytest
import torch
from torch import Tensor

from bakeoff.models.registry import Task, build
from bakeoff.models.vision_transformer import VisionTransformer
from bakeoff.models.vpt import BACKBONES, PromptedTransformer
from tests.models.parity import images, randomise
from tests.models.saved import saved_bytes

SMALL = {"depth": 3, "width": 48, "heads": 4}
TASK = Task(1, 32, 2)


def prompted(name: str, **options: int | float | str) -> PromptedTransformer:
    model = build(name, TASK, {**SMALL, **options})
    assert isinstance(model, PromptedTransformer)
    return model


@pytest.mark.parametrize(("name", "trainable"), [("vpt_shallow", 9_218), ("vpt_deep", 93_698)])
def test_what_trains_is_what_the_paper_counts(name: str, trainable: int) -> None:
    with torch.device("meta"):
        model = build(name, Task(3, 224, 2), {})
    assert sum(p.numel() for p in model.parameters() if p.requires_grad) == trainable


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("backbone", ["vit_b16", "vit_l32", "vit_h14", "r50_vit_b16"])
def test_without_prompts_it_is_the_vit(deep: bool, backbone: str) -> None:
    small = {"base": 32} if backbone.startswith("r50") else {}
    vit = randomise(build(backbone, TASK, {**SMALL, **small}))
    without = PromptedTransformer(vit, prompts=0, deep=deep).eval()
    assert torch.equal(without(images(TASK)), vit(images(TASK)))
    with_prompts = PromptedTransformer(vit, prompts=5, deep=deep).eval()
    assert (with_prompts(images(TASK)) - vit(images(TASK))).abs().max() > 1e-5


@pytest.mark.parametrize("backbone", BACKBONES)
def test_every_vit_of_the_zoo_can_be_prompted(backbone: str) -> None:
    with torch.device("meta"):
        model = build("vpt_deep", Task(1, 224, 2), {"backbone": backbone})
        vit = build(backbone, Task(1, 224, 2), {})
    theirs = {f"backbone.{key}" for key in vit.state_dict()}
    assert set(model.state_dict()) == {*theirs, "prompts"}


def by_hand(vit: VisionTransformer, prompts: Tensor, *, at_the_end: bool) -> Tensor:
    """The equations of the paper, with the prompts before or after the patch tokens."""
    z = vit.embedding(images(TASK))
    b, n, _ = z.shape
    count = prompts.shape[1]
    for index, block in enumerate(vit.blocks):
        if index == 0 or len(prompts) > 1:
            p = prompts[index].expand(b, -1, -1)
            if index:  # take out the ones that the last block changed
                z = z[:, :n] if at_the_end else torch.cat([z[:, :1], z[:, 1 + count :]], dim=1)
            parts = [z, p] if at_the_end else [z[:, :1], p, z[:, 1:]]
            z = torch.cat(parts, dim=1)
        z = block(z)
    return vit.head(vit.norm(z)[:, 0])


@pytest.mark.parametrize("name", ["vpt_shallow", "vpt_deep"])
@pytest.mark.parametrize("at_the_end", [False, True])
def test_it_does_not_matter_where_the_prompts_stand(name: str, at_the_end: bool) -> None:
    model = randomise(prompted(name, prompts=5)).double()
    expected = by_hand(model.backbone.float(), model.prompts.float(), at_the_end=at_the_end)
    torch.testing.assert_close(model.float()(images(TASK)), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", ["vpt_shallow", "vpt_deep"])
def test_only_prompts_and_head_have_gradients_and_the_rest_is_still(name: str) -> None:
    model = randomise(prompted(name, prompts=5)).train()
    assert not model.backbone.blocks.training and not model.backbone.embedding.training
    assert model.backbone.head.training and model.dropout.training
    model(images(TASK)).square().sum().backward()
    learned = {key for key, p in model.named_parameters() if p.grad is not None}
    assert learned == {"prompts", "backbone.head.weight", "backbone.head.bias"}
    assert (model.prompts.grad.abs().amax(dim=(1, 2)) > 0).all(), "every layer's prompts learn"


def test_prompts_start_uniform_and_apart_and_separate_while_training() -> None:
    """Prompts that start alike get the same gradient for ever: why they do not start at zero."""
    torch.manual_seed(0)
    model = prompted("vpt_deep", prompts=50)
    bound = math.sqrt(6 / (3 * 16 * 16 + 48))
    assert model.prompts.abs().max() <= bound
    assert model.prompts.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.05)
    randomise(model.backbone)
    for start, alike in ((model.prompts.detach().clone(), False), (torch.zeros(3, 50, 48), True)):
        model.prompts.data = start
        model.prompts.grad = None
        model(images(TASK)).square().sum().backward()
        spread = model.prompts.grad.std(dim=1).max()
        assert (spread < 1e-6 * model.prompts.grad.abs().max()).item() is alike


def test_dropout_falls_on_the_prompts_alone() -> None:
    model = randomise(prompted("vpt_shallow", prompts=5, dropout=0.5)).train()
    assert not torch.equal(model(images(TASK)), model(images(TASK)))
    model.dropout.p = 0.0
    assert torch.equal(model(images(TASK)), model(images(TASK)))


@pytest.mark.parametrize("name", ["vpt_shallow", "vpt_deep"])
def test_frozen_layers_keep_only_what_the_gradient_of_their_input_needs(name: str) -> None:
    batch = images(TASK)
    kept = saved_bytes(prompted(name, prompts=10).train(), batch) // 4
    width, tokens = SMALL["width"], len(batch) * (1 + 4 + 10)
    normalisation = tokens * (width + 2)  # its input, mean and spread
    attention = tokens * (4 * width + SMALL["heads"])  # q, k, v, what comes out, a sum per row
    activation = tokens * 4 * width  # its input
    blocks = SMALL["depth"] * (2 * normalisation + attention + activation)
    assert kept == blocks + normalisation + tokens * width  # the head's input


@pytest.mark.parametrize("backbone", ["vit_b16", "r50_vit_b16"])
def test_what_is_before_the_prompts_keeps_nothing(backbone: str) -> None:
    small = {"base": 32} if backbone.startswith("r50") else {}
    vit = build(backbone, TASK, {**SMALL, **small})
    embedding = PromptedTransformer(vit, prompts=10, deep=True).train().backbone.embedding
    assert saved_bytes(embedding, images(TASK)) == 0
    assert not embedding(images(TASK)).requires_grad
