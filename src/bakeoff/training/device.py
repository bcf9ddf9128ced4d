"""The device that a run trains on, and that a trained model is applied on."""

import torch

from bakeoff.errors import TrainingError


def choose_device(wanted: str) -> torch.device:
    """`auto` is the GPU where there is one; asking for a GPU that is not there is an error."""
    if wanted == "cuda" and not torch.cuda.is_available():
        raise TrainingError(
            "training.device is 'cuda' but torch sees no GPU here. Ask for one "
            "(resources.gpu: 1 on a cluster) or set training.device: auto."
        )
    if wanted == "auto":
        wanted = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(wanted)


def device_to_apply(trained_on: str) -> torch.device:
    """The device to apply a trained model on: a model that was trained on a GPU runs without one, too."""
    return choose_device("cpu" if trained_on == "cpu" else "auto")
