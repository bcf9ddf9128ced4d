"""Every model, loss, optimizer and pretraining on the pretended GPU, in a process that was started with it.

`python -m tests.pretended_gpu.audit [PART OF A NAME...]` prints a line of JSON for each: what holds the host
up in a training step, in an evaluation and where pictures are made, which operators have no deterministic
form, which parameters get no gradient, and the error, such as a mixing of devices.
"""

import json
import sys
from collections.abc import Iterator
from itertools import chain
from types import SimpleNamespace
from typing import Any

import torch

from bakeoff.pictures.saliency import kinds
from bakeoff.training.randomness import make_deterministic
from bakeoff.training.scaling import normalise
from tests.gpu.trials import Begun, Trial, augmented, every_loss, every_model, pretraining
from tests.pretended_gpu.faults import faults
from tests.pretended_gpu.watch import Watch

DEVICE = torch.device("cuda", 0)


def audit(watch: Watch, trial: Trial) -> dict[str, Any]:
    """What is said of one model; the first step makes the optimizer's state and is not counted."""
    begun = trial.begin(DEVICE, clip=1.0)
    begun.step(0)
    with watch.counting() as step:
        begun.step(1)
    parameters = begun.objective.named_parameters()
    idle = [name for name, p in parameters if p.requires_grad and p.grad is None]
    with watch.counting() as evaluation:
        begun.evaluate()
    with watch.counting() as pictures:
        drawn = list(maps(begun)) if "masked" not in trial.name else []
    return {
        "step": step,
        "evaluation": evaluation,
        "pictures": pictures,
        "drawn": drawn,
        "without gradient": idle,
    }


def maps(begun: Begun) -> Iterator[str]:
    """The kinds of saliency maps that a model has, made as the report's pictures are."""
    model, trial = begun.objective.model.eval(), begun.trial
    pixels, _ = begun.images.batch(torch.arange(2))
    images = normalise(pixels, trial.image)
    case = SimpleNamespace(score=0, truth=None)
    subject: Any = SimpleNamespace(
        model=model,
        task=trial.task,
        loss=begun.objective.loss,
        images=images,
        chosen=[SimpleNamespace(case=case)] * 2,
        one_score=len(trial.task.scored) == 1,
        explained=str,
        scores=torch.zeros(2, len(trial.task.scored)),
    )
    for kind in kinds(subject):
        found = kind.maps(model, images)
        if found is not None:
            assert found.device == DEVICE, f"{kind.kind} is on {found.device}"
            yield kind.kind


def main(names: list[str]) -> None:
    """Print a line for each of the named, or for all."""
    make_deterministic(1, deterministic=True)
    models = every_model(sizes=bool(names))
    with Watch() as watch:
        for trial in chain(models, every_loss(), pretraining(), augmented(), faults()):
            if names and not any(name in trial.name for name in names):
                continue
            try:
                said = audit(watch, trial)
            except Exception as error:
                said = {"error": f"{type(error).__name__}: {error}"}
            print(json.dumps({"name": trial.name, **said}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
