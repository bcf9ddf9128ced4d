"""What tracking costs a training run, the network and the server.

    python -m benchmarks.tracking_cost

- Journalling as a share of an epoch of conv_bn on 600 images, at the demo's and the default size;
  wanted under 0.5 %. Processor time, because other work on the machine makes clocks wait.
- Requests for 100 runs x 100 epochs x 10 metrics into a real server, beside one `log_metric` for
  each value: wanted at most a tenth.
- A checkpoint of 350 MB whose run is sent three times: wanted one upload.

Writes benchmarks/tracking_cost.md.
"""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import median

from bakeoff.tracking.delivery.sync import sync
from bakeoff.tracking.journal.journal import Journal
from bakeoff.training.train import train
from benchmarks.load import load, machine
from benchmarks.phantoms import bake_off
from tests.tracking.conftest import Server

TABLE = Path(__file__).with_suffix(".md")
RUNS, EPOCHS, METRICS = 100, 100, 10
SIZES = {128: (16, 12), 512: (4, 3)}  # pixels: batch size of the demo and of Lab 5, epochs to time


@dataclass
class Clock:
    """Processor and wall-clock seconds of the calls of a function, and from one call to the next."""

    function: Callable[..., None]
    processor: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)
    called: list[float] = field(default_factory=list)

    def __call__(self, *arguments: object, **options: object) -> None:
        begun, processor = time.perf_counter(), time.process_time()
        self.function(*arguments, **options)
        self.called.append(processor)
        self.processor.append(time.process_time() - processor)
        self.wall.append(time.perf_counter() - begun)

    @property
    def between(self) -> float:
        """The median processor time from one call to the next."""
        return median(later - earlier for earlier, later in pairwise(self.called))


def journalling(room: Path, size: int) -> str:
    """A row: journalling in a real training of conv_bn, epoch by epoch."""
    batch_size, epochs = SIZES[size]
    experiment, layout = bake_off(room, size=size, batch_size=batch_size, epochs=epochs)
    clock = Clock(Journal.metrics)
    Journal.metrics = lambda *arguments, **options: clock(*arguments, **options)  # type: ignore[method-assign]
    try:
        with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
            train(experiment, experiment.run("conv_bn", 0), layout)
    finally:
        Journal.metrics = clock.function  # type: ignore[method-assign]
    epoch, usual, longest = clock.between, median(clock.processor), max(clock.processor)
    return (
        f"| {size} pixels, batches of {batch_size} | {epoch:.2f} s | {usual * 1e3:.2f} ms "
        f"| **{usual / epoch:.3%}** | {longest * 1e3:.2f} ms | {median(clock.wall) * 1e3:.1f} ms |"
    )


def requests(room: Path, server: Server) -> str:
    for number in range(RUNS):
        folder = room / f"cost/runs/variant-{number // 10}/seed-{number % 10}"
        journal = Journal.start(folder, "cost", folder.parent.name, number % 10, "digest")
        with journal:
            journal.params({"variant": number // 10, "seed": number % 10})
            for epoch in range(1, EPOCHS + 1):
                values = {f"metric_{key}": number + epoch / (key + 1) for key in range(METRICS)}
                journal.metrics(epoch, values)
    before, begun = server.requests('HTTP/1.1"'), time.perf_counter()
    sync(room / "cost", server.url, "cost")
    asked = server.requests('HTTP/1.1"') - before
    values = RUNS * EPOCHS * METRICS
    return (
        f"{values:,} values of {RUNS} runs: {asked:,} requests, 1/{values / asked:.0f} of one "
        f"`log_metric` for each, in {time.perf_counter() - begun:.0f} s."
    )


def uploads(room: Path, server: Server) -> str:
    """A checkpoint of 350 MB: sent while it trains, when it was touched, when the run has ended."""
    folder = room / "large/runs/vit/seed-0"
    kept = folder / "checkpoints/best.safetensors"
    kept.parent.mkdir(parents=True)
    with kept.open("wb") as stream:
        for _ in range(350):
            stream.write(os.urandom(1_000_000))
    seconds = []
    with Journal.start(folder, "large", "vit", 0, "digest") as journal:
        journal.metrics(1, {"val_auc": 0.5}, files=["checkpoints/best.safetensors"])
        for _ in range(2):
            begun = time.perf_counter()
            sync(room / "large", server.url, "large")
            seconds.append(time.perf_counter() - begun)
            kept.touch()
    (folder / "best.safetensors").hardlink_to(kept)  # as training publishes it
    sync(room / "large", server.url, "large")
    count = server.requests("best.safetensors HTTP")
    return (
        f"A checkpoint of 350 MB, synced three times (new, touched, published under its second "
        f"name): {count} upload; {seconds[0]:.1f} s, then {seconds[1]:.1f} s."
    )


@contextmanager
def running(folder: Path) -> Iterator[Server]:
    server = Server(folder)
    server.start()
    try:
        yield server
    finally:
        server.kill()


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        room, before = Path(name), load()
        rows = [journalling(room / str(size), size) for size in SIZES]
        with running(room) as server:
            counted = [requests(room, server), uploads(room, server)]
        TABLE.write_text(
            "# What tracking costs\n\n"
            f"{machine()}; load average {before} at the start, {load()} at the end. The server "
            "has one worker over SQLite.\nWritten by `benchmarks/tracking_cost.py`.\n\n"
            "| conv_bn on 600 images | epoch, processor time | journalling it, processor time | "
            "share | longest | wall clock |\n|---|---|---|---|---|---|\n"
            + "\n".join(rows)
            + "\n\nAn epoch that found new best weights takes their SHA-256 in that time. Wall clock "
            "is with waiting for the disk\nand for a processor.\n\n" + "\n\n".join(counted) + "\n"
        )
    print(TABLE.read_text())


if __name__ == "__main__":
    main()
