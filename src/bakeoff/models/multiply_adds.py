"""The multiply-adds of one image through a model, or a word on why they cannot be counted.

The forward runs on torch's meta device, where tensors have shapes and no values: ViT-Huge takes a second
and no memory. torch.utils.flop_counter counts matrix products and convolutions, two operations to a
multiply-add. On this device attention, recurrence and encoder layers are made of those; on a CPU they are
kernels that the counter takes for nothing (nn.LSTM, nn.TransformerEncoderLayer). It leaves out what is
small beside them: norms, activations, softmax, additions, pooling, and the interpolation of images.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

_MULTIPLIES = re.compile(
    r"conv|mm|matmul|mv$|dot$|attention|attn|rnn|lstm|gru|linear|encoder|fft|cdist"
)
"""Names of torch's operators that multiply and add; `linear` is in `bilinear` and `_trilinear`, too."""
_INTERPOLATES = re.compile("upsample|interpolate")


class UncountedError(Exception):
    """The forward has operators for which torch's counter has no formula; the message names them."""


class _Operators(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes which operators a forward is made of."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.seen: set[Any] = set()

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        self.seen.add(func.overloadpacket)
        return func(*args, **(kwargs or {}))


def multiply_adds(model: nn.Module, channels: int, size: int) -> int:
    """The multiply-adds of `model`'s forward for one image (channels, size, size).

    The model is on any device and is put into evaluation mode and on the meta device: it has lost its
    weights afterwards. Of one that emits findings the forward is the first label. Raises UncountedError
    rather than leave out an operator that multiplies; what a forward raises there, it raises.
    """
    still = model.to("meta").eval().requires_grad_(False)
    return count_forward(still, torch.empty(1, channels, size, size, device="meta"))


def count_forward(forward: Callable[[torch.Tensor], object], image: torch.Tensor) -> int:
    """The multiply-adds of `forward(image)`, on whatever device they are; raises UncountedError."""
    # The counter is the inner one: what it takes apart is then noted in its parts.
    with _Operators() as operators, FlopCounterMode(display=False) as counter:
        forward(image)
    known = set(counter.flop_registry)
    missed = sorted(
        str(operator)
        for operator in operators.seen - known
        if _MULTIPLIES.search(name := str(operator).rpartition(".")[2].rstrip("_"))
        and not _INTERPOLATES.search(name)
    )
    if missed:
        raise UncountedError(f"torch's counter has no formula for {', '.join(missed)}")
    return int(counter.get_total_flops()) // 2
