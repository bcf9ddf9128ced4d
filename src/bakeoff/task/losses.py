"""The losses of the seed (D0:345-352) by name, each with the outputs it needs and the score it means.

BCE works on one logit through a sigmoid, NLL on **log**-softmax (the seed says softmax).
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Loss:
    """A loss over logits (B, outputs) and labels int64 (B,), and P(disease), float (B,)."""

    outputs: int
    value: Callable[[Tensor, Tensor], Tensor]
    probability: Callable[[Tensor], Tensor]


def _softmax_probability(logits: Tensor) -> Tensor:
    return logits.float().softmax(dim=1)[:, 1]


def _sigmoid_probability(logits: Tensor) -> Tensor:
    return logits.float()[:, 0].sigmoid()


def _nll(logits: Tensor, labels: Tensor) -> Tensor:
    return F.nll_loss(F.log_softmax(logits, dim=1), labels)


def _bce(logits: Tensor, labels: Tensor) -> Tensor:
    return F.binary_cross_entropy(logits[:, 0].sigmoid(), labels.to(logits.dtype))


def _bce_with_logits(logits: Tensor, labels: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits[:, 0], labels.to(logits.dtype))


LOSSES = {
    "cross_entropy": Loss(2, F.cross_entropy, _softmax_probability),
    "nll": Loss(2, _nll, _softmax_probability),
    "bce": Loss(1, _bce, _sigmoid_probability),
    "bce_with_logits": Loss(1, _bce_with_logits, _sigmoid_probability),
}
