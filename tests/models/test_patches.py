"""Patches: cut where they should be, embedded by eq. 1, their positions interpolated like timm's."""

import pytest
import torch
from timm.layers import resample_abs_pos_embed

from bakeoff.errors import ConfigError
from bakeoff.models.patches import PatchEmbedding, cut_patches, patch_grid, resize_positions


def test_patches_come_row_by_row_from_the_top_left() -> None:
    image = torch.arange(16.0).view(1, 1, 4, 4)
    patches = cut_patches(image, 2)
    assert patches[0].tolist() == [[0, 1, 4, 5], [2, 3, 6, 7], [8, 9, 12, 13], [10, 11, 14, 15]]


def test_patches_overlap_where_the_stride_is_smaller() -> None:
    image = torch.arange(9.0).view(1, 1, 3, 3)
    assert cut_patches(image, 2, stride=1)[0].tolist() == [
        [0, 1, 3, 4],
        [1, 2, 4, 5],
        [3, 4, 6, 7],
        [4, 5, 7, 8],
    ]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("height", "width", "patch", "stride"), [(8, 12, 4, None), (9, 9, 4, 2)])
def test_the_embedding_is_the_product_of_patches_and_e(
    channels: int, height: int, width: int, patch: int, stride: int | None
) -> None:
    embedding = PatchEmbedding(channels, 5, patch, stride).double()
    images = torch.randn(2, channels, height, width).double()
    e = embedding.projection.weight.flatten(1).T  # (P^2 C, D)
    product = cut_patches(images, patch, stride) @ e + embedding.projection.bias
    torch.testing.assert_close(embedding(images), product, atol=1e-12, rtol=0)
    rows, columns = patch_grid(height, width, patch, stride)
    assert product.shape == (2, rows * columns, 5)


@pytest.mark.parametrize(
    ("side", "patch", "stride", "rows"),
    [(224, 16, None, 14), (512, 16, None, 32), (224, 16, 8, 27), (230, 16, None, 14)],
)
def test_the_grid_counts_whole_patches(
    side: int, patch: int, stride: int | None, rows: int
) -> None:
    assert patch_grid(side, side, patch, stride) == (rows, rows)


def test_an_image_without_room_for_a_patch_is_an_error() -> None:
    with pytest.raises(ConfigError, match="holds no patch of 16 x 16"):
        patch_grid(15, 15, 16)


@pytest.mark.parametrize("grid", [(32, 32), (7, 7), (10, 20)])
def test_positions_are_interpolated_like_timms(grid: tuple[int, int]) -> None:
    positions = torch.randn(1, 1 + 14 * 14, 8)
    theirs = resample_abs_pos_embed(positions, list(grid), num_prefix_tokens=1)
    torch.testing.assert_close(resize_positions(positions, grid), theirs, atol=0, rtol=0)


def test_the_same_grid_leaves_positions_untouched() -> None:
    positions = torch.randn(1, 1 + 9, 8)
    assert resize_positions(positions, (3, 3)) is positions


def test_a_constant_position_stays_constant_and_the_class_token_keeps_its_own() -> None:
    positions = torch.cat([torch.full((1, 1, 4), 7.0), torch.full((1, 9, 4), 2.0)], dim=1)
    resized = resize_positions(positions, (5, 6))
    assert resized.shape == (1, 31, 4)
    assert (resized[:, 0] == 7).all()
    torch.testing.assert_close(resized[:, 1:], torch.full((1, 30, 4), 2.0))


def test_positions_that_form_no_square_are_an_error() -> None:
    with pytest.raises(ConfigError, match="8 position embeddings form no square"):
        resize_positions(torch.zeros(1, 9, 4), (2, 2))
