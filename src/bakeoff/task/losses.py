"""The losses by name, each with the outputs it needs and the scores it means, for every kind of task.

Cross-entropy, NLL and BCE are those of the seed (D0:345-352). BCE works on one logit through a sigmoid, NLL
on **log**-softmax (the seed says softmax).
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from bakeoff.task.binary import BinaryTask
from bakeoff.task.classification import ClassificationTask
from bakeoff.task.multiclass import MulticlassTask
from bakeoff.task.multilabel import MultilabelTask


@dataclass(frozen=True)
class Loss:
    """A loss over logits (B, outputs) and labels int64 (B,) or (B, F), and scores, float (B,) or (B, K)."""

    outputs: int
    value: Callable[[Tensor, Tensor], Tensor]
    scores: Callable[[Tensor], Tensor]


def _softmax(logits: Tensor) -> Tensor:
    return logits.float().softmax(dim=1)


def _softmax_of_one(logits: Tensor) -> Tensor:
    return _softmax(logits)[:, 1]


def _sigmoid(logits: Tensor) -> Tensor:
    return logits.float().sigmoid()


def _sigmoid_of_one(logits: Tensor) -> Tensor:
    return logits.float()[:, 0].sigmoid()


def _nll(logits: Tensor, labels: Tensor) -> Tensor:
    return F.nll_loss(F.log_softmax(logits, dim=1), labels)


def _bce(logits: Tensor, labels: Tensor) -> Tensor:
    return F.binary_cross_entropy(logits[:, 0].sigmoid(), labels.to(logits.dtype))


def _bce_with_logits(logits: Tensor, labels: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits[:, 0], labels.to(logits.dtype))


def _bce_with_logits_of_each(logits: Tensor, labels: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits, labels.to(logits.dtype))


def losses_of(task: ClassificationTask) -> dict[str, Loss]:
    """The losses that fit a task, by name."""
    one_each = len(task.scored)
    return {
        BinaryTask.kind: {
            "cross_entropy": Loss(2, F.cross_entropy, _softmax_of_one),
            "nll": Loss(2, _nll, _softmax_of_one),
            "bce": Loss(1, _bce, _sigmoid_of_one),
            "bce_with_logits": Loss(1, _bce_with_logits, _sigmoid_of_one),
        },
        MulticlassTask.kind: {
            "cross_entropy": Loss(one_each, F.cross_entropy, _softmax),
            "nll": Loss(one_each, _nll, _softmax),
        },
        MultilabelTask.kind: {
            "bce_with_logits": Loss(one_each, _bce_with_logits_of_each, _sigmoid),
        },
    }[task.kind]


def loss_of(task: ClassificationTask, name: str) -> Loss:
    """The loss of that name for the task; ValueError where it does not fit."""
    task.require_loss(name)
    return losses_of(task)[name]
