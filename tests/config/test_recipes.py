"""A recipe is Table 3 of arXiv 2010.11929, scaled; what is written goes before it."""

import re
from pathlib import Path
from typing import Any

import pytest

from bakeoff.config.digest import run_digest
from bakeoff.config.experiment import Variant
from bakeoff.config.recipes import RECIPES, recipe_training
from bakeoff.errors import ConfigError
from tests.config.test_experiment import parse


def variant(training: dict[str, Any], base: dict[str, Any] | None = None, **keys: Any) -> Variant:
    spec = {"model": "vit_b16", "training": training, **keys}
    return parse(training=base or {}, variants={"vit": spec}).variants[0]


@pytest.mark.parametrize(
    ("recipe", "model", "lr", "schedule", "decay", "dropout", "clip", "steps"),
    [  # the rows of the table; the paper's steps are epochs × images / 4096
        ("vit_imagenet", "vit_b16", 3e-3, "cosine", 0.3, 0.1, 1.0, 300 * 1.3e6 / 4096),
        ("vit_imagenet", "vit_h14", 3e-3, "cosine", 0.3, 0.1, 1.0, 300 * 1.3e6 / 4096),
        ("vit_imagenet21k", "vit_l16", 1e-3, "linear", 0.03, 0.1, None, 90 * 14e6 / 4096),
        ("vit_jft", "vit_b32", 8e-4, "linear", 0.1, 0.0, None, 7 * 303e6 / 4096),
        ("vit_jft", "vit_l32", 6e-4, "linear", 0.1, 0.0, None, 7 * 303e6 / 4096),
        ("vit_jft", "vit_l16", 4e-4, "linear", 0.1, 0.0, None, 7 * 303e6 / 4096),
        ("vit_jft", "vit_h14", 3e-4, "linear", 0.1, 0.0, None, 7 * 303e6 / 4096),
        ("vit_jft", "r50_vit_b16", 8e-4, "linear", 0.1, 0.0, None, 7 * 303e6 / 4096),
        ("vit_jft", "r50_vit_l32", 2e-4, "linear", 0.1, 0.0, None, 7 * 303e6 / 4096),
    ],
)
def test_a_recipe_is_its_row_of_the_table_scaled_to_batch_and_length(
    recipe: str,
    model: str,
    lr: float,
    schedule: str,
    decay: float,
    dropout: float,
    clip: float | None,
    steps: float,
) -> None:
    made = variant({"recipe": recipe, "batch_size": 32}, model=model)
    found = made.training
    assert found.optimizer == "adamw" and found.lr == lr * 32 / 4096
    assert (found.schedule, found.weight_decay, found.clip) == (schedule, decay, clip)
    assert found.warmup == pytest.approx(10_000 / steps, abs=5e-4)
    assert made.options["dropout"] == dropout


def test_the_recipe_none_sets_nothing() -> None:
    assert variant({"recipe": "none"}) == variant({})


def test_written_keys_go_before_the_recipe_of_their_level() -> None:
    base = {"recipe": "vit_imagenet", "lr": 0.5, "batch_size": 8}
    found = variant({"weight_decay": 0.2}, base, dropout=0.3)
    assert (found.training.lr, found.training.weight_decay, found.training.clip) == (0.5, 0.2, 1)
    assert found.options["dropout"] == 0.3


def test_a_variants_recipe_goes_before_the_experiments_keys() -> None:
    base = {"lr": 0.5, "schedule": "linear", "batch_size": 8, "epochs": 7}
    found = variant({"recipe": "vit_imagenet", "clip": 2.0}, base).training
    assert (found.lr, found.schedule, found.clip) == (3e-3 * 8 / 4096, "cosine", 2.0)
    assert (found.batch_size, found.epochs) == (8, 7)
    undone = variant({"recipe": "none"}, {"recipe": "vit_imagenet"})
    assert undone.training.weight_decay == 0.01 and undone.options["dropout"] == 0


def test_a_grid_may_go_through_recipes() -> None:
    grid = {"training.recipe": ["none", "vit_imagenet"]}
    found = parse(variants={"vit": {"model": "vit_b16", "grid": grid}}).variants
    assert [v.training.weight_decay for v in found] == [0.01, 0.3]


def test_the_same_values_by_hand_are_the_same_run() -> None:
    recipe = {"recipe": "vit_imagenet", "batch_size": 16}
    by_hand = {**recipe_training("vit_imagenet", "vit_b16", 16), "batch_size": 16}
    digests = [
        run_digest(next(made.runs()), made.data)
        for made in (
            parse(variants={"vit": {"model": "vit_b16", **spec}})
            for spec in (
                {"training": recipe},
                {"training": by_hand, "dropout": 0.1},
                {"training": {**by_hand, "clip": 2.0}, "dropout": 0.1},
            )
        )
    ]
    assert digests[0] == digests[1] != digests[2]


def test_a_model_without_dropout_takes_the_rest() -> None:
    made = variant({"recipe": "vit_imagenet"}, model="conv")
    assert made.training.weight_decay == 0.3 and "dropout" not in made.options


def test_an_unknown_recipe_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"training\.recipe: input should be 'none', 'vit_image"):
        variant({"recipe": "vit"})


def test_the_documented_table_is_what_the_recipes_set() -> None:
    readme = (Path(__file__).parents[2] / "config/README.md").read_text()
    for name, recipe in RECIPES.items():
        (row,) = re.findall(rf"^\| `{name}` \| (.*) \|$", readme, re.M)
        lr, *cells = row.split(" | ")
        assert float(lr.partition(";")[0]) == recipe.lr
        clip = f"{recipe.clip:g}" if recipe.clip else "none"
        assert cells == [
            f"`{recipe.schedule}`",
            *(f"{value:g}" for value in (recipe.weight_decay, recipe.warmup)),
            clip,
            f"{recipe.dropout:g}",
        ]
