"""Which patches are hidden, and behind what."""

import pytest
import torch

from bakeoff.pretraining.masking import Corruption, draw

CPU = torch.device("cpu")


@pytest.mark.parametrize(("patches", "count"), [(196, 29), (25, 4), (3, 1), (1, 1)])
def test_every_image_hides_fifteen_percent_of_its_patches_and_at_least_one(
    patches: int, count: int
) -> None:
    chosen = draw(64, patches, 0.15, CPU).chosen
    assert chosen.sum(dim=1).tolist() == [count] * 64


def test_of_the_chosen_80_percent_are_masked_10_are_others_and_10_stay() -> None:
    torch.manual_seed(0)
    corruption = draw(500, 196, 0.15, CPU)
    chosen = corruption.chosen.sum()
    assert abs(corruption.by_mask.sum() / chosen - 0.8) < 0.02
    assert abs(corruption.by_other.sum() / chosen - 0.1) < 0.02
    assert not bool((corruption.by_mask & corruption.by_other).any())
    changed = corruption.by_mask | corruption.by_other
    assert not bool((changed & ~corruption.chosen).any())


def test_every_place_is_chosen_alike_and_every_draw_differs() -> None:
    torch.manual_seed(0)
    chosen = draw(4000, 20, 0.15, CPU).chosen
    assert bool(((chosen.float().mean(dim=0) - 0.15).abs() < 0.03).all())
    assert len({tuple(row.tolist()) for row in chosen}) > 500


def test_patches_are_replaced_by_hand() -> None:
    patches = torch.arange(8.0).view(2, 2, 2)
    at = torch.tensor([[0, 0], [0, 0]]).bool()
    by_mask, by_other = at.clone(), at.clone()
    by_mask[0, 1] = by_other[1, 0] = True
    corruption = Corruption(by_mask | by_other, by_mask, by_other, torch.tensor([[3, 2], [0, 1]]))
    hidden = corruption.apply(patches, torch.tensor([-1.0, -2.0]))
    assert hidden.tolist() == [[[0, 1], [-1, -2]], [[0, 1], [6, 7]]]


def test_a_draw_is_a_function_of_torchs_seed() -> None:
    torch.manual_seed(3)
    one = draw(4, 50, 0.15, CPU)
    torch.manual_seed(3)
    other = draw(4, 50, 0.15, CPU)
    assert torch.equal(one.chosen, other.chosen) and torch.equal(one.other, other.other)
