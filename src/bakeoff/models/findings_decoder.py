"""An image's findings as a sequence: what a decoder emits, how it is trained, what its scores mean then.

The findings stand in the order of the task's vocabulary between a start and an end token: `Effusion|Mass`
is <start> Effusion Mass <end>. Where labels of class 0 are emitted too, an image without findings is
<start> "No Finding" <end>; where every finding has a score, <start> <end>; one class of several, <start>
pizza <end>.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bakeoff.errors import ConfigError
from bakeoff.models.findings_marginals import marginals
from bakeoff.models.registry import Targets, Task

PADDING = -100  # the class that torch's cross entropy leaves out
DECODED = 8
"""Sequences of each image, besides the empty one, that P(finding) is summed over: see `marginals`.

On 300 images of ChestX-ray14 with 7 findings, trained decoders came within 0.001 to 0.003 of the sum over all
128 sequences in the mean, and within 0.002 of its macro AUROC.
"""
DECODED_IN_TRAINING = (
    2  # for the curves of the history alone, where 8 would double what a step costs
)


class FindingsVocabulary:
    """Tokens 0 .. F-1 are the task's findings, F ends a sequence; F starts one too, as an input."""

    def __init__(self, task: Task) -> None:
        if not task.findings:
            raise ConfigError(
                "a model that emits findings needs a task with named findings or classes, and this one "
                "names none."
            )
        self.scored = task.scored
        self.findings = task.findings
        self.negatives = task.negatives  # tokens 0 .. negatives-1 are of class 0
        self.end = self.start = len(task.findings)
        self.size = len(task.findings) + 1

    def room(self, targets: Targets) -> int | None:
        """For how many findings a batch needs room: None on the CPU, which counts them for each batch.

        On a GPU the host would wait for that count in every step, and batches would have many shapes: there
        it is as many as any image has, or where that is not known, could have.
        """
        if targets.findings.device.type == "cpu":
            return None
        if targets.most is not None:
            return targets.most
        return 1 if self.scored == "exclusive" else len(self.findings)

    def sequences(self, findings: Tensor, most: int | None = None) -> tuple[Tensor, Tensor]:
        """Inputs and targets for teacher forcing, from findings (B, F) of 0 and 1: int64 (B, M) both.

        M is one more than `most`, by default the most findings of an image; after its end, PADDING is the
        target.
        """
        b, _ = findings.shape
        present = findings > 0
        count = present.sum(dim=1, keepdim=True)  # (B, 1)
        if most is None:
            most = int(count.max())
        # A stable sort moves what is present to the front and keeps the vocabulary's order.
        order = torch.argsort(~present, dim=1, stable=True)[:, :most]
        emitted = torch.where(present.gather(1, order), order, self.end)
        closed = torch.cat([emitted, emitted.new_full((b, 1), self.end)], dim=1)
        first = closed.new_full((b, 1), self.start)
        inputs = torch.cat([first, closed[:, :-1]], dim=1)
        places = torch.arange(most + 1, device=findings.device)
        return inputs, closed.masked_fill(places > count, PADDING)

    def names(self, tokens: Tensor) -> list[str]:
        """The findings of one emitted sequence (M,), up to its end."""
        found = []
        for token in tokens.tolist():
            if token == self.end:
                break
            found.append(self.findings[token])
        return found


class EmitsFindings(nn.Module):
    """A model whose decoder emits the findings, one after the other, and is trained to.

    A subclass encodes images and decodes tokens. Trained by the likelihood of the
    sequence, log P(findings | image) = sum_j log P(y_j | y_1 ... y_{j-1}, image). Scores need no finding
    to be given. Of one score the first token alone decides: P(positive) = 1 - P(y_1 = "No Finding"); where
    the data has several labels of class 0, 1 - the sum of their probabilities. Of one class among several
    too: P(class k) = P(y_1 = k) / P(y_1 is a class). P(finding f) is the sum of `findings_marginals`.
    """

    grid: tuple[int, int]
    """Rows and columns of the N patches that the decoder looks at."""

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.vocabulary = FindingsVocabulary(task)

    def encode(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W) to what the decoder looks at: (B, N, D)."""
        raise NotImplementedError

    def decode(self, memory: Tensor, tokens: Tensor) -> Tensor:
        """Logits (B, M, V) of what follows each of the tokens (B, M); later tokens do not count."""
        raise NotImplementedError

    def decode_aligned(self, memory: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """The logits of `decode`, and what each token looked at in the memory: (B, M, N), rows sum to 1."""
        raise NotImplementedError

    def forward(self, images: Tensor) -> Tensor:
        """Logits of the first token of each image: (B, C, H, W) -> (B, F + 1)."""
        start = torch.full((len(images), 1), self.vocabulary.start, device=images.device)
        return self.decode(self.encode(images), start)[:, 0]

    def objective(self, images: Tensor, targets: Targets) -> tuple[Tensor, Tensor]:
        """Mean of -log P(findings | image) () and the scores of images (B, C, H, W).

        P(positive) (B,), P(class) (B, K) or P(finding) (B, F), as the task has it.
        """
        room = self.vocabulary.room(targets)
        inputs, following = self.vocabulary.sequences(targets.findings, room)
        memory = self.encode(images)
        logits = self.decode(memory, inputs).float()
        loss = F.cross_entropy(
            logits.flatten(0, 1), following.flatten(), ignore_index=PADDING, reduction="sum"
        )
        if self.vocabulary.scored == "positive":
            scores = self.probability(logits[:, 0])
        else:  # what was decoded along the targets is as long as they are, and its last bits depend on it
            scores = self.scores(memory)
        return loss / len(images), scores

    def scores(self, memory: Tensor) -> Tensor:
        """P(class) (B, K) or P(finding) (B, F) from a memory (B, N, D); no gradient while training."""
        most = DECODED_IN_TRAINING if self.training else DECODED
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.training):
            if self.vocabulary.scored == "independent":
                return marginals(self.decode, memory, len(self.vocabulary.findings), most)
            start = torch.full((len(memory), 1), self.vocabulary.start, device=memory.device)
            first = self.decode(memory, start)[:, 0].float()
            return first[:, : self.vocabulary.end].softmax(dim=1)

    def probability(self, first: Tensor) -> Tensor:
        """P(positive) (B,) from the logits of the first token (B, F + 1)."""
        without, others = first.tensor_split([self.vocabulary.negatives], dim=1)
        # 1 - softmax, without losing what is left of it beside a 1: the scores of sure images still differ.
        return torch.sigmoid(others.logsumexp(dim=1) - without.logsumexp(dim=1))

    @torch.no_grad()
    def emit(self, images: Tensor, most: int | None = None) -> Tensor:
        """The likeliest token after the ones before, again and again: int64 (B, M), M <= `most`.

        Stops when every image has ended; what comes after an image's end is the end token again.
        By default no more tokens than there are findings, or one where an image is of one class.
        """
        if most is None:
            exclusive = self.vocabulary.scored == "exclusive"
            most = 1 if exclusive else len(self.vocabulary.findings)
        memory = self.encode(images)
        tokens = torch.full((len(images), 1), self.vocabulary.start, device=images.device)
        ended = torch.zeros(len(images), dtype=torch.bool, device=images.device)
        for _ in range(most):
            following = self.decode(memory, tokens)[:, -1].argmax(dim=-1)
            following = following.masked_fill(ended, self.vocabulary.end)
            tokens = torch.cat([tokens, following[:, None]], dim=1)
            ended |= following == self.vocabulary.end
            if bool(ended.all()):
                break
        return tokens[:, 1:]
