"""A step that is to be captured where no graph can be: `python -m tests.pretended_gpu.captured`.

Prints, as JSON, what held the host up in each step, and ends with exit code 0 if none was lost.
"""

import json
import logging
from dataclasses import replace

import torch

from bakeoff.training.cuda_graph import CapturedSteps
from bakeoff.training.randomness import make_deterministic
from tests.gpu.trials import every_loss
from tests.pretended_gpu.audit import DEVICE
from tests.pretended_gpu.watch import Watch

STEPS = 6


def main() -> None:
    """Take the steps."""
    logging.basicConfig(format="%(message)s")
    make_deterministic(1, deterministic=True)
    trial = next(trial for trial in every_loss() if trial.optimizer == "adamw")
    own = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    with Watch() as watch, torch.cuda.stream(own):
        begun = trial.begin(DEVICE, clip=1.0)
        begun = replace(begun, stepper=replace(begun.stepper, captured=CapturedSteps()))
        for step in range(STEPS):
            with watch.counting() as held:
                begun.step(step)
            print(json.dumps(held))


if __name__ == "__main__":
    main()
