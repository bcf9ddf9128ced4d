"""The model of masked-patch pretraining: what it sees, what it is asked, where its loss looks."""

import pytest
import torch
from torch import Tensor, nn

from bakeoff.errors import ConfigError
from bakeoff.models.registry import Targets, Task, build
from bakeoff.pretraining.masked_patches import MaskedPatches, exchange_lower_parts
from tests.pretraining.conftest import VIT

NOTHING = Targets(torch.zeros(0), torch.zeros(0))


def small(*, channels: int = 1, masked: float = 0.3, **options: bool) -> MaskedPatches:
    torch.manual_seed(0)
    vit = build("vit_b16", Task(channels, 32, 2), {**VIT, "patch": 8})
    chosen = {"normalise_target": True, "next_part": False, **options}
    return MaskedPatches(vit, masked=masked, **chosen)


def some(channels: int = 1, count: int = 3) -> Tensor:
    return torch.rand(count, channels, 32, 32, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("channels", [1, 3])
def test_the_loss_is_the_error_of_the_chosen_patches_by_hand(channels: int) -> None:
    model, images = small(channels=channels), some(channels)
    torch.manual_seed(5)
    loss, errors = model.objective(images, NOTHING)
    torch.manual_seed(5)
    tokens, chosen = model.encode(images)
    predicted = model.predict(tokens[:, 1:])
    by_hand = []
    for image in range(3):
        for patch in range(16):
            if chosen[image, patch]:
                row, column = divmod(patch, 4)
                area = images[image, :, row * 8 : row * 8 + 8, column * 8 : column * 8 + 8]
                pixels = area.flatten()
                wanted = (pixels - pixels.mean()) / pixels.std()
                by_hand.append((predicted[image, patch] - wanted).square().mean())
    assert torch.allclose(loss, torch.stack(by_hand).mean(), atol=1e-4)
    assert torch.allclose(errors.mean(), loss)


def test_the_loss_looks_at_chosen_patches_only() -> None:
    model, images = small(), some()
    gradients: list[Tensor] = []
    model.predict.register_full_backward_hook(lambda _, __, out: gradients.append(out[0]))
    torch.manual_seed(5)
    model.objective(images, NOTHING)[0].backward()
    torch.manual_seed(5)
    _, chosen = model.encode(images)
    reached = gradients[0].abs().sum(dim=2) > 0
    assert torch.equal(reached, chosen) and not bool(chosen.all())


def test_the_encoder_does_not_see_what_is_hidden_and_sees_the_rest() -> None:
    model, images = small(), some(count=1).requires_grad_()
    torch.manual_seed(5)
    tokens, chosen = model.encode(images)
    (seen,) = torch.autograd.grad(tokens.sum(dim=1).square().sum(), images)
    by_patch = seen.view(4, 8, 4, 8).abs().sum(dim=(1, 3)).flatten()
    hidden = by_patch == 0
    assert bool(hidden.any()) and not bool((hidden & ~chosen[0]).any())


def test_a_hidden_patch_still_says_where_it_is() -> None:
    model = small(masked=0.9)
    torch.manual_seed(5)
    inputs: list[Tensor] = []
    model.vit.blocks[0].register_forward_hook(lambda _, given, __: inputs.append(given[0]))
    model.encode(some(count=1))
    positions = model.vit.embedding.positions[0, 1:]
    places = inputs[0][0, 1:] - positions
    masked = (places - model.mask_token).abs().amax(dim=1) < 1e-5
    assert int(masked.sum()) > 5


def test_raw_pixels_are_a_target_too() -> None:
    images = some()
    raw = small(normalise_target=False).target(images)
    normalised = small().target(images)
    assert torch.equal(raw[0, 1], images[0, 0, :8, 8:16].flatten())
    assert torch.allclose(normalised.mean(dim=2), torch.zeros(3, 16), atol=1e-5)
    assert torch.allclose(normalised.std(dim=2), torch.ones(3, 16), atol=1e-3)
    assert bool((small().target(torch.ones(1, 1, 32, 32)) == 0).all()), "a flat patch is no NaN"


def test_lower_parts_are_exchanged_by_hand() -> None:
    images = torch.stack([torch.full((1, 32, 32), float(i)) for i in range(3)])
    mixed = exchange_lower_parts(images, torch.tensor([True, False, True]), patch=8)
    assert [image[0, 15, 0].item() for image in mixed] == [0, 1, 2]
    assert [image[0, 16, 0].item() for image in mixed] == [2, 1, 1]


def test_the_next_part_adds_its_own_loss_on_the_class_token() -> None:
    model, images = small(next_part=True), some(count=8)
    torch.manual_seed(5)
    loss, errors = model.objective(images, NOTHING)
    assert loss > errors.mean()
    (loss - errors.mean()).backward()
    assert model.belongs is not None and model.belongs.weight.grad is not None
    assert model.predict.weight.grad is None or not bool(model.predict.weight.grad.any())


def test_an_image_alone_has_no_other_to_be_mixed_with() -> None:
    model = small(next_part=True)
    assert model.belongs is not None
    nn.init.zeros_(model.belongs.weight)
    nn.init.constant_(model.belongs.bias, 20.0)  # sure that all parts belong together
    for seed in range(8):
        torch.manual_seed(seed)
        loss, errors = model.objective(some(count=1), NOTHING)
        assert torch.allclose(loss, errors.mean(), atol=1e-6)


@pytest.mark.slow(seconds=3)
def test_sixteen_images_are_filled_in_far_better_than_by_their_means() -> None:
    """A patch's mean has an error of 1; these images repeat one pattern, so their patches can be told."""
    model = small(masked=0.15)
    row = torch.linspace(0, 3.14, 32).sin()
    images = torch.stack([(row[:, None] * row.roll(i)[None])[None] for i in range(16)])
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for step in range(150):
        torch.manual_seed(step)
        optimizer.zero_grad()
        loss, _ = model.objective(images, NOTHING)
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.6


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("conv", {}, "needs a Vision Transformer of the zoo over raw patches, such as vit_b16"),
        ("vit_b16", {**VIT, "stride": 8}, "patches of 16 pixels every 8 overlap"),
    ],
)
def test_models_without_patches_that_can_be_hidden_are_refused(
    name: str, options: dict[str, int], message: str
) -> None:
    model = build(name, Task(1, 96, 2), options)
    with pytest.raises(ConfigError, match=message):
        MaskedPatches(model, masked=0.15, normalise_target=True, next_part=False)
