"""A model with the weights of a finished run; pretrained weights are not read again for it."""

from pathlib import Path
from typing import Any

import torch
from torch import nn

from bakeoff.config.experiment import Experiment, Run
from bakeoff.models.registry import Expected
from bakeoff.models.weights_header import header
from bakeoff.training.checkpoint import load_weights
from bakeoff.training.initialisation import build_model


def load_trained(
    experiment: Experiment, run: Run, file: Path, device: torch.device
) -> tuple[nn.Module, dict[str, Any]]:
    """The model of a run on `device` with the weights of `file`, its best.safetensors, and their metadata.

    Raises CheckpointError naming the file when it is missing, damaged, or another model's.
    """
    stated = header(file)
    expected = None
    if "mean" in stated and "std" in stated:
        expected = Expected(tuple(stated["mean"]), tuple(stated["std"]))
    model = build_model(experiment, run, expected).to(device)
    return model, load_weights(file, model)
