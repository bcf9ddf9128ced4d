"""What a step of prompt tuning costs, beside fine-tuning the whole of the same ViT and its head alone.

    python -m benchmarks.prompt_tuning [--size S|B] [--batch N] [--rounds N] [--device cpu|cuda]

Steps of the product's own objective and AdamW, in deterministic mode, on images of 224 pixels; ten prompts.
The rows take turns in each round; a ratio is the median of those within a round. On the CPU the time is
this process's own, on one thread, so that other work on the machine counts little.

Writes benchmarks/prompt_tuning.md.
"""

import argparse
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn

from bakeoff.config.schema import Training
from bakeoff.models.registry import Targets, Task, build
from bakeoff.training.optimization import make_optimizer
from bakeoff.training.randomness import make_deterministic
from benchmarks.load import load, machine
from tests.models.saved import saved_bytes

TABLE = Path(__file__).with_suffix(".md")
SIDE = 224
SIZES: dict[str, dict[str, Any]] = {"S": {"width": 384, "heads": 6}, "B": {}}
WHOLE = "all of it"
ROWS: dict[str, tuple[str, dict[str, Any]]] = {
    WHOLE: ("vit_b16", {}),
    "10 prompts, shallow": ("vpt_shallow", {"prompts": 10}),
    "10 prompts, deep": ("vpt_deep", {"prompts": 10}),
    "the head alone": ("vit_b16", {"train": "head"}),
}


@dataclass
class Row:
    """A way to train, with what its steps took."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    forward: list[float] = field(default_factory=list)  # seconds
    backward: list[float] = field(default_factory=list)
    update: list[float] = field(default_factory=list)

    def step(self, images: Tensor, targets: Targets) -> None:
        """Take a step, and note what each of its parts took."""
        self.optimizer.zero_grad(set_to_none=True)
        times = [_now(images.device)]
        loss = nn.functional.cross_entropy(self.model(images), targets.labels)
        times.append(_now(images.device))
        loss.backward()  # type: ignore[no-untyped-call]
        times.append(_now(images.device))
        self.optimizer.step()
        times.append(_now(images.device))
        for part, begun, ended in zip(
            (self.forward, self.backward, self.update), times[:-1], times[1:], strict=True
        ):
            part.append(ended - begun)

    @property
    def steps(self) -> list[float]:
        """Seconds of each step but the first, in which memory is allocated and kernels are chosen."""
        return [sum(each) for each in zip(self.forward, self.backward, self.update, strict=True)][
            1:
        ]

    @property
    def trainable(self) -> int:
        """How many weights train."""
        return sum(p.numel() for p in self.model.parameters() if p.requires_grad)


def main() -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=sorted(SIZES), default="S")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    asked = parser.parse_args()
    make_deterministic(1, deterministic=True)
    before, device = load(), torch.device(asked.device)
    images = torch.rand(asked.batch, 3, SIDE, SIDE, device=device)
    labels = torch.arange(asked.batch, device=device) % 2
    targets = Targets(labels, torch.zeros(asked.batch, 0, device=device))
    rows = {name: _row(*made, SIZES[asked.size], device) for name, made in ROWS.items()}
    for _ in range(asked.rounds + 1):
        for row in rows.values():
            row.step(images, targets)
    where = torch.cuda.get_device_name(device) if device.type == "cuda" else "one core"
    lines = [
        "# What prompt tuning costs\n",
        f"ViT-{asked.size}/16 at {SIDE} pixels, batches of {asked.batch}, fp32, deterministic, AdamW, "
        f"{where}; medians of {asked.rounds} rounds in turn. {machine()}; load average {before} at the "
        f"start, {load()} at the end.",
        "Written by `benchmarks/prompt_tuning.py`.\n",
        "| what trains | weights that train | forward, backward, update, in ms | a step against all of it | "
        "kept for the backward pass |",
        "|---|---|---|---|---|",
        *(_line(name, row, rows[WHOLE], images) for name, row in rows.items()),
    ]
    TABLE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(TABLE.read_text())


def _row(model: str, options: dict[str, Any], size: dict[str, Any], device: torch.device) -> Row:
    torch.manual_seed(0)
    made = build(model, Task(channels=3, size=SIDE, outputs=2), {**size, **options}).to(device)
    return Row(made.train(), make_optimizer(made.parameters(), Training()))


def _line(name: str, row: Row, whole: Row, images: Tensor) -> str:
    parts = ", ".join(
        f"{1000 * median(part[1:]):.0f}" for part in (row.forward, row.backward, row.update)
    )
    ratio = median(a / b for a, b in zip(whole.steps, row.steps, strict=True))
    kept = saved_bytes(row.model, images) / 1e6
    return f"| {name} | {row.trainable:,} | {parts} | {ratio:.2f}x | {kept:.0f} MB |"


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        return time.perf_counter()
    return time.process_time()


if __name__ == "__main__":
    main()
