"""The configuration of a small bake-off of each kind of task with more than two answers."""

from typing import Any

from tests.drawn import AUGMENTED, COLOUR, config

SELECTED = {"multiclass": "balanced_accuracy", "multilabel": "macro_average_precision"}
"""The metric by which a bake-off of this kind chooses its epochs."""

CONV = {"model": "conv", "kernel_size": 1}
VARIANTS: dict[str, dict[str, Any]] = {
    "multiclass": {
        "plain": CONV,
        "augmented": {**CONV, "norm": "batch", "image": {**AUGMENTED, "fit": "crop"}},
    },
    "multilabel": {
        "plain": {**CONV, "image": COLOUR},
        "augmented": {"model": "timm/resnet10t", "image": AUGMENTED},
    },
}
"""Of classes one in grey and one of cropped colours, of findings both in colour."""


def values(kind: str) -> dict[str, Any]:
    """The configuration of the bake-off of this kind, on the images that `draw_kind` draws in `data/`."""
    made: dict[str, Any] = config(kind)
    return {
        **made,
        "training": {**made["training"], "select_on": SELECTED[kind]},
        "tracking": {"live": False},  # tests of tracking send while a run trains
        "variants": VARIANTS[kind],
    }
