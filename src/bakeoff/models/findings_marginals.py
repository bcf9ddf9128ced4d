"""P(finding | image) of a decoder that emits an image's findings one after the other.

The findings stand in the order of the vocabulary, so a sequence is decided finding by finding: with the
findings s = y_1 ... y_j emitted, finding f (behind y_j in the order) is the next of those from f on with

    h_f(s) = P(f | s, none between y_j and f) = P(y = f | s) / sum_{k >= f, or the end} P(y = k | s)

and P(f) = sum_s P(s) h_f(s), where s is any set of the findings before f and P(s) that of having exactly
these of them. For the last of F findings that are 2^(F - 1) sequences to decode.
"""

from collections.abc import Callable

import torch
from torch import Tensor

Decode = Callable[[Tensor, Tensor], Tensor]
"""Memory (B, N, D) and tokens (B, M) to the logits (B, M, F + 1) of what follows each of the tokens."""


def marginals(decode: Decode, memory: Tensor, findings: int, most: int) -> Tensor:
    """P(finding) (B, F) of the images of a memory (B, N, D); token F starts and ends a sequence.

    The empty sequence is decoded and the `most` likeliest ones of each image; in any other, the findings
    that lead out of those are passed over: h_f is as without them. That is exact where all sequences are
    decoded, and for findings that do not depend on each other in an image whatever is. Nothing is drawn.
    """
    b = len(memory)
    image, none = torch.arange(b, device=memory.device), torch.full((b,), -1, device=memory.device)
    most = min(most, 2 ** (findings - 1) - 1)  # behind the last finding only the end can follow
    # Per sequence and image: its tokens, the place of its last finding, that, and its beginning.
    tokens = [torch.full((b, 1 + most), findings, device=memory.device)]
    places, lasts, parents = [none + 1], [none], [none]
    logits = decode(memory, tokens[0][:, :1])[:, 0].float()
    hazards = [_hazard(logits)]
    likely = _following(logits, none)[:, None]  # P of a sequence with one finding more: (B, S, F)
    for new in range(1, 1 + most):
        chosen = likely[:, :, :-1].flatten(1).argmax(dim=1)
        parent, last = chosen // (findings - 1), chosen % (findings - 1)
        place = torch.stack(places, dim=1)[image, parent] + 1
        begun = torch.stack(tokens, dim=1)[image, parent]
        tokens.append(begun.scatter(1, place[:, None], last[:, None]))
        places, lasts, parents = [*places, place], [*lasts, last], [*parents, parent]
        logits = decode(memory, tokens[new][:, : new + 1])[image, place].float()
        hazards.append(_hazard(logits))
        following = likely[image, parent, last][:, None] * _following(logits, last)
        likely[image, parent, last] = -1  # is decoded
        likely = torch.cat([likely, following[:, None]], dim=1)
    return _summed(*(torch.stack(each, dim=1) for each in (hazards, parents, lasts)))


def _hazard(logits: Tensor) -> Tensor:
    """h_f (B, F) from the logits (B, F + 1) behind a sequence; it means something behind its last finding."""
    b, tokens = logits.shape
    token = torch.arange(tokens, device=logits.device)
    later = logits[:, None].expand(b, tokens - 1, tokens)
    later = later.masked_fill(token <= token[:-1, None], -torch.inf)
    return torch.sigmoid(logits[:, :-1] - later.logsumexp(dim=2))


def _following(logits: Tensor, last: Tensor) -> Tensor:
    """P(y = f) (B, F) of the findings behind `last` in the order; below 0 for those up to there."""
    passed = torch.arange(logits.shape[1], device=logits.device) <= last[:, None]
    following = logits.detach().masked_fill(passed, -torch.inf).softmax(dim=1)
    return following.masked_fill(passed, -1)[:, :-1]


def _summed(hazard: Tensor, parent: Tensor, last: Tensor) -> Tensor:
    """P(finding) (B, F) from h_f (B, S, F) of S sequences, their parents and last findings (B, S)."""
    b, sequences, findings = hazard.shape
    weight = hazard.new_zeros(b, sequences)  # P of each sequence, of the findings so far
    weight[:, 0] = 1
    comes_from = parent[:, :, None] == torch.arange(sequences, device=parent.device)
    summed = []
    for finding in range(findings):  # a sequence has a weight only behind its last one
        emitted = weight * hazard[:, :, finding]
        summed.append(emitted.sum(dim=1))
        moves = comes_from & (last == finding)[:, :, None]  # (B, to, from)
        moved = emitted[:, None] * moves
        weight = weight + moved.sum(dim=2) - moved.sum(dim=1)
    return torch.stack(summed, dim=1).clamp(0, 1)  # but for rounding it is there
