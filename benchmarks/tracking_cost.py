"""What tracking costs: `python benchmarks/tracking_cost.py [--epoch-seconds S]` prints a table.

- Journalling one epoch (9 metrics, and the checkpoint of conv_bn by path and SHA-256), flushed to
  the disk, as a share of an epoch of conv_bn on 600 images: wanted under 0.5 %.
- Requests for 100 runs x 100 epochs x 10 metrics into a real server, beside one `log_metric` for
  each value: wanted at most a tenth.
- A checkpoint of 350 MB: how often it is uploaded by two syncs, and the time that takes.
"""

import argparse
import os
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from statistics import median
from urllib.request import urlopen

from bakeoff.tracking.address import Address
from bakeoff.tracking.journal import Journal
from bakeoff.tracking.server import server_command
from bakeoff.tracking.sync import sync

COLUMNS = ("train_loss", "train_acc", "train_auc", "val_loss", "val_acc", "val_auc", "lr", "s", "x")
CONV_BN_CHECKPOINT = 4_730_000  # bytes: 393,826 parameters, and AdamW's two moments of each
RUNS, EPOCHS, METRICS = 100, 100, 10


def start_server(folder: Path) -> tuple[subprocess.Popen[bytes], str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    store = Address(f"sqlite:///{folder}/server.db")
    command = server_command(store, folder / "artifacts", port=port, workers=1)
    process = command.start(folder / "server.log")
    while True:
        try:
            with urlopen(f"{command.url}/health", timeout=1):
                return process, command.url
        except OSError:
            time.sleep(0.2)


def journal_epoch(folder: Path, epochs: int = 50) -> list[float]:
    """Seconds that each epoch's journalling takes."""
    journal = Journal.start(folder, "cost", "conv_bn", 0, "digest")
    checkpoint = folder / "last.ckpt"
    seconds = []
    for epoch in range(1, epochs + 1):
        checkpoint.write_bytes(os.urandom(CONV_BN_CHECKPOINT))
        begun = time.perf_counter()
        journal.metrics(epoch, dict.fromkeys(COLUMNS, 0.123456789 + epoch))
        journal.artifact("last.ckpt")
        seconds.append(time.perf_counter() - begun)
    return seconds


def write_runs(results: Path) -> None:
    for number in range(RUNS):
        folder = results / f"runs/variant-{number // 10}/seed-{number % 10}"
        journal = Journal.start(folder, "cost", folder.parent.name, number % 10, "digest")
        with journal:
            journal.params({"variant": number // 10, "seed": number % 10})
            for epoch in range(1, EPOCHS + 1):
                values = {f"metric_{key}": number + epoch / (key + 1) for key in range(METRICS)}
                journal.metrics(epoch, values)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--epoch-seconds", type=float, help="of conv_bn on 600 images, measured")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        room = Path(name)
        seconds = journal_epoch(room / "journal")
        line = f"journalling an epoch: median {median(seconds) * 1e3:.1f} ms"
        line += f", longest {max(seconds) * 1e3:.1f} ms"
        if options.epoch_seconds:
            line += f" ({median(seconds) / options.epoch_seconds:.3%} of the epoch)"
        print(line, flush=True)

        process, url = start_server(room)
        log = room / "server.log"
        try:
            write_runs(room / "cost")
            before = log.read_text().count('HTTP/1.1"')
            begun = time.perf_counter()
            sync(room / "cost", url, "cost")
            took = time.perf_counter() - begun
            requests = log.read_text().count('HTTP/1.1"') - before
            values = RUNS * EPOCHS * METRICS
            print(
                f"{values} values of {RUNS} runs: {requests} requests in {took:.1f} s, "
                f"1/{values / requests:.0f} of one log_metric for each",
                flush=True,
            )
            folder = room / "large/runs/vit/seed-0"
            with Journal.start(folder, "large", "vit", 0, "digest") as journal:
                journal.metrics(1, {"val_auc": 0.5})
                with (folder / "best.safetensors").open("wb") as stream:
                    for _ in range(350):
                        stream.write(os.urandom(1_000_000))
                journal.artifact("best.safetensors")
            for round_ in (1, 2):
                begun = time.perf_counter()
                sync(room / "large", url, "large")
                uploads = log.read_text().count("best.safetensors HTTP")
                took = time.perf_counter() - begun
                print(f"350 MB checkpoint, sync {round_}: {uploads} upload(s), {took:.1f} s")
        finally:
            process.terminate()
            process.wait()


if __name__ == "__main__":
    main()
