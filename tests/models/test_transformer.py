"""The encoder-decoder, against torch.nn.Transformer at gates that its known mistakes fail."""

import re

import pytest
import torch
from torch import Tensor, nn

from bakeoff.models.registry import Task, build
from bakeoff.models.transformer import FindingsTransformer, Transformer, sinusoids
from tests.models.overfit import FINDINGS, steps_to_learn
from tests.models.parity import FLOAT32, FLOAT64, randomise

SIZES = {"width": 32, "heads": 4, "hidden": 48, "encoder_depth": 2, "decoder_depth": 3}


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def small(norm: str = "post", **options: int | float) -> FindingsTransformer:
    torch.manual_seed(0)
    task = Task(channels=1, size=32, outputs=2, findings=FINDINGS)
    model = build("transformer", task, {"patch": 8, "norm": norm, **SIZES, **options})
    assert isinstance(model, FindingsTransformer)
    return model.eval()


def torchs(*, norm_first: bool = False) -> nn.Transformer:
    reference = nn.Transformer(
        SIZES["width"],
        SIZES["heads"],
        SIZES["encoder_depth"],
        SIZES["decoder_depth"],
        SIZES["hidden"],
        dropout=0.0,
        batch_first=True,
        norm_first=norm_first,
    )
    randomise(reference)
    return reference.train()  # evaluation mode takes torch's fused path; there is no dropout


RENAMED = (
    (r"\.layers\.", "."),
    (r"^(\w+)\.norm\.", r"\1_norm."),
    (r"linear1", "feed_forward.0"),
    (r"linear2", "feed_forward.3"),
    (r"(encoder\.\d+)\.self_attn\.in_proj_", r"\1.attention.qkv."),
    (r"(encoder\.\d+)\.self_attn\.out_proj", r"\1.attention.projection"),
    (r"(encoder\.\d+)\.norm1", r"\1.around_attention.norm"),
    (r"(encoder\.\d+)\.norm2", r"\1.around_feed_forward.norm"),
    (r"(decoder\.\d+)\.self_attn", r"\1.past"),
    (r"(decoder\.\d+)\.multihead_attn", r"\1.memory"),
    (r"\.out_proj", ".projection"),
    (r"(decoder\.\d+)\.norm1", r"\1.around_past.norm"),
    (r"(decoder\.\d+)\.norm2", r"\1.around_memory.norm"),
    (r"(decoder\.\d+)\.norm3", r"\1.around_feed_forward.norm"),
)


def ours_from(reference: nn.Transformer, *, norm_first: bool = False) -> Transformer:
    state: dict[str, Tensor] = {}
    for name, tensor in reference.state_dict().items():
        for pattern, replacement in RENAMED:
            name = re.sub(pattern, replacement, name)
        head, in_proj, kind = name.partition("in_proj_")
        if in_proj:
            for part, value in zip(("query", "key", "value"), tensor.chunk(3), strict=True):
                state[f"{head}{part}.{kind}"] = value
        else:
            state[name] = tensor
    ours = Transformer(**SIZES, norm_first=norm_first)
    ours.to(reference.encoder.norm.weight.dtype).load_state_dict(state, strict=True)
    return ours


def gap(ours: Transformer, reference: nn.Transformer, dtype: torch.dtype = torch.float32) -> float:
    draw = torch.Generator().manual_seed(1)
    source = torch.randn(2, 9, SIZES["width"], generator=draw).to(dtype)
    target = torch.randn(2, 5, SIZES["width"], generator=draw).to(dtype)
    mask = nn.Transformer.generate_square_subsequent_mask(5, dtype=dtype)
    with torch.no_grad():
        expected = reference.to(dtype)(source, target, tgt_mask=mask)
        found = ours.to(dtype).decode(target, ours.encode(source))
    return float((found - expected).abs().max())


def test_parameter_counts_are_the_published_ones() -> None:
    with torch.device("meta"):
        inner = build("transformer", Task(findings=FINDINGS), {}).transformer
    assert count(inner) == 44_140_544
    assert count(inner.encoder[0]) == 3_152_384
    assert count(inner.decoder[0]) == 4_204_032


@pytest.mark.filterwarnings("ignore:enable_nested_tensor is True")  # torch's, of its own default
@pytest.mark.parametrize("norm_first", [False, True])
@pytest.mark.parametrize(("dtype", "gate"), [(torch.float32, FLOAT32), (torch.float64, FLOAT64)])
def test_it_is_torchs_transformer(norm_first: bool, dtype: torch.dtype, gate: float) -> None:
    reference = torchs(norm_first=norm_first)
    assert gap(ours_from(reference, norm_first=norm_first), reference, dtype) < gate


@pytest.mark.parametrize(
    "mistake", ["norm first", "sees the future", "no final norm", "eps", "GELU"]
)
def test_its_known_mistakes_fail_the_gate(mistake: str) -> None:
    reference = torchs()
    ours = ours_from(reference, norm_first=mistake == "norm first")
    for layer in [*ours.encoder, *ours.decoder]:
        if mistake == "GELU":
            layer.feed_forward[1] = nn.GELU()
        if mistake == "eps":
            layer.around_feed_forward.norm.eps = 1e-3
    for layer in ours.decoder:
        layer.past.causal = mistake != "sees the future"
    if mistake == "no final norm":
        ours.encoder_norm = nn.Identity()
    assert gap(ours, reference) > 10 * FLOAT32


def test_positions_are_the_papers() -> None:
    found = sinusoids(50, 6)
    for position in (0, 1, 49):
        for i in range(3):
            angle = torch.tensor(position / 10_000 ** (2 * i / 6))
            assert torch.allclose(found[position, 2 * i], angle.sin(), atol=1e-5)
            assert torch.allclose(found[position, 2 * i + 1], angle.cos(), atol=1e-5)
    assert sinusoids(4, 5).shape == (4, 5)


@pytest.mark.parametrize("norm", ["post", "pre"])
def test_what_is_emitted_does_not_depend_on_what_comes_later(norm: str) -> None:
    model = small(norm)
    memory = model.encode(torch.rand(2, 1, 32, 32))
    one = model.decode(memory, torch.tensor([[4, 1, 2]] * 2))
    other = model.decode(memory, torch.tensor([[4, 1, 3]] * 2))
    assert torch.allclose(one[:, :2], other[:, :2], atol=1e-6)
    assert not torch.allclose(one[:, 2], other[:, 2], atol=1e-3)


@pytest.mark.parametrize("norm", ["post", "pre"])
def test_the_alignment_is_what_the_last_layer_used(norm: str) -> None:
    model = small(norm)
    memory, tokens = model.encode(torch.rand(2, 1, 32, 32)), torch.tensor([[4, 1, 2]] * 2)
    logits, weights = model.decode_aligned(memory, tokens)
    assert torch.allclose(logits, model.decode(memory, tokens), atol=1e-6)
    assert weights.shape == (2, 3, 16)
    assert torch.allclose(weights.sum(dim=2), torch.ones(2, 3))
    seen: list[Tensor] = []
    last = model.transformer.decoder[-1].memory
    last.register_forward_hook(lambda _, given, __: seen.append(last.weights(*given).mean(dim=1)))
    model.decode(memory, tokens)
    assert torch.allclose(seen[0], weights, atol=1e-6)


@pytest.mark.parametrize("norm", ["post", "pre"])
def test_attention_maps_are_what_every_layer_used(norm: str) -> None:
    model = small(norm)
    images = torch.rand(2, 1, 32, 32)
    seen: list[Tensor] = []
    for layer in model.transformer.encoder:
        attention = layer.attention
        attention.register_forward_hook(
            lambda module, given, _: seen.append(module.weights(given[0]))
        )
    model.encode(images)
    used = list(seen)
    maps = model.attention_maps(images)
    assert len(maps) == len(used) == 2 and maps[0].shape == (2, 4, 16, 16)
    assert all(torch.allclose(one, other, atol=1e-6) for one, other in zip(maps, used, strict=True))


def test_the_decoder_sees_every_pixel_and_every_weight_learns() -> None:
    model = small()
    images = torch.rand(2, 1, 32, 32, requires_grad=True)
    memory = model.encode(images)
    model.decode(memory, torch.tensor([[4, 1], [4, 0]])).square().sum().backward()
    assert images.grad is not None and bool((images.grad != 0).all())
    assert all(p.grad is not None and bool(p.grad.any()) for p in model.parameters())


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("size", "patch", "stride"), [(16, 8, None), (45, 8, 4)])
def test_any_size_and_either_number_of_channels(
    channels: int, size: int, patch: int, stride: int | None
) -> None:
    task = Task(channels=channels, size=size, outputs=2, findings=FINDINGS)
    model = build("transformer", task, {"patch": patch, "stride": stride, **SIZES}).eval()
    images = torch.rand(2, channels, size, size)
    assert model(images).shape == (2, 5)
    assert model.emit(images).shape[0] == 2
    rows, columns = model.grid
    assert model.encode(images).shape == (2, rows * columns, 32)


@pytest.mark.parametrize("norm", ["post", "pre"])
def test_sixteen_images_are_learnt_by_heart(norm: str) -> None:
    depths = {"encoder_depth": 1, "decoder_depth": 1}
    options = {**SIZES, **depths, "patch": 8, "dropout": 0.0, "norm": norm}
    assert steps_to_learn("transformer", options) > 0
