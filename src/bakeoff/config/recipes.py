"""Training recipes of the Vision Transformer as presets: Table 3 of arXiv 2010.11929 (seed D2:481-498).

The table is for batches of 4096 and for millions of images. Here the learning rate scales with the batch
size, and the warm-up of 10,000 steps becomes its share of the paper's steps.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bakeoff.config.schema import RecipeName, Training

BATCH = 4096
WARMUP_STEPS = 10_000


@dataclass(frozen=True)
class Recipe:
    """One row of the table, or several that differ only in the learning rate."""

    lr: float  # at the table's batch size
    schedule: str
    weight_decay: float
    dropout: float
    images: float  # of the data set, section 4.1 of the paper
    epochs: int
    clip: float | None = None

    @property
    def warmup(self) -> float:
        """Share of all steps; three decimals, so that a person can write the same value."""
        return round(WARMUP_STEPS * BATCH / (self.images * self.epochs), 3)

    def training(self, batch_size: int, lr: float) -> dict[str, Any]:
        """The keys of `training` that the recipe sets for batches of this size."""
        return {
            "optimizer": "adamw",  # the paper's Adam decouples its weight decay
            "lr": lr * batch_size / BATCH,
            "weight_decay": self.weight_decay,
            "schedule": self.schedule,
            "warmup": self.warmup,
            "clip": self.clip,
        }


RECIPES: dict[RecipeName, Recipe] = {
    "vit_imagenet": Recipe(3e-3, "cosine", 0.3, 0.1, images=1.3e6, epochs=300, clip=1.0),
    "vit_imagenet21k": Recipe(1e-3, "linear", 0.03, 0.1, images=14e6, epochs=90),
    "vit_jft": Recipe(8e-4, "linear", 0.1, 0.0, images=303e6, epochs=7),
}

JFT_LR = {
    "vit_l32": 6e-4,
    "vit_l16": 4e-4,
    "vit_h14": 3e-4,
    "r50_vit_l32": 2e-4,
    "r50_vit_l16": 4e-4,
}
"""Learning rates by model on JFT-300M; other models take that of the Base models."""


def recipe_training(name: RecipeName, model: str, batch_size: int) -> dict[str, Any]:
    """The keys of `training` that a recipe sets for a model; none for the recipe `none`."""
    if name == "none":
        return {}
    recipe = RECIPES[name]
    lr = JFT_LR.get(model, recipe.lr) if name == "vit_jft" else recipe.lr
    return recipe.training(batch_size, lr)


def recipe_options(name: RecipeName, known: Mapping[str, Any]) -> dict[str, Any]:
    """The options that a recipe sets, if the model has them: its dropout."""
    if name == "none" or "dropout" not in known:
        return {}
    return {"dropout": RECIPES[name].dropout}


def lay_over(
    base: Mapping[str, Any], over: Mapping[str, Any], model: str, merged: Training
) -> dict[str, Any]:
    """`over` on `base`, with the recipe just below the keys of the level that names it.

    A variant's recipe overrides the experiment's keys, and any key overrides a recipe of its own level.
    `merged` is `over` on `base`, parsed: it has the recipe and the batch size.
    """
    recipe = recipe_training(merged.recipe, model, merged.batch_size)
    if "recipe" in over:
        return {**base, **recipe, **over}
    return {**recipe, **base, **over}
