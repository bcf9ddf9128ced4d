"""The attention that is drawn is the attention that was used, in our layers and in timm's."""

import pytest
import timm
import torch
from torch import Tensor

from bakeoff.models.vision_transformer import VisionTransformer
from bakeoff.pictures.attention import self_attention, to_patches
from bakeoff.pictures.attention_maps import draw_attention_maps, file_name, head_maps
from bakeoff.pictures.rollout import roll, rollout
from tests.pictures.conftest import TRANSFORMER, VIT, built, subject_of

IMAGES = torch.rand(2, 1, 32, 32, generator=torch.Generator().manual_seed(1))


def test_a_vits_attention_is_what_its_blocks_used() -> None:
    model = built("vit_b16", **VIT)
    assert isinstance(model, VisionTransformer)
    found = self_attention(model, IMAGES)
    assert len(found) == 3 and found[0].shape == (2, 2, 17, 17)
    for ours, expected in zip(found, model.attention_maps(IMAGES), strict=True):
        assert torch.allclose(ours, expected, atol=1e-6)
        assert torch.allclose(ours.sum(dim=-1), torch.ones(2, 2, 17), atol=1e-5)
    assert not model.blocks[0].attention._forward_hooks, "nothing stays behind"


def test_timms_attention_is_what_its_own_softmax_gives() -> None:
    torch.manual_seed(0)
    model = timm.create_model(
        "vit_tiny_patch16_224", img_size=32, patch_size=8, in_chans=1, num_classes=2
    ).eval()
    expected: list[Tensor] = []
    for block in model.blocks:
        block.attn.fused_attn = False  # the fused kernel keeps no weights
        block.attn.attn_drop.register_forward_hook(lambda _, given, __: expected.append(given[0]))
    found = self_attention(model, IMAGES)
    assert len(found) == len(expected) == 12
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(found, expected, strict=True))
    assert to_patches(model, found[0]).shape == (2, 3, 4, 4)


def test_attention_over_parts_of_an_image_is_not_taken_for_that_of_another_image() -> None:
    model = timm.create_model("mobilevit_xxs", num_classes=2, in_chans=1).eval()
    assert self_attention(model, torch.rand(2, 1, 64, 64)) == []


def test_the_class_tokens_row_is_laid_on_the_grid() -> None:
    model = built("vit_b16", **VIT)
    weights = torch.rand(2, 2, 17, 17)
    maps = to_patches(model, weights)
    assert torch.equal(maps[1, 0, 2, 3], weights[1, 0, 0, 1 + 2 * 4 + 3])


def test_prompts_are_no_patches() -> None:
    model = built("vpt_shallow", size=32, **{k: v for k, v in VIT.items() if k != "patch"})
    found = self_attention(model, IMAGES)
    assert found[0].shape[-1] == 1 + 10 + 4
    weights = torch.arange(15.0).expand(1, 1, 15, 15)
    assert to_patches(model, weights).flatten().tolist() == [11, 12, 13, 14]


def test_without_a_class_token_the_rows_are_averaged() -> None:
    model = built("transformer", **TRANSFORMER)
    weights = torch.rand(2, 2, 16, 16)
    maps = to_patches(model, weights)
    assert torch.allclose(maps[0, 1].flatten(), weights[0, 1].mean(dim=0))


def test_models_without_self_attention_have_no_such_picture() -> None:
    model = built("rnn", patch=8)
    assert self_attention(model, IMAGES) == []
    assert head_maps(model, IMAGES) is None and rollout(model, IMAGES) is None
    assert list(draw_attention_maps(subject_of(model))) == []


def test_every_head_of_every_layer_is_drawn_once_per_outcome() -> None:
    pictures = list(draw_attention_maps(subject_of(built("vit_b16", **VIT), count=8)))
    assert [picture.file for picture in pictures] == [
        "attention-maps-true-positive.png",
        "attention-maps-false-negative.png",
        "attention-maps-false-positive.png",
        "attention-maps-true-negative.png",
    ]
    sheet = pictures[0].figure.axes[1].images[0].get_array()
    assert sheet.shape == (3 * 5 - 1, 2 * 5 - 1)  # 3 layers and 2 heads of 4 x 4, lines between
    assert "3 layers" in pictures[0].caption and "2 heads" in pictures[0].caption


def test_outcomes_of_any_name_have_files_of_their_own() -> None:
    taken: set[str] = set()
    for outcome in (
        "crème brûlée/tarte, called right",
        "crème brûlée tarte, called right",
        "寿司",
        "?",
    ):
        name = file_name(outcome, taken)
        assert name not in taken and "/" not in name and " " not in name
        taken.add(name)
    assert taken == {
        *("crème-brûlée-tarte-called-right", "crème-brûlée-tarte-called-right-2"),
        *("寿司", "outcome"),
    }
    assert len(file_name("long " * 100, set())) <= 60


def test_rollout_by_hand() -> None:
    first = torch.tensor([[0.5, 0.5], [0.0, 1.0]])
    second = torch.tensor([[0.2, 0.8], [0.6, 0.4]])
    layers = [torch.stack([a, a])[None] for a in (first, second)]
    halved = [(a + torch.eye(2)) / 2 for a in (first, second)]
    assert torch.allclose(roll(layers)[0], halved[1] @ halved[0])
    assert not torch.allclose(roll(layers)[0], halved[0] @ halved[1]), "the last layer stands left"


def test_rollout_of_a_vit_is_a_share_of_every_patch() -> None:
    model = built("vit_b16", **VIT)
    found = rollout(model, IMAGES)
    assert found is not None and found.shape == (2, 4, 4)
    rolled = roll(self_attention(model, IMAGES))
    assert torch.allclose(rolled.sum(dim=-1), torch.ones(2, 17), atol=1e-5)


@pytest.mark.parametrize(("name", "drawn"), [("vpt_shallow", True), ("vpt_deep", False)])
def test_rollout_does_not_pretend_that_deep_prompts_last(name: str, drawn: bool) -> None:
    model = built(name, **{k: v for k, v in VIT.items() if k != "patch"})
    assert (rollout(model, IMAGES) is not None) == drawn
