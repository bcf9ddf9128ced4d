"""Checks of steps and evaluations: every model runs, agrees with the CPU, and repeats its bits."""

import gc
import re
import subprocess
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bakeoff.models.catalogue import entries, misfit, parse_options
from bakeoff.models.registry import Task, build
from bakeoff.task.losses import losses_of
from bakeoff.training.augment import rotate
from bakeoff.training.available_memory import free_bytes, total_bytes
from bakeoff.training.cuda_graph import EAGER_STEPS, own_stream
from bakeoff.training.host_copy import HostMemory
from bakeoff.training.numerics import Numerics
from bakeoff.training.out_of_memory import is_out_of_memory
from bakeoff.training.randomness import make_deterministic
from bakeoff.training.residency import in_gigabytes
from bakeoff.training.scaling import normalise
from tests.gpu.machine import Machine, Skipped, check
from tests.gpu.trials import (
    BATCH,
    FINDINGS,
    TASKS,
    WAITS,
    Begun,
    Trial,
    augmented,
    every_loss,
    every_model,
    pretraining,
)

SCORES, GRADIENT = 1e-4, 1e-3
"""How far a GPU may be from the CPU in float32, relative to the CPU's norm: rounding in another order."""
ROUNDED = 0.1
"""How far scores in TF32 or bfloat16, of 8 and 11 significant bits, may be from those in float32."""
OTHERS = (
    Numerics("tf32"),
    Numerics("fp32", "channels_last"),
    Numerics("bf16"),
    Numerics("bf16", "channels_last"),
)
STILL = {"dropout": 0.0, "attention_dropout": 0.0, "drop_path": 0.0, "shuffle": False}
"""Options without what each device draws for itself."""
STEPS = 3
RESERVE = 60.0  # seconds for the checks after these


@contextmanager
def exact() -> Iterator[None]:
    """Deterministic, in float32 and nothing shorter: what differs is a fault, or the order of a sum."""
    make_deterministic(1, deterministic=True)
    cudnn, products = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = cudnn
        torch.backends.cuda.matmul.allow_tf32 = products


def every_trial() -> Iterator[Trial]:
    """All that is trained."""
    return chain(every_model(), every_loss(), pretraining(), augmented())


@check("torch has kernels for this GPU")
def has_kernels(machine: Machine) -> str:
    """By its compute capability, and by a product of matrices."""
    if machine.device == "cpu":
        raise Skipped("no GPU")
    major, minor = torch.cuda.get_device_capability()
    built = torch.cuda.get_arch_list()
    name = f"{torch.cuda.get_device_name()}, sm_{major}{minor} of {' '.join(built)}"
    # Kernels run on later cards of the same generation, and what is kept as PTX on all later ones.
    kinds = [re.fullmatch(r"(sm|compute)_(\d+)(\d)[a-z]?", one) for one in built]
    made = [(kind[1], int(kind[2]), int(kind[3])) for kind in kinds if kind]
    fits = any((m, n) <= (major, minor) and (how == "compute" or m == major) for how, m, n in made)
    assert fits, name
    ones = torch.ones(64, 64, device=machine.device)
    assert bool((ones @ ones == 64).all()), f"{name}: a product of matrices is wrong"
    return name


@check("the same steps twice have the same bits, and evaluation too")
def same_bits(machine: Machine) -> str:
    """Every model, loss, optimizer, pretraining and augmentation, with dropout where there is some."""
    device, others, count = torch.device(machine.device), [], 0
    with exact():
        for trial in machine.while_time_is_left(every_trial(), RESERVE):
            first, second = (_trained(trial.begin(device, clip=1.0)) for _ in range(2))
            count += 1
            if not all(map(torch.equal, first, second)):
                others.append(trial.name)
    assert not others, f"other bits: {'; '.join(others)}"
    return f"{count} models, losses, optimizers and pretrainings, {STEPS} steps of {BATCH} images"


def _trained(begun: Begun, steps: int = STEPS) -> tuple[Tensor, Tensor]:
    for step in range(steps):
        begun.step(step)
    scores = torch.cat([torch.as_tensor(each).cpu() for each in begun.evaluate().scores])
    assert scores.isfinite().all(), f"{begun.trial.name}: scores that are not finite"
    return begun.weights(), scores


@check("a copy for a checkpoint is of before the step after it")
def copied(machine: Machine) -> str:
    """Though the process goes on before it is made."""
    device = torch.device(machine.device)
    model = nn.Linear(4096, 4096, device=device)
    memory, copies = HostMemory(), []
    with torch.no_grad():
        for step in range(STEPS):
            model.weight.fill_(step)
            copies.append(memory.copy(model.state_dict()))
    for step, copy in enumerate(copies):
        copy.wait()
        assert copy["weight"].is_pinned() == (device.type == "cuda")
        assert bool((copy["weight"] == step).all()), f"step {step}"
    return f"{len(copies)} copies of {model.weight.nbytes / 1e6:.0f} MB"


@check("a step that is launched as a graph has the bits of one that is launched kernel by kernel")
def captured(machine: Machine) -> str:
    """Past the steps before a graph is made of them, with dropout, turned images and clipping."""
    device = torch.device(machine.device)
    if device.type != "cuda":
        raise Skipped("no GPU")
    others, count = [], 0
    with exact(), own_stream(device):
        trials = chain(every_model(sizes=False), every_loss(), pretraining(), augmented())
        for trial in machine.while_time_is_left(trials, RESERVE):
            kinds = (trial.begin(device, clip=1.0, captured=graph) for graph in (False, True))
            first, second = (_trained(begun, EAGER_STEPS + STEPS) for begun in kinds)
            count += 1
            if not all(map(torch.equal, first, second)):
                others.append(trial.name)
    assert not others, f"other bits: {'; '.join(others)}"
    return f"{count} models, losses and pretrainings, {EAGER_STEPS} steps and {STEPS} as a graph"


@check(f"other numerics score as fp32 does: within {ROUNDED:g}")
def other_numerics(machine: Machine) -> str:
    """Scores and loss of one batch; the same steps twice have the same bits in each of them."""
    device = torch.device(machine.device)
    far, furthest, unlike = [], (0.0, ""), []
    with exact():
        for trial in machine.while_time_is_left(every_model(sizes=False, **STILL), RESERVE):
            exactly = _batch(trial, machine.device)[0]
            for numerics in OTHERS:
                scores = _batch(trial, machine.device, numerics)[0]
                distance, name = apart(scores, exactly), f"{trial.name}, {numerics.describe()}"
                furthest = max(furthest, (distance, name))
                if not distance <= ROUNDED:
                    far.append(f"{name} {distance:.1e}")
                twice = [_trained(trial.begin(device, numerics=numerics)) for _ in range(2)]
                if not all(map(torch.equal, *twice)):
                    unlike.append(name)
        Numerics().set_products()
    assert not far, "; ".join(far)
    assert not unlike, f"other bits: {'; '.join(unlike)}"
    return f"the furthest {furthest[0]:.1e}, {furthest[1]}"


@check("what has no room in memory is taken for that, and the GPU goes on")
def no_room(machine: Machine) -> str:
    """An image batch of ten times the memory, and torch's words for it."""
    device = torch.device(machine.device)
    try:
        torch.empty(10 * total_bytes(device), dtype=torch.uint8, device=device)
    except RuntimeError as error:
        assert is_out_of_memory(error), str(error)
    else:
        raise Skipped("the system promises more memory than there is")
    assert int(torch.ones(8, device=device).sum()) == 8
    return f"of {in_gigabytes(total_bytes(device))}, {in_gigabytes(free_bytes(device))} are free"


@check(f"GPU and CPU agree: scores within {SCORES:g}, gradients within {GRADIENT:g}")
def agreement(machine: Machine) -> str:
    """Loss, scores and gradients of a batch, without what each device draws for itself."""
    far, furthest, count = [], (0.0, ""), 0
    with exact():
        trials = chain(every_model(**STILL), every_loss(), augmented())
        for trial in machine.while_time_is_left(trials, RESERVE):
            here, there = (_batch(trial, device) for device in ("cpu", machine.device))
            scores, gradient = (apart(b, a) for a, b in zip(here, there, strict=True))
            count += 1
            furthest = max(furthest, (gradient, trial.name))
            if not (scores <= SCORES and gradient <= GRADIENT):
                far.append(f"{trial.name} {scores:.1e}, {gradient:.1e}")
    assert not far, "; ".join(far)
    return f"{count} models and losses; the furthest gradient {furthest[0]:.1e}, {furthest[1]}"


def _batch(trial: Trial, device: str, numerics: Numerics | None = None) -> tuple[Tensor, Tensor]:
    """Loss and scores, and all gradients, of the first images."""
    begun = trial.begin(torch.device(device), numerics=numerics)
    pixels, targets = begun.images.batch(torch.arange(2 * BATCH))
    loss, scores = begun.objective(normalise(pixels, trial.image), targets)
    loss.backward()
    gradients = [p.grad.flatten() for p in begun.objective.parameters() if p.grad is not None]
    found = torch.cat([loss.detach().flatten(), scores.detach().flatten()])
    return found.double().cpu(), torch.cat(gradients).double().cpu()


def apart(one: Tensor, other: Tensor) -> float:
    """How far one is from the other, relative to the norm of the other."""
    return float((one - other).norm() / other.norm().clamp(min=1e-30))


@check("a turned image is the CPU's under tf32 too")
def turned(machine: Machine) -> str:
    """Where pixels are taken from is no matrix product, which a GPU would round to ten bits."""
    pixels = torch.rand(4, 1, 512, 512, generator=torch.Generator().manual_seed(0)) * 255
    angles = torch.tensor([0.0, 0.1, -0.17, 3.0])
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = True
    try:
        there = rotate(pixels.to(machine.device), angles).cpu()
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before
    furthest = apart(there, rotate(pixels, angles))
    assert furthest <= SCORES, f"{furthest:.1e} of the pixels' norm"
    return f"{furthest:.1e} of the pixels' norm apart"


@check("a NaN under any loss is a NaN loss, and the GPU goes on")
def not_a_number(machine: Machine) -> str:
    """In a process of its own: an assertion in a kernel would end the use of the GPU in this one."""
    code = (
        "import torch; from tests.gpu.trials import TASKS; from bakeoff.task.losses import losses_of\n"
        "for task in TASKS.values():\n"
        "  for name, loss in losses_of(task).items():\n"
        f"    z = torch.full((4, loss.outputs), torch.nan, device='{machine.device}')\n"
        "    labels = torch.zeros(z.shape if task.kind == 'multilabel' else 4, dtype=torch.int64)\n"
        "    assert loss.value(z, labels.to(z.device)).isnan(), name\n"
        "assert int((torch.ones(4, device=z.device) * 2).sum()) == 8"
    )
    command = [sys.executable, "-c", code]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert ran.returncode == 0, (ran.stderr.strip().splitlines() or ["?"])[-1]
    return ", ".join(sorted({name for task in TASKS.values() for name in losses_of(task)}))


@check(f"a step waits for the GPU {WAITS} times")
def waits(machine: Machine) -> str:
    """By torch's own count, with its places."""
    if machine.device == "cpu":
        raise Skipped("no GPU")
    others, count = [], 0
    trials = chain(every_model(sizes=False), every_loss(), pretraining())
    for trial in machine.while_time_is_left(trials, RESERVE):
        begun = trial.begin(torch.device(machine.device), clip=1.0)
        begun.step(0)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            torch.cuda.set_sync_debug_mode("warn")
            begun.step(1)
            torch.cuda.set_sync_debug_mode("default")
        where = Counter(
            f"{Path(str(w.filename)).name}:{w.lineno}"
            for w in caught
            if "called a synchronizing" in str(w.message)
        )
        count += 1
        if where.total() != WAITS:
            others.append(f"{trial.name} {where.total()}: {dict(where)}")
    assert not others, "; ".join(others)
    return f"{count} models, losses and pretrainings"


@check("every model takes a step at its own size")
def published(machine: Machine) -> str:
    """With all of its weights, drawn on the device, on images of 224 pixels or the fewest that fit."""
    if machine.device == "cpu":
        raise Skipped("no GPU")
    device, count, largest = torch.device(machine.device), 0, (0.0, "")
    names = [name for name, entry in entries().items() if not entry.is_family]
    with exact():
        for name in machine.while_time_is_left(names, RESERVE):
            gc.collect()
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
            _step_at_its_size(name, device)
            count += 1
            largest = max(largest, (torch.cuda.max_memory_allocated() / 1e9, name))
    return f"{count} models; the largest {largest[1]}, {largest[0]:.1f} GB"


def _step_at_its_size(name: str, device: torch.device) -> None:
    options: dict[str, Any] = parse_options(name, {})
    size = next(size for size in (224, 256, 512) if misfit(name, size, options) is None)
    task = Task(1, size, 2, FINDINGS)
    torch.manual_seed(0)
    with device:
        model = build(name, task, options)
    trial = next(t for t in every_loss() if t.name == "cross_entropy, positive")
    image = trial.image.model_copy(update={"size": size})
    begun = Trial(name, trial.task, "positive", trial.loss, image, lambda: model).begin(device)
    begun.step(0)
    assert all(p.isfinite().all() for p in model.parameters()), f"{name}: weights are not finite"
