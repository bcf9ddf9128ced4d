"""Whether a tracking server that fails slows training down.

    python -m benchmarks.tracking_disturbance [--rounds N] [--epochs N]

Trains conv_bn on 600 images of 128 pixels as `bakeoff train` does, while the server is healthy (the
control), away, stopped as if it hung, slow (awake a twentieth of the time), and out of disk. The states
take turns within each round, so that other work on the machine meets them all. Beside the wall clock
it counts what does not depend on that other work: the processor time of the training process, and the
time that it was blocked: neither running nor waiting for a processor, but for a disk or another process.

Writes benchmarks/tracking_disturbance.md.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psutil
import yaml

from benchmarks.load import load, machine
from benchmarks.phantoms import bake_off
from tests.tracking.conftest import Server

TABLE = Path(__file__).with_suffix(".md")
CONTROL = "healthy"


@dataclass(frozen=True)
class Seconds:
    """What one training took."""

    processor: float
    blocked: float
    wall: float


@contextmanager
def hung(server: Server) -> Iterator[None]:
    server.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        server.signal(signal.SIGCONT)


@contextmanager
def slow(server: Server) -> Iterator[None]:
    ended = threading.Event()

    def doze() -> None:
        while not ended.wait(0.05):
            with hung(server):
                time.sleep(0.95)

    thread = threading.Thread(target=doze)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


STATES: dict[str, Callable[[Server], AbstractContextManager[None]]] = {
    CONTROL: lambda _: nullcontext(),
    "away": lambda _: nullcontext(),
    "hung": hung,
    "slow": slow,
    "disk full": lambda server: server.full_disk(),
}


def train(config: Path, uri: str) -> Seconds:
    """Train in a process of its own; its sender is ended with it."""
    command = [sys.executable, "-m", "bakeoff", "train", "--config", str(config)]
    command += ["--variant", "conv_bn", "--seed", "0"]
    begun = time.monotonic()
    process = subprocess.Popen(
        command, env=os.environ | {"MLFLOW_TRACKING_URI": uri}, stdout=subprocess.DEVNULL
    )
    ran = waited = 0
    senders: set[psutil.Process] = set()
    while process.poll() is None:
        with suppress(OSError, ValueError, psutil.Error):
            # Nanoseconds on a processor, and in the queue for one.
            ran, waited, _ = map(int, Path(f"/proc/{process.pid}/schedstat").read_text().split())
            senders.update(psutil.Process(process.pid).children())
        time.sleep(0.02)
    wall = time.monotonic() - begun
    assert process.returncode == 0
    for sender in senders:
        with suppress(psutil.Error):
            sender.kill()
    return Seconds(ran / 1e9, wall - (ran + waited) / 1e9, wall)


def one(room: Path, source: Path, state: str, server: Server, number: int, epochs: int) -> Seconds:
    experiment = f"{state.replace(' ', '-')}-{number}"
    results = room / "results" / experiment
    results.mkdir(parents=True)
    for part in ("splits", "packed"):
        (results / part).symlink_to(source / part)
    config = room / f"{experiment}.yaml"
    values = yaml.safe_load((room / "config.yaml").read_text())
    values |= {"experiment": experiment, "tracking": {"live": True}}
    config.write_text(yaml.safe_dump(values))
    uri = "http://127.0.0.1:9" if state == "away" else server.url  # the port of nobody
    with STATES[state](server):
        return train(config, uri)


def table(taken: dict[str, list[Seconds]]) -> str:
    rows = [
        "| server | processor, s | of healthy | blocked, s | wall clock, s | of healthy |",
        "|---|---|---|---|---|---|",
    ]
    control = taken[CONTROL]
    for state, runs in taken.items():
        # Each round's own ratio: a round's runs stood beside the same other work.
        pairs = list(zip(runs, control, strict=True))
        processor = median(run.processor / other.processor for run, other in pairs)
        wall = median(run.wall / other.wall for run, other in pairs)
        rows.append(
            f"| {state} | {median(r.processor for r in runs):.2f} | {processor:.3f} "
            f"| {median(r.blocked for r in runs):.2f} | {median(r.wall for r in runs):.1f} "
            f"| {wall:.2f} |"
        )
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=10)
    options = parser.parse_args()
    taken: dict[str, list[Seconds]] = {state: [] for state in STATES}
    with tempfile.TemporaryDirectory() as name:
        room, before = Path(name), load()
        experiment, layout = bake_off(room, size=128, batch_size=16, epochs=options.epochs)
        values = {
            "results": str(room / "results"),
            "data": experiment.data.model_dump(mode="json", exclude_defaults=True),
            "image": {"size": 128},
            "training": {"epochs": options.epochs, "batch_size": 16, "lr": 1e-3},
            "variants": {"conv_bn": {"model": "conv", "norm": "batch"}},
        }
        (room / "config.yaml").write_text(yaml.safe_dump(values))
        server = Server(room)
        server.start()
        try:
            for number in range(options.rounds):
                states = list(STATES)
                for state in states[number % len(states) :] + states[: number % len(states)]:
                    taken[state].append(
                        one(room, layout.root, state, server, number, options.epochs)
                    )
                    print(number, state, taken[state][-1], flush=True)
        finally:
            server.kill()
    TABLE.write_text(
        "# Training beside a tracking server that fails\n\n"
        f"conv_bn, {options.epochs} epochs of 600 images of 128 pixels; medians of "
        f"{options.rounds} rounds in which the states took turns.\n{machine()}; load average "
        f"{before} at the start, {load()} at the end. Written by\n"
        "`benchmarks/tracking_disturbance.py`, which says what is counted.\n\n"
        + table(taken)
        + "\n"
    )
    print(TABLE.read_text())


if __name__ == "__main__":
    main()
