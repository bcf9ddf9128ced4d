"""What is said of a batch of one is what torch would say of it in training."""

from typing import Any

import pytest
import torch

from bakeoff.config.single_values import lacks_variance
from bakeoff.models.catalogue import parse_options
from bakeoff.models.registry import Task, build

SMALL = {"depth": 1, "width": 8}


@pytest.mark.parametrize(
    ("model", "size", "options"),
    [
        ("conv_bn", 79, {}),
        ("conv_bn", 114, {}),
        ("conv_bn", 115, {}),
        ("conv_bn", 134, {"kernel_size": 4}),
        ("conv", 79, {"norm": "batch"}),
        ("conv", 79, {"norm": "none"}),
        ("convmixer_768_32", 7, SMALL),
        ("convmixer_768_32", 14, SMALL),
    ],
)
@pytest.mark.parametrize("batch_size", [1, 2])
def test_a_batch_without_variance_is_known_without_torch(
    model: str, size: int, options: dict[str, Any], batch_size: int
) -> None:
    module = build(model, Task(size=size), options).train()
    images = torch.rand(batch_size, 1, size, size)
    expected = lacks_variance(model, size, parse_options(model, options), batch_size)
    if expected:
        with pytest.raises(ValueError, match="more than 1 value per channel"):
            module(images)
    else:
        assert torch.isfinite(module(images)).all()
