"""The numerics of a run whose configuration says `auto`: measured once per variant and kind of device."""

import copy
import hashlib
import json
import logging
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from bakeoff.config.schema import Image, Training
from bakeoff.config.schema.training import UNCOUNTED
from bakeoff.config.variants import Variant
from bakeoff.files import read_json, write_first, write_json
from bakeoff.task.losses import Loss
from bakeoff.training.attempts import kind_of
from bakeoff.training.images import SplitImages
from bakeoff.training.numerics import Numerics
from bakeoff.training.objective import Objective
from bakeoff.training.optimization import make_optimizer
from bakeoff.training.without_compiler import take_step

log = logging.getLogger(__name__)

FILE = Path("numerics.json")
WORTH_CHANGING = (
    0.9  # times the plain step: who shares a machine sees differences of a few hundredths
)
HOPELESS = 3.0  # times the plain step: no more of its steps are taken
WORTH_COMPILING = 600.0  # seconds that a training takes at least, for its compilation to be tried
_WARM, _TIMED, _ENOUGH = 2, 5, 3.0  # steps that are not timed, that are, and seconds that suffice

Measure = Callable[[Numerics, float], float]
"""Seconds of a training step; given up once a step takes longer than the second argument."""


def choose(
    variant: Variant,
    run: str,
    steps: int,
    own: Path,
    shared: Path,
    device: torch.device,
    measure: Measure,
) -> Numerics:
    """What was chosen for this run before, or for another of its variant on such a device; else the fastest.

    The run's choice is kept in the file `own` with `run`, the digest of its checkpoints: a training goes on
    in the arithmetic in which it began, and what has ended is not measured again. That of a variant is in the
    folder `shared`; a choice of another configuration is not taken. `steps` are of the whole training.
    """
    what = _measured(variant)
    if own.exists():
        known = read_json(own)
        if run == known.get("run") or what == known.get("of"):
            return Numerics.recorded(known, device)
    kind = kind_of(device)
    file = shared / f"{FILE.stem}-{_short(what, kind)}{FILE.suffix}"
    if not file.exists():
        chosen = _fastest(variant.training, steps, device, measure)
        # Another seed may measure at the same time: the first one's word counts for all.
        write_first(file, {"of": what, "device": kind, **chosen.record()})
    known = read_json(file)
    write_json(own, {**known, "run": run})
    return Numerics.recorded(known, device)


def _measured(variant: Variant) -> str:
    """What the time of a variant's steps may depend on, and what it leaves to be chosen, as a digest."""
    training = variant.training.model_dump(mode="json", exclude={"seeds", *UNCOUNTED})
    image = variant.image.model_dump(mode="json")
    return _short(variant.model, variant.options, image, training)


def _short(*values: object) -> str:
    text = json.dumps(values, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _fastest(training: Training, steps: int, device: torch.device, measure: Measure) -> Numerics:
    plain, *others = dict.fromkeys(_candidates(training, device))
    taken = {plain: measure(plain, math.inf)}
    for other in others:
        taken[other] = _tried(measure, other, HOPELESS * taken[plain])
    best = min(taken, key=lambda one: taken[one])
    if taken[best] > WORTH_CHANGING * taken[plain]:
        best = plain
    if training.compile == "auto" and steps * taken[best] > WORTH_COMPILING:
        begun = time.monotonic()
        compiled = replace(best, compiled=True)
        taken[compiled] = _tried(measure, compiled, math.inf)
        spent = time.monotonic() - begun
        if steps * (taken[best] - taken[compiled]) > spent:
            best = compiled
    for one, seconds in taken.items():
        log.info("Measured: %s, %.2f ms a step.", one.describe(), seconds * 1e3)
    log.info("Chosen: %s.", best.describe())
    return best


def _tried(measure: Measure, numerics: Numerics, limit: float) -> float:
    """Seconds of a step in a way that nobody asked for: infinite where it cannot be gone."""
    try:
        return measure(numerics, limit)
    except Exception as error:  # no room, no compiler, an operator that has no such kernel
        log.info("Not possible: %s (%s).", numerics.describe(), str(error).partition("\n")[0])
        return math.inf


def _candidates(training: Training, device: torch.device) -> Iterator[Numerics]:
    precisions = ("fp32", "tf32", "bf16") if device.type == "cuda" else ("fp32", "bf16")
    layouts = ("contiguous", "channels_last")
    for precision in precisions if training.precision == "auto" else (training.precision,):
        for layout in layouts if training.layout == "auto" else (training.layout,):
            yield Numerics.named(precision, layout, training.compile is True, device)


def seconds_of_a_step(
    model: nn.Module, loss: Loss, training: Training, image: Image, images: SplitImages
) -> Measure:
    """Measures training steps of copies of `model`: noise as its images, with targets of the split."""
    _, targets = images.batch(torch.arange(training.batch_size) % len(images))
    shape = (training.batch_size, image.channels, image.size, image.size)
    inputs = torch.rand(shape, generator=torch.Generator().manual_seed(0)).to(images.device)

    def measure(numerics: Numerics, limit: float) -> float:
        numerics.set_products()
        objective = Objective(copy.deepcopy(model), loss, numerics).train()
        fused = numerics.precision == "bf16"
        optimizer = make_optimizer(objective.parameters(), training, fused=fused)
        taken: list[float] = []
        while len(taken) < _WARM + _TIMED and sum(taken[_WARM:]) < _ENOUGH:
            begun = time.perf_counter()
            optimizer.zero_grad(set_to_none=True)
            value, _ = objective(inputs, targets)
            value.backward()
            take_step(optimizer)
            if inputs.is_cuda:
                torch.cuda.synchronize(inputs.device)
            taken.append(time.perf_counter() - begun)
            if len(taken) > 1 and taken[-1] > limit:  # the first one also loads kernels
                return taken[-1]
        return min(taken[_WARM:])

    return measure
