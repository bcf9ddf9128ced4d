"""How long a training is held up by saving itself: ViT-B/16 with AdamW, whole and with its backbone frozen.

    python -m benchmarks.checkpoints [--rounds N] [--device cuda] [--folder DIR]

A checkpoint and new best weights are saved beside steps, and once more by waiting for them, in turns. The
copy holds the training up; what the thread then does, only where it has no core of its own, and by Python's
lock: the longest step beside it is told with the longest of as many steps alone. Copy and thread are
processor time, which other work on the machine hardly changes; the shares are of the 60 s that lie between
two saves.

Writes benchmarks/checkpoints.md.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch
from torch import nn

from bakeoff.config.schema import Training
from bakeoff.layout import RunFolder
from bakeoff.models.registry import Task, build
from bakeoff.training.checkpoint import CheckpointFolder, Progress
from bakeoff.training.outputs import EpochOutputs
from bakeoff.training.run_saver import RunSaver
from benchmarks.load import load, machine

TABLE = Path(__file__).with_suffix(".md")
MODELS = {"vit_b16": "ViT-B/16", "vpt_shallow": "prompts on a frozen ViT-B/16"}
EVERY = 60.0


class Saved:
    """One save beside steps, in seconds: of the processor `copy` and `thread`, of the clock the others."""

    def __init__(self, saver: RunSaver, step: Callable[[], None]) -> None:
        whole, here, begun = time.process_time(), time.thread_time(), time.perf_counter()
        saver.keep_best({"epoch": 1})
        saver.begin(Progress(digest="d"), EpochOutputs())
        self.copy, self.copied = time.thread_time() - here, time.perf_counter() - begun
        beside = []
        assert saver._thread is not None
        while saver._thread.is_alive():
            beside.append(_timed(step))
        saver.wait()
        self.thread = (time.process_time() - whole) - (time.thread_time() - here)
        self.beside = max(beside, default=0.0)
        self.alone = max(_timed(step) for _ in range(max(len(beside), 1)))


def waited(saver: RunSaver) -> float:
    """Seconds of a save that the training waits for."""

    def save() -> None:
        saver.keep_best({"epoch": 1})
        saver.begin(Progress(digest="d"), EpochOutputs())
        saver.wait()

    return _timed(save)


def measured(name: str, rounds: int, device: torch.device, folder: Path) -> str:
    """The row of a model."""
    model = build(name, Task(size=224), {}).to(device)
    optimizer = _trained(model)
    training = Training.model_validate({"checkpoint": {"every": EVERY}})
    checkpoints = CheckpointFolder(folder / name)
    saver = RunSaver(RunFolder(folder / name), checkpoints, model, optimizer, (), training)
    product = torch.randn(1024, 1024, device=device)

    def step() -> None:
        (product @ product).sum().item()

    first = waited(saver)  # makes the memory that later saves use again
    pairs = [(Saved(saver, step), waited(saver)) for _ in range(rounds)]
    sizes = [file.stat().st_size / 1e9 for file in (checkpoints.last, checkpoints.best)]
    copy, thread, copied, beside, alone = (
        median(getattr(one, key) for one, _ in pairs)
        for key in ("copy", "thread", "copied", "beside", "alone")
    )
    waiting = median(seconds for _, seconds in pairs)
    cells = (
        MODELS[name],
        f"{sizes[0]:.2f} + {sizes[1]:.2f} GB",
        f"{first:.1f}",
        f"{waiting:.1f}",
        f"{copied:.2f}",
        f"{copy:.2f}",
        f"{thread:.2f}",
        f"{copy / EVERY:.1%}",
        f"{(copy + thread) / EVERY:.1%}",
        f"{beside:.2f} ({alone:.2f})",
    )
    return f"| {' | '.join(cells)} |"


def _trained(model: nn.Module) -> torch.optim.Optimizer:
    """An optimizer that has a state, as after a step."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.grad = torch.randn_like(parameter)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return optimizer


def _timed(what: Callable[[], None]) -> float:
    begun = time.perf_counter()
    what()
    return time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--folder", type=Path, help="where to write; by default a temporary folder")
    options = parser.parse_args()
    torch.set_num_threads(1)
    before, device = load(), torch.device(options.device)
    columns = (
        "",
        "last.ckpt + best",
        "the first, waited for, s",
        "others waited for, s",
        "the copy, s by the clock",
        "the copy, s of processor",
        "the thread, s of processor",
        "held up, of 60 s",
        "held up on a single core, of 60 s",
        "longest step beside it (alone), s",
    )
    rows = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        rows += [measured(name, options.rounds, device, Path(folder)) for name in MODELS]
    where = torch.cuda.get_device_name() if device.type == "cuda" else "the CPU"
    TABLE.write_text(
        "# How long a training is held up by saving itself\n\n"
        f"A model on {where}, medians of {options.rounds} rounds. {machine()}; load average {before} at the "
        f"start, {load()} at the end.\nWritten by `benchmarks/checkpoints.py`.\n\n"
        + "\n".join(rows)
        + "\n"
    )
    print(TABLE.read_text())


if __name__ == "__main__":
    main()
