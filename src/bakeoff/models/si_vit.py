"""SI-ViT: a ViT that also learns from shuffled instances (arXiv 2208.06833; seed D4:356-372).

Two heads on one ViT: the class token says what the image is, the patch tokens say of what it is made. An
unshuffled step teaches both how patches belong together, a shuffled step what each patch is.
"""

from dataclasses import replace

import torch.nn.functional as F
from torch import Tensor, nn

from bakeoff.errors import ConfigError
from bakeoff.models.choices import Statistics
from bakeoff.models.fit import instances_of_patches, one_class
from bakeoff.models.freezing import StillWhereFrozen
from bakeoff.models.instances import (
    bag_labels,
    compose,
    cut,
    draw_order,
    instance_labels,
    regroup,
)
from bakeoff.models.registry import Targets, Task, model
from bakeoff.models.vision_transformer import VisionTransformer
from bakeoff.models.vit import build_vit
from bakeoff.task.classification import Scored


class CompositionHead(nn.Module):
    """Patch tokens (B, N, D) -> soft labels (B, 1 + classes): three dense layers on all tokens at once.

    N D x N / 2 weights, as the authors have it: 14.8 M at 224 pixels, 127 M at 384.
    """

    def __init__(self, tokens: int, width: int, classes: int) -> None:
        super().__init__()
        hidden = max(1, tokens // 2)
        self.layers = nn.Sequential(
            nn.Linear(tokens * width, hidden),
            nn.GELU(),
            nn.Linear(hidden, hidden),
            nn.GELU(),
            nn.Linear(hidden, 1 + classes),
        )

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, N, D) -> (B, 1 + classes)."""
        soft: Tensor = self.layers(tokens.flatten(1))
        return soft


class ShuffledInstanceViT(StillWhereFrozen):
    """Images (B, C, H, W) -> logits (B, classes); trained by its own objective of three losses.

    loss = CE(class head(X), y) + a L1(composition head(X), s) + b L1(composition head(X'), s')

    X' is the batch with its instances dealt out anew, s and s' the soft labels of X and X'.
    """

    def __init__(
        self,
        vit: VisionTransformer,
        *,
        classes: int,
        scored: Scored,
        instance: int,
        shuffle: bool,
        composition_weight: float,
        shuffled_weight: float,
    ) -> None:
        super().__init__()
        rows, columns = vit.embedding.grid
        self.vit = vit
        self.classes, self.scored = classes, scored
        self.composition = CompositionHead(rows * columns, vit.width, classes)
        self.instance = instance
        self.shuffle = shuffle
        self.composition_weight = composition_weight
        self.shuffled_weight = shuffled_weight

    def forward(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W) to the logits of the class head (B, classes)."""
        logits: Tensor = self.vit(images)
        return logits

    def objective(self, images: Tensor, targets: Targets) -> tuple[Tensor, Tensor]:
        """Mean loss () and P(positive) (B,) or P(class) (B, K) of images (B, C, H, W).

        In evaluation mode without the shuffled step, which is random.
        """
        tokens = self.vit.tokens(images)
        logits = self.vit.head(tokens[:, 0])
        instances = cut(images, self.instance)
        labels = instance_labels(targets.labels, self.classes, instances.shape[1])
        made_of = self.composition(tokens[:, 1:])
        loss = F.cross_entropy(logits, targets.labels)
        loss = loss + self.composition_weight * F.l1_loss(made_of, bag_labels(labels))
        if self.training and self.shuffle:
            order = draw_order(instances)
            shuffled = compose(regroup(instances, order), images.shape[3] // self.instance)
            made_of = self.composition(self.vit.tokens(shuffled)[:, 1:])
            dealt = bag_labels(regroup(labels, order))
            loss = loss + self.shuffled_weight * F.l1_loss(made_of, dealt)
        probabilities = logits.float().softmax(dim=1)
        return loss, probabilities[:, 1] if self.scored == "positive" else probabilities


@model(
    "si_vit",
    reference="arXiv 2208.06833",
    source="D4:356-372",
    fits=instances_of_patches,
    labels=one_class,
    objective="own",
)
def si_vit(
    task: Task,
    *,
    instance: int = 32,
    shuffle: bool = True,
    composition_weight: float = 1.0,
    shuffled_weight: float = 1.0,
    patch: int = 16,
    depth: int = 12,
    width: int = 768,
    heads: int = 12,
    dropout: float = 0.0,
    attention_dropout: float = 0.0,
    weights: str | None = None,
    normalise: Statistics = "auto",
) -> nn.Module:
    """A ViT whose second head learns what shuffled images are made of, from image labels instead of masks.

    Ignores training.loss. Raises ConfigError where instances do not tile the image, or an image is not of
    one class.
    """
    if wrong := one_class(task.scored) or instances_of_patches(
        task.size, {"instance": instance, "patch": patch, "width": width, "heads": heads}
    ):
        raise ConfigError(f"model 'si_vit': {wrong}")
    # A binary task has one output where training.loss is one over a single logit.
    classes = 2 if task.scored == "positive" else task.outputs
    vit = build_vit(
        replace(task, outputs=classes),
        patch=patch,
        stride=None,
        depth=depth,
        width=width,
        heads=heads,
        dropout=dropout,
        attention_dropout=attention_dropout,
        weights=weights,
        normalise=normalise,
        train="all",
    )
    return ShuffledInstanceViT(
        vit,
        classes=classes,
        scored=task.scored,
        instance=instance,
        shuffle=shuffle,
        composition_weight=composition_weight,
        shuffled_weight=shuffled_weight,
    )
