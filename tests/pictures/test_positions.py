"""Position embeddings: similarities by hand, and where models keep theirs."""

import timm
import torch

from bakeoff.pictures.patch_grid import draw_patch_grid
from bakeoff.pictures.positions import draw_positions, positions_of, similarities
from bakeoff.pictures.tokens import patches_of
from tests.pictures.conftest import TRANSFORMER, VIT, built, subject_of


def test_similarities_by_hand() -> None:
    positions = torch.tensor([[1.0, 0.0], [0.0, 2.0], [3.0, 3.0], [-1.0, 0.0]])
    found = similarities(positions, (2, 2))
    root = 0.5**0.5
    expected = torch.tensor([[1, 0, root, -1], [0, 1, root, 0]])
    assert torch.allclose(found[0, 0].flatten(), expected[0])
    assert torch.allclose(found[0, 1].flatten(), expected[1])
    assert torch.allclose(found[1, 1], -found[0, 0])


def test_the_class_tokens_position_is_left_out() -> None:
    model = built("vit_b16", **VIT)
    found = positions_of(model)
    assert found is not None and found[1] == (4, 4)
    assert torch.equal(found[0], model.embedding.positions[0, 1:])


def test_fixed_positions_and_timms_are_found_too() -> None:
    found = positions_of(built("transformer", **TRANSFORMER))
    assert found is not None and found[0].shape == (16, 24)
    theirs = timm.create_model("vit_tiny_patch16_224", img_size=48, num_classes=2)
    found = positions_of(theirs)
    assert found is not None and found[1] == (3, 3)
    assert torch.equal(found[0], theirs.pos_embed[0, 1:])
    assert positions_of(built("rnn")) is None and draw_positions(built("conv", size=80)) is None


def test_a_cell_for_every_position_or_every_other_where_there_are_many() -> None:
    picture = draw_positions(built("vit_b16", **VIT))
    assert picture is not None
    assert picture.figure.axes[0].images[0].get_array().shape == (4 * 5 - 1, 4 * 5 - 1)
    many = draw_positions(built("vit_b16", size=160, **VIT))
    assert many is not None and "Every 2th" not in many.caption
    assert "Every second position" in many.caption
    assert many.figure.axes[0].images[0].get_array().shape == (10 * 21 - 1, 10 * 21 - 1)


def test_patches_are_framed_where_the_model_cuts_them() -> None:
    subject = subject_of(built("vit_b16", size=35, stride=4, **VIT), size=35)
    picture = draw_patch_grid(subject)
    assert picture is not None
    corners = {square.get_xy() for square in picture.figure.axes[0].patches}
    assert corners == {(4 * i - 0.5, 4 * j - 0.5) for i in range(7) for j in range(7)}
    assert "they overlap" in picture.caption and "The last 3 rows" in picture.caption


def test_every_model_over_patches_says_how_it_cuts_and_the_others_do_not() -> None:
    for name, options in (
        ("rnn", {"patch": 8}),
        ("birnn", {"patch": 8}),
        ("rnn_attention", {"patch": 8}),
        ("rnn_self_attention", {"patch": 8}),
        ("transformer", TRANSFORMER),
        ("vit_b16", VIT),
    ):
        cut = patches_of(built(name, **options), 32)
        assert cut is not None and (cut.patch, cut.stride, cut.grid) == (8, 8, (4, 4)), name
    theirs = timm.create_model("vit_tiny_patch16_224", img_size=48, num_classes=2)
    cut = patches_of(theirs, 48)
    assert cut is not None and cut.grid == (3, 3)
    conv = built("conv", size=80)
    assert patches_of(conv, 80) is None and draw_patch_grid(subject_of(conv, size=80)) is None
