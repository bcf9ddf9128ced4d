"""The small bake-off of the training tests, and a pretraining that takes a second."""

from typing import Any

import pytest
import torch

from bakeoff.config.pretraining import Pretraining, parse_pretraining
from bakeoff.task.binary import BinaryTask
from tests.training.conftest import (
    SIZE,
    colour_values,
    phantoms,
    prepare,
    prepare_colours,
    tinted,
    values,
)

__all__ = [
    "colour_values",
    "phantoms",
    "prepare",
    "prepare_colours",
    "settings",
    "tinted",
    "values",
]

torch.set_num_threads(1)  # these models are too small to share among threads

VIT: dict[str, Any] = {"depth": 2, "width": 24, "heads": 2}


@pytest.fixture
def settings() -> dict[str, Any]:
    """The keys of a pretraining of a small ViT on the training split."""
    return {
        "model": "vit_b16",
        **VIT,
        "image": {"size": SIZE},
        "training": {"epochs": 2, "batch_size": 8, "lr": 1e-3, "schedule": "cosine"},
    }


def parsed(settings: dict[str, Any], **changes: Any) -> Pretraining:
    base: dict[str, dict[str, Any]] = {"image": {}, "training": {}, "resources": {}}
    return parse_pretraining("mpp", {**settings, **changes}, base, "config/test.yaml", BinaryTask())
