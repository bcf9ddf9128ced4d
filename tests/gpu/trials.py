"""What is tried on a GPU, real or pretended: every model, small, in the product's own step and evaluation."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, get_args

import torch
from torch import Tensor, nn

from bakeoff.config.schema import Image, Training
from bakeoff.data.pack import PackedImages
from bakeoff.models.catalogue import entries, parse_options, unfit
from bakeoff.models.registry import Task, build
from bakeoff.pretraining.masked_patches import MaskedPatches
from bakeoff.task.binary import BinaryTask
from bakeoff.task.classification import ClassificationTask
from bakeoff.task.losses import loss_of, losses_of
from bakeoff.task.multiclass import MulticlassTask
from bakeoff.task.multilabel import MultilabelTask
from bakeoff.training.cuda_graph import CapturedSteps
from bakeoff.training.distributed import World
from bakeoff.training.evaluate import evaluate
from bakeoff.training.images import SplitImages
from bakeoff.training.numerics import Numerics
from bakeoff.training.objective import Objective
from bakeoff.training.optimization import make_optimizer
from bakeoff.training.outputs import EpochOutputs, Launched
from bakeoff.training.step import Stepper
from tests.models.computed import FAMILIES, FINDINGS, cases

COUNT, BATCH, SIZE = 24, 4, 96
WAITS = 0
"""How often the host waits for the GPU in a training step, whatever is trained."""
TASKS: dict[str, ClassificationTask] = {
    "positive": BinaryTask(),
    "exclusive": MulticlassTask(FINDINGS[:3]),
    "independent": MultilabelTask(FINDINGS),
}
OTHER_TASKS = ("exclusive scores", "independent scores")  # as `cases` names them
AUGMENTED: dict[str, Any] = {
    "crop": {"scale": [0.5, 1.0], "probability": 0.7},
    "flip": {},
    "jitter": {"hue": 0.02, "probability": 0.6},
    "normalise": {"mean": [0.4, 0.5, 0.6], "std": [0.2, 0.2, 0.2]},
    "channels": 3,
}


@dataclass(frozen=True)
class Trial:
    """A model to train on a kind of task; `build` makes it on the CPU from torch's random state."""

    name: str
    task: ClassificationTask
    scored: str
    loss: str
    image: Image
    build: Callable[[], nn.Module]
    optimizer: str = "sgd"

    def begin(
        self,
        device: torch.device,
        *,
        numerics: Numerics | None = None,
        captured: bool = False,
        **training: Any,
    ) -> "Begun":
        """The model with the weights of seed 0 on `device`, its images there, and its step.

        In those numerics; `captured`: launched as a graph where it has been taken before.
        """
        torch.manual_seed(0)
        model = self.build().to(device)
        settings = Training(loss=self.loss, optimizer=self.optimizer, **training)
        objective = Objective(model, loss_of(self.task, self.loss), numerics).train()
        objective.numerics.set_products()
        optimizer = make_optimizer(model.parameters(), settings)
        world = World()
        parallel = world.parallel(objective, device)
        stepper = Stepper(
            objective,
            parallel,
            optimizer,
            self.image,
            0,
            settings.clip,
            world,
            deferred=device.type == "cuda",
            captured=CapturedSteps() if captured else None,
        )
        images = images_of(self.scored, self.image, device)
        return Begun(self, objective, stepper, images)


@dataclass(frozen=True)
class Begun:
    """A training in progress."""

    trial: Trial
    objective: Objective
    stepper: Stepper
    images: SplitImages

    def step(self, step: int) -> Launched:
        """Take the training step of that number; its outputs are not waited for."""
        rows = (torch.arange(BATCH) + step * BATCH) % COUNT
        return self.stepper.step(
            self.images, rows, epoch=1, step=step, lr=1e-3, stop_reason=lambda: None
        )

    def evaluate(self) -> EpochOutputs:
        """The outputs of all images, in evaluation mode."""
        outputs = evaluate(self.objective, self.images, self.trial.image)
        self.objective.train()
        return outputs

    def weights(self) -> Tensor:
        """All parameters and buffers in a row, float64 on the CPU."""
        state = self.objective.state_dict().values()
        return torch.cat([tensor.detach().double().cpu().flatten() for tensor in state])


def images_of(scored: str, image: Image, device: torch.device) -> SplitImages:
    """Random images with every label among them, the same on every device."""
    shape = (COUNT, image.size, image.size, *([3] if image.channels == 3 else []))
    draw = torch.Generator().manual_seed(1)
    pixels = torch.randint(0, 256, shape, dtype=torch.uint8, generator=draw)
    number = torch.arange(COUNT)
    match scored:
        case "positive":
            labels = number % 2
            findings = torch.eye(4)[labels * (1 + number // 2 % 3)]
        case "exclusive":
            labels = number % 3
            findings = torch.eye(3)[labels]
        case _:
            labels = (number[:, None] >> torch.arange(4)) % 2  # none, one, several, all
            findings = labels.float()
    names = tuple(map(str, number.tolist()))
    packed = PackedImages(pixels.numpy(), {name: int(name) for name in names}, names)
    plain = SplitImages.unlabelled(names, packed, device)
    return replace(plain, labels=labels.to(device), findings=findings.to(device))


def every_model(*, sizes: bool = True, **options: Any) -> Iterator[Trial]:
    """Each model of the zoo, and those that have an objective of their own on each kind of task they learn.

    Of a table of `sizes`, which have one code, only the first where that is False. `options` are set where a
    model has them.
    """
    seen = set()
    for key, entry in entries().items():
        if (code := (entry.module, entry.function)) in seen and not sizes:
            continue
        seen.add(code)
        for name in FAMILIES.get(key, (key,)):
            given = {option: v for option, v in options.items() if option in entry.options}
            for case, task, small in cases(name):
                own = entry.objective != "loss" and case in OTHER_TASKS
                if case == "{}" or (own and not unfit(name, task.scored)):
                    yield _trial(f"{name}, {task.scored}", name, task, {**small, **given})


def every_loss() -> Iterator[Trial]:
    """Each loss of each kind of task, and each optimizer, on a small network."""
    for scored, task in TASKS.items():
        for loss in losses_of(task):
            yield _trial(f"{loss}, {scored}", "conv_bn", _model_task(scored, loss), {}, loss)
    for optimizer in get_args(Training.model_fields["optimizer"].annotation):
        trial = _trial(optimizer, "conv_bn", _model_task("positive", "nll"), {})
        yield replace(trial, optimizer=optimizer)


def pretraining() -> Iterator[Trial]:
    """Masked patches, with each of what they may also learn."""
    task = Task(1, 64, 2, FINDINGS)
    small = parse_options("vit_b16", {"depth": 2, "width": 48, "heads": 4})
    for key in ("", "normalise_target", "next_part"):
        given = {"normalise_target": key == "normalise_target", "next_part": key == "next_part"}

        def made(given: dict[str, bool] = given) -> nn.Module:
            return MaskedPatches(build("vit_b16", task, small), masked=0.5, **given)

        name = " ".join(filter(None, ("masked patches", key)))
        yield Trial(name, TASKS["positive"], "positive", "cross_entropy", Image(size=64), made)


def augmented() -> Iterator[Trial]:
    """Every augmentation there is, in colour."""
    trial = _trial("augmented", "conv_bn", replace(_model_task("positive", "nll"), channels=3), {})
    yield replace(trial, image=Image.model_validate({"size": SIZE, **AUGMENTED}))


def _model_task(scored: Any, loss: str) -> Task:
    task = TASKS[scored]
    findings = {"positive": FINDINGS, "exclusive": FINDINGS[:3], "independent": FINDINGS}[scored]
    outputs = losses_of(task)[loss].outputs
    return Task(1, SIZE, outputs, findings, negatives=int(scored == "positive"), scored=scored)


def _trial(name: str, model: str, task: Task, options: dict[str, Any], loss: str = "") -> Trial:
    parsed = parse_options(model, options)
    loss = loss or next(iter(losses_of(TASKS[task.scored])))
    image = Image(size=task.size)
    return Trial(
        name, TASKS[task.scored], task.scored, loss, image, lambda: build(model, task, parsed)
    )
