"""Batch normalisation over the images of all processes: the conversion, its proof, and who does not count.

timm's layers of batch normalisation and activation are subclasses of torch's, which torch's own conversion
replaces by a plain one, without the activation. So timm converts, and what comes out is compared.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bakeoff.errors import TrainingError

BATCH_NORM = nn.modules.batchnorm._BatchNorm
TOLERANCE = (
    1e-4  # of the largest logit; the same arithmetic on the same input differs by rounding at most
)
SMALL = (
    1e-3  # a layer scaled by less, or by 0, as many are at first, would show nothing in the logits
)
WAY_OUT = "Train it in one process (tasks: 1, nodes: 1, one GPU)."


def has_batch_norm(model: nn.Module) -> bool:
    """Whether a layer of the model normalises by the statistics of its batch."""
    return any(isinstance(module, BATCH_NORM) for module in model.modules())


def synchronised(model: nn.Module, images: Tensor) -> nn.Module:
    """The model, its batch normalisations over all processes; parameters and buffers stay the same objects.

    Raises TrainingError for a layer that timm's conversion does not know, and where the converted model gives
    other logits for `images` (B, C, H, W), in evaluation or in training.
    """
    from timm.layers.norm_act import BatchNormAct2d, convert_sync_batchnorm

    known = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, BatchNormAct2d)
    for name, module in model.named_modules():
        if isinstance(module, BATCH_NORM) and type(module) not in known:
            raise TrainingError(
                f"the batch normalisation {name!r} is a {type(module).__name__}, which several processes "
                f"cannot share: nothing is known that computes it over all of them. {WAY_OUT}"
            )
    with _measurable(model):
        expected = _logits(model, images)
    converted: nn.Module = convert_sync_batchnorm(model)  # type: ignore[no-untyped-call]
    for name, module in converted.named_modules():
        if isinstance(module, BATCH_NORM) and not isinstance(module, nn.SyncBatchNorm):
            raise TrainingError(
                f"the batch normalisation {name!r} is left as it is when the model is converted for several "
                f"processes. {WAY_OUT}"
            )
    with _measurable(converted):
        found = _logits(converted, images)
    for mode, before in expected.items():
        what = f"converted for several processes, the model gives other logits in {mode}"
        _require_same(before, found[mode], what)
    return converted


def require_independent(model: nn.Module, images: Tensor) -> None:
    """Raise TrainingError where an image's logits in training depend on the others of `images` (B, C, H, W).

    Such a layer sees only the images of its own process, unless it is a batch normalisation, which is
    shared and left out here. Models without a `forward` are not looked at.
    """
    if type(model).forward is nn.Module.forward:
        return
    others = torch.cat([images[:1], images[1:].flip(-1) * 0.5])
    with _measurable(model):
        model.train()
        for module in model.modules():
            if isinstance(module, BATCH_NORM):
                module.training = False
        first, second = (_seeded(model, batch)[:1] for batch in (images, others))
    _require_same(
        first,
        second,
        "a layer other than a batch normalisation mixes the images of a batch, and every process has its own",
    )


@contextmanager
def standing_in(model: nn.Module) -> Iterator[None]:
    """What goes through `model` meanwhile counts as no image in its batch normalisations, here and elsewhere.

    The layers take part in the exchange with an empty batch, so that no process waits for this one, and what
    stands in is scaled, so that it stays finite; its loss has weight 0.
    """
    waiting: dict[nn.Module, Tensor] = {}

    def hold(layer: nn.Module, given: tuple[Tensor, ...]) -> tuple[Tensor]:
        (waiting[layer],) = given
        return (waiting[layer][:0],)

    def go_on(layer: nn.Module, _given: Any, empty: Tensor) -> Tensor:
        values = waiting.pop(layer)
        # The sum of nothing is 0, and takes the exchange of the backward pass along.
        return F.layer_norm(values, values.shape[1:]) + empty.sum()

    layers = [m for m in model.modules() if isinstance(m, nn.SyncBatchNorm) and m.training]
    handles = [layer.register_forward_pre_hook(hold) for layer in layers]
    handles += [layer.register_forward_hook(go_on) for layer in layers]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _logits(model: nn.Module, images: Tensor) -> dict[str, Tensor]:
    """The logits in evaluation, and in training by the statistics of `images` alone."""
    model.eval()
    found = {"evaluation": _seeded(model, images)}
    model.train()
    # Without running statistics, a layer in evaluation takes those of its batch, and asks no other process.
    layers = [m for m in model.modules() if isinstance(m, BATCH_NORM) and m.training]
    kept = [(layer, layer.running_mean, layer.running_var) for layer in layers]
    try:
        for layer in layers:
            layer.training, layer.running_mean, layer.running_var = False, None, None
        found["training"] = _seeded(model, images)
    finally:
        for layer, mean, variance in kept:
            layer.training, layer.running_mean, layer.running_var = True, mean, variance
    return found


def _seeded(model: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """The logits (B, ...), with the same draws every time."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        return model(images.clone())


@contextmanager
def _measurable(model: nn.Module) -> Iterator[None]:
    """No layer of the model is scaled by 0 or next to nothing meanwhile; afterwards it is as it was."""
    modes = [(module, module.training) for module in model.modules()]
    buffers = [(buffer, buffer.clone()) for buffer in model.buffers()]
    small = [(p, p.detach().clone()) for p in model.parameters() if p.abs().max() < SMALL]
    generator = torch.Generator().manual_seed(0)
    try:
        with torch.no_grad():
            for parameter, _ in small:
                parameter.copy_(torch.rand(parameter.shape, generator=generator) + 0.5)
        yield
    finally:
        with torch.no_grad():
            for tensor, before in (*small, *buffers):
                tensor.copy_(before)
        for module, mode in modes:
            module.training = mode


def _require_same(first: Tensor, second: Tensor, otherwise: str) -> None:
    apart = float((first - second).abs().max())
    largest = float(first.abs().max())
    if not apart <= TOLERANCE * largest:
        raise TrainingError(
            f"{otherwise} (they differ by {apart:.2g}, and the largest is {largest:.2g}). {WAY_OUT}"
        )
