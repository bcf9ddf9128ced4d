"""Training steps on a GPU against the course lab's loop, timm's loader, and the GPU's own peak.

    python -m benchmarks.gpu [--device cuda|cpu] [--small] [--minutes N]

All rows are of one process on one GPU. Steps are the product's own, over images that are resident, as
`bakeoff train` takes them: captured as a CUDA graph where there is a GPU, with outputs read 32 steps later. A
row is the median of repeats that each last a third of a second at least, after a warm-up. `--small` takes
small images and few steps, to try the script without a GPU.

Needs neither MLflow nor Snakemake. Writes benchmarks/gpu.md, unless it ran on a CPU.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image as Pil
from torch import Tensor, nn

from bakeoff.config.schema import Image, Training
from bakeoff.models.registry import Task, build
from bakeoff.task.binary import BinaryTask
from bakeoff.task.losses import loss_of
from bakeoff.training.cuda_graph import CapturedSteps
from bakeoff.training.distributed import AHEAD, World
from bakeoff.training.images import SplitImages, batches
from bakeoff.training.numerics import Numerics
from bakeoff.training.objective import Objective
from bakeoff.training.optimization import make_optimizer
from bakeoff.training.outputs import EpochOutputs
from bakeoff.training.randomness import make_deterministic, order
from bakeoff.training.step import Stepper
from benchmarks import lab5

TABLE = Path(__file__).with_suffix(".md")
REPEATS = 5


@dataclass
class Bench:
    """The device, the sizes, and what was measured so far."""

    device: torch.device
    small: bool
    until: float
    rows: list[str] = field(default_factory=list)

    @property
    def on_gpu(self) -> bool:
        """Whether there is something to measure."""
        return self.device.type == "cuda"

    def wait(self) -> None:
        """Return when the device has done all that was launched."""
        if self.on_gpu:
            torch.cuda.synchronize(self.device)

    def seconds(self, work: Callable[[], object]) -> float:
        """The median time of a call."""
        for _ in range(6):  # a graph is captured at the fourth
            work()
        self.wait()
        begun = time.perf_counter()
        work()
        self.wait()
        one = time.perf_counter() - begun
        calls = max(1, round(0.3 / max(one, 1e-6))) if self.on_gpu else 1
        taken = []
        for _ in range(REPEATS):
            begun = time.perf_counter()
            for _ in range(calls):
                work()
            self.wait()
            taken.append((time.perf_counter() - begun) / calls)
        return statistics.median(taken)

    def row(self, what: str, how: str, seconds: float, images: int, remark: str = "") -> float:
        """Note a step of `images`; returns images a second."""
        rate = images / seconds
        self.rows.append(f"| {what} | {how} | {seconds * 1e3:.3f} | {rate:.0f} | {remark} |")
        print(self.rows[-1], file=sys.stderr, flush=True)
        return rate

    def out_of_time(self) -> bool:
        """Whether another row may take longer than there is."""
        return time.monotonic() > self.until


def peak(bench: Bench, dtype: torch.dtype, *, tf32: bool = False) -> float:
    """Operations a second of the largest matrix product, measured."""
    torch.backends.cuda.matmul.allow_tf32 = tf32
    side = 8192 if bench.on_gpu else 256
    one, other = (torch.randn(side, side, device=bench.device, dtype=dtype) for _ in range(2))
    return 2 * side**3 / bench.seconds(lambda: one @ other)


def resident(count: int, size: int, device: torch.device) -> SplitImages:
    """Images of noise that lie on the device."""
    pixels = np.random.default_rng(0).integers(0, 256, (count, size, size), dtype=np.uint8)
    return SplitImages(
        names=[str(row) for row in range(count)],
        labels=(torch.arange(count) % 2).to(device),
        findings=torch.zeros(count, 0, device=device),
        device=device,
        digest="",
        _resident=torch.from_numpy(pixels).to(device),
        _packed=pixels,
        _rows=np.arange(count),
    )


def product_steps(
    bench: Bench,
    model: nn.Module,
    images: SplitImages,
    batch: int,
    numerics: Numerics,
    *,
    graph: bool,
) -> Callable[[], None]:
    """A function that takes the run's next step, as the training loop does."""
    numerics.set_products()
    objective = Objective(
        model.to(bench.device), loss_of(BinaryTask(), "cross_entropy"), numerics
    ).train()
    fused = numerics.precision == "bf16"
    optimizer = make_optimizer(objective.parameters(), Training(), fused=fused)
    captured = CapturedSteps() if graph and bench.on_gpu else None
    image = Image(size=images.side)
    stepper = Stepper(
        objective, objective, optimizer, image, 0, None, World(), bench.on_gpu, captured
    )
    rows = [part for part in batches(order(0, 1, len(images)), batch) if len(part) == batch]
    outputs, taken = EpochOutputs(), 0

    def take() -> None:
        nonlocal taken
        step = taken % len(rows)
        taken += 1
        launched = stepper.step(
            images, rows[step], epoch=1, step=step, lr=1e-4, stop_reason=lambda: None
        )
        outputs.expect(launched, AHEAD if bench.on_gpu else 0)

    return take


def conv_rows(bench: Bench, folder: Path) -> None:
    """The lab's network: its own loop, then ours."""
    size, count = (128, 32) if bench.small else (512, 600)
    files = 16 if bench.small else 200
    for number in range(files):
        noise = np.random.default_rng(number).integers(0, 256, (16, 16), dtype=np.uint8)
        side = 2 * size
        Pil.fromarray(noise).resize((side, side), Pil.Resampling.BICUBIC).save(
            folder / f"{number:03}.png"
        )
    labels = [number % 2 for number in range(files)]
    for batch in (4,) if bench.small else (4, 64):
        what = f"conv_bn, {size} pixels, batch {batch}"
        course = lab5.Training(folder, labels, files, size, batch, str(bench.device))
        del course.loaders["val"]
        torch.backends.cudnn.deterministic = True
        loop = bench.seconds(course.epoch) * batch / files
        theirs = bench.row(what, "Lab 5's loop from PNG", loop, batch)
        images = resident(count, size, bench.device)
        ways = [
            ("fp32, kernel by kernel", Numerics(), False),
            ("fp32", Numerics(), True),
            ("fp32, channels_last", Numerics("fp32", "channels_last"), True),
            ("tf32, channels_last", Numerics("tf32", "channels_last"), True),
            ("bf16, channels_last", Numerics("bf16", "channels_last"), True),
        ]
        for how, numerics, graph in ways:
            if bench.out_of_time():
                return
            make_deterministic(1, deterministic=True)
            torch.manual_seed(0)
            model = build("conv_bn", Task(size=size, outputs=2), {})
            step = product_steps(bench, model, images, batch, numerics, graph=graph)
            seconds = bench.seconds(step)
            bench.row(what, how, seconds, batch, f"{batch / seconds / theirs:.0f}x the lab's loop")


class TimmTraining:
    """A step of a model of timm from PNGs, by timm's loader and optimizer, in bf16 by autocast."""

    def __init__(
        self, folder: Path, count: int, size: int, batch: int, device: torch.device
    ) -> None:
        import timm
        from timm.data.dataset_factory import create_dataset
        from timm.data.loader import create_loader
        from timm.optim._optim_factory import create_optimizer_v2

        for label in range(2):
            (folder / f"class{label}").mkdir()
            for number in range(count // 2):
                noise = np.random.default_rng(number).integers(0, 256, (16, 16, 3), dtype=np.uint8)
                Pil.fromarray(noise).resize((size, size), Pil.Resampling.BICUBIC).save(
                    folder / f"class{label}/{number:03}.png"
                )
        self.device = device
        workers = min(8, len(os.sched_getaffinity(0)))
        self.loader = create_loader(
            create_dataset("", root=str(folder)),
            input_size=(3, size, size),
            batch_size=batch,
            is_training=True,
            num_workers=workers,
            use_prefetcher=device.type == "cuda",
            device=device,
        )
        model = timm.create_model("vit_base_patch16_224", num_classes=2, img_size=size)
        self.model = model.to(device).train()
        self.optimizer = create_optimizer_v2(self.model, opt="adamw", lr=1e-4)
        self.images = len(self.loader) * batch

    def epoch(self) -> None:
        """A pass over the images."""
        for images, labels in self.loader:
            inputs, truth = images.to(self.device), labels.to(self.device)
            self.optimizer.zero_grad()
            with torch.autocast(self.device.type, torch.bfloat16):
                logits = self.model(inputs)
            loss = F.cross_entropy(logits.float(), truth)
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimizer.step()


def operations(model: nn.Module, images: Tensor) -> float:
    """Of a training step, for one image: the forward's, and twice those for backward."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(images)
    return 3.0 * float(counter.get_total_flops())


def vit_rows(bench: Bench, folder: Path, best: float) -> None:
    """ViT-B/16 at 224 pixels: the share of the measured peak, and timm's own loop."""
    size = 64 if bench.small else 224
    options = {"depth": 2, "width": 48, "heads": 4} if bench.small else {}
    for batch in (4,) if bench.small else (64, 256):
        what = f"vit_b16, {size} pixels, batch {batch}"
        images = resident(2 * batch, size, bench.device)
        ways = [
            ("fp32", Numerics()),
            ("tf32", Numerics("tf32")),
            ("bf16", Numerics("bf16")),
            ("bf16, compiled", Numerics("bf16", compiled=True)),
        ]
        for how, numerics in ways[:3] if bench.small else ways:
            if bench.out_of_time():
                return
            make_deterministic(1, deterministic=True)
            torch.manual_seed(0)
            model = build("vit_b16", Task(size=size, outputs=2), options).to(bench.device)
            each = operations(model, torch.rand(1, 1, size, size, device=bench.device))
            step = product_steps(bench, model, images, batch, numerics, graph=True)
            seconds = bench.seconds(step)
            reached = each * batch / seconds
            remark = f"{reached / 1e12:.1f} TFLOP/s, {reached / best:.0%} of the bf16 peak"
            bench.row(what, how, seconds, batch, remark)
            del step, model
    if not bench.small:
        theirs = TimmTraining(folder, 256, size, 64, bench.device)
        seconds = bench.seconds(theirs.epoch) * 64 / theirs.images
        bench.row(f"vit_base_patch16_224, {size} pixels, batch 64", "timm's loader", seconds, 64)


def main() -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--minutes", type=float, default=8.0)
    given = parser.parse_args()
    until = time.monotonic() + 60 * given.minutes
    bench = Bench(torch.device(given.device), given.small, until)
    name = torch.cuda.get_device_name() if bench.on_gpu else "a CPU, which is not what this is for"
    # Graphs are captured on no default stream.
    stream = torch.cuda.Stream() if bench.on_gpu else None  # type: ignore[no-untyped-call]
    with torch.cuda.stream(stream), tempfile.TemporaryDirectory() as temporary:
        best = peak(bench, torch.bfloat16)
        peaks = (
            f"{best / 1e12:.0f} TFLOP/s in bf16, {peak(bench, torch.float32) / 1e12:.1f} in fp32"
        )
        for part, rows in (("conv", conv_rows), ("vit", lambda b, f: vit_rows(b, f, best))):
            folder = Path(temporary) / part
            folder.mkdir()
            rows(bench, folder)
    text = (
        "# Training steps on a GPU\n\n"
        f"{name}, torch {torch.__version__}; the largest matrix product reaches {peaks}.\n"
        "Written by `benchmarks/gpu.py`, which says what each row is.\n\n"
        "| what | how | ms a step | images/s | |\n|---|---|---|---|---|\n"
        + "\n".join(bench.rows)
        + "\n"
    )
    print(text)
    if bench.on_gpu:
        TABLE.write_text(text)


if __name__ == "__main__":
    main()
