"""The counter of multiply-adds: against sums by hand and published figures, and what it refuses."""

import pytest
import timm
import torch
from torch import nn

from bakeoff.models.multiply_adds import UncountedError, count_forward, multiply_adds


def meta(module: nn.Module) -> nn.Module:
    return module.to("meta").eval().requires_grad_(False)


def test_a_convolution_costs_its_kernel_at_every_place() -> None:
    assert multiply_adds(nn.Conv2d(3, 16, 5, stride=2, padding=2), 3, 32) == 16 * 16 * 16 * 3 * 25


def test_groups_share_the_channels() -> None:
    assert multiply_adds(nn.Conv2d(8, 16, 3, groups=4, padding=1), 8, 10) == 100 * 16 * 2 * 9


@pytest.mark.parametrize(
    ("kind", "gates", "directions"), [(nn.RNN, 1, 1), (nn.GRU, 3, 2), (nn.LSTM, 4, 2)]
)
def test_recurrence_costs_its_gates_at_every_step(
    kind: type[nn.RNN | nn.GRU | nn.LSTM], gates: int, directions: int
) -> None:
    """On a CPU torch's counter sees a kernel there that it takes for nothing."""
    recurrent = meta(kind(6, 10, batch_first=True, bidirectional=directions == 2))
    steps = torch.empty(1, 7, 6, device="meta")
    assert count_forward(recurrent, steps) == directions * 7 * gates * (6 + 10) * 10


@pytest.mark.parametrize("layer", [True, False])
def test_attention_costs_its_projections_and_both_products(layer: bool) -> None:
    width, hidden, tokens = 16, 32, 5
    attention = tokens * 4 * width**2 + 2 * tokens**2 * width
    sequence = torch.empty(1, tokens, width, device="meta")
    if layer:
        encoder = meta(nn.TransformerEncoderLayer(width, 2, hidden, batch_first=True))
        assert count_forward(encoder, sequence) == attention + tokens * 2 * width * hidden
    else:
        module = meta(nn.MultiheadAttention(width, 2, batch_first=True))
        assert count_forward(lambda x: module(x, x, x, need_weights=False), sequence) == attention


@pytest.mark.slow(seconds=3)
@pytest.mark.parametrize(
    ("name", "billions"),
    [
        ("resnet18", 1.81),  # arXiv 1512.03385 has 1.8; torchvision 1.814
        ("vit_base_patch16_224", 17.56),  # torchvision
        ("efficientnet_b0", 0.39),  # arXiv 1905.11946, Table 2
        ("swin_tiny_patch4_window7_224", 4.5),  # arXiv 2103.14030, Table 1
        ("convnext_tiny", 4.5),  # arXiv 2201.03545, Table 1
    ],
)
def test_published_figures_are_met(name: str, billions: float) -> None:
    with torch.device("meta"):
        model = timm.create_model(name)
    assert multiply_adds(model, 3, 224) / 1e9 == pytest.approx(billions, rel=0.012)


@pytest.mark.parametrize(
    ("module", "inputs", "operator"),
    [
        (nn.LSTM(6, 10, batch_first=True), (1, 7, 6), "mkldnn_rnn_layer"),
        (
            nn.TransformerEncoderLayer(16, 2, 32, batch_first=True),
            (1, 5, 16),
            "_transformer_encoder_layer_fwd",
        ),
    ],
)
def test_a_kernel_without_a_formula_is_refused_and_not_taken_for_nothing(
    module: nn.Module, inputs: tuple[int, ...], operator: str
) -> None:
    with pytest.raises(UncountedError, match=operator):
        count_forward(module.eval().requires_grad_(False), torch.zeros(inputs))


def test_a_product_that_the_counter_does_not_know_is_refused() -> None:
    class Product(nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            product: torch.Tensor = torch.fft.rfft2(images).real
            return product

    with pytest.raises(UncountedError, match="fft"):
        multiply_adds(Product(), 1, 8)


def test_enlarging_an_image_is_left_out_as_pooling_is() -> None:
    model = nn.Sequential(nn.UpsamplingBilinear2d(scale_factor=2), nn.Conv2d(1, 2, 1))
    assert multiply_adds(model, 1, 4) == 2 * 8 * 8
