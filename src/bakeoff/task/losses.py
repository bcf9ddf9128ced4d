"""The losses by name, each with the outputs it needs and the scores it means, for every kind of task.

The log-odds of a score p are log p / (1 - p): what a score is before the softmax or sigmoid that made it.

Cross-entropy, NLL and BCE are those of the seed (D0:345-352). BCE works on one logit through a sigmoid, NLL
on **log**-softmax (the seed says softmax).
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from bakeoff.task.binary import BinaryTask
from bakeoff.task.classification import ClassificationTask
from bakeoff.task.multiclass import MulticlassTask
from bakeoff.task.multilabel import MultilabelTask


@dataclass(frozen=True)
class Loss:
    """A loss over logits (B, outputs) and labels int64 (B,) or (B, F), and scores, float (B,) or (B, K).

    `log_odds` are those of one score of each image: of logits and its position int64 (B,) among what is
    scored, float (B,).
    """

    outputs: int
    value: Callable[[Tensor, Tensor], Tensor]
    scores: Callable[[Tensor], Tensor]
    log_odds: Callable[[Tensor, Tensor], Tensor]


def _softmax(logits: Tensor) -> Tensor:
    return logits.float().softmax(dim=1)


def _softmax_of_one(logits: Tensor) -> Tensor:
    return _softmax(logits)[:, 1]


def _sigmoid(logits: Tensor) -> Tensor:
    return logits.float().sigmoid()


def _sigmoid_of_one(logits: Tensor) -> Tensor:
    return logits.float()[:, 0].sigmoid()


def _odds(logits: Tensor, at: Tensor) -> Tensor:
    """Of a softmax: the class against all others together."""
    others = logits.scatter(1, at[:, None], -torch.inf)
    return logits.gather(1, at[:, None])[:, 0] - others.logsumexp(dim=1)


def _odds_of_one(logits: Tensor, at: Tensor) -> Tensor:
    return _odds(logits, at + 1)  # what is scored is class 1


def _logit(logits: Tensor, at: Tensor) -> Tensor:
    return logits.gather(1, at[:, None])[:, 0]


def _nll(logits: Tensor, labels: Tensor) -> Tensor:
    return F.nll_loss(F.log_softmax(logits.float(), dim=1), labels)


def _bce(logits: Tensor, labels: Tensor) -> Tensor:
    # A NaN is refused in the kernel, and on a GPU no other kernel of the process runs after that. Nobody
    # waits to see whether there is one: the kernel gets something else, and the loss is NaN.
    with torch.autocast(logits.device.type, enabled=False):  # which refuses this loss altogether
        scores = logits[:, 0].float().sigmoid()
        wrong = scores.isnan()
        loss = F.binary_cross_entropy(scores.masked_fill(wrong, 0.5), labels.float())
        return loss.masked_fill(wrong.any(), torch.nan)


def _bce_with_logits(logits: Tensor, labels: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits[:, 0], labels.to(logits.dtype))


def _bce_with_logits_of_each(logits: Tensor, labels: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits, labels.to(logits.dtype))


def losses_of(task: ClassificationTask) -> dict[str, Loss]:
    """The losses that fit a task, by name."""
    one_each = len(task.scored)
    return {
        BinaryTask.kind: {
            "cross_entropy": Loss(2, F.cross_entropy, _softmax_of_one, _odds_of_one),
            "nll": Loss(2, _nll, _softmax_of_one, _odds_of_one),
            "bce": Loss(1, _bce, _sigmoid_of_one, _logit),
            "bce_with_logits": Loss(1, _bce_with_logits, _sigmoid_of_one, _logit),
        },
        MulticlassTask.kind: {
            "cross_entropy": Loss(one_each, F.cross_entropy, _softmax, _odds),
            "nll": Loss(one_each, _nll, _softmax, _odds),
        },
        MultilabelTask.kind: {
            "bce_with_logits": Loss(one_each, _bce_with_logits_of_each, _sigmoid, _logit),
        },
    }[task.kind]


def loss_of(task: ClassificationTask, name: str) -> Loss:
    """The loss of that name for the task; ValueError where it does not fit."""
    task.require_loss(name)
    return losses_of(task)[name]
