"""The device that a run trains on, and that a trained model is applied on."""

import logging

import torch

from bakeoff.errors import TrainingError
from bakeoff.training.distributed import World
from bakeoff.training.no_gpu import obstacle, scheduler

log = logging.getLogger(__name__)


def choose_device(wanted: str, *, asked: bool = False) -> torch.device:
    """`auto` is the GPU where there is one that torch can use, else the CPU.

    Raises TrainingError, with the reason and the way out, where `wanted` is `cuda` and there is none; and in
    a scheduler's job where the run `asked` for a GPU, which would otherwise train on processors for days.
    Elsewhere that is a warning: what a run asks of a cluster, a laptop need not have.
    """
    if wanted == "cpu":
        return torch.device("cpu")
    seen = torch.cuda.is_available()
    own = World.from_environment().device(torch.device("cuda")) if seen else None
    trouble = obstacle(own.index or 0 if own else 0)
    if trouble is None:
        return torch.device("cuda")
    what, way_out = trouble
    job = scheduler()
    if wanted == "cuda" or (asked and job):
        who = "training.device is 'cuda'" if wanted == "cuda" else "the run asks for a GPU"
        raise TrainingError(
            f"{who}, and torch can use none {f'in this job of {job}' if job else 'here'}: {what}. To go on: "
            f"{way_out}; or train on the CPU: training: {{device: cpu}}."
        )
    if asked or seen:
        log.warning("On the CPU, as torch can use no GPU: %s (to use one: %s).", what, way_out)
    return torch.device("cpu")


def device_to_apply(trained_on: str) -> torch.device:
    """The device to apply a trained model on: a model that was trained on a GPU runs without one, too."""
    return choose_device("cpu" if trained_on == "cpu" else "auto")
