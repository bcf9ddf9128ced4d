"""What a bake-off costs as it grows: in images, in runs.

    python -m benchmarks.scaling [--images N ...] [--runs N ...] [--planned N ...]

* the table: `bakeoff plan` and `bakeoff split` of that many images, several of a patient, as many patients
  an image as ChestX-ray14 has; images of 32 pixels, so that decoding, which `split` does, hardly counts;
* the runs: conv at 96 pixels is trained and evaluated that often, ten seeds of a variant, on 200 test
  images; then `bakeoff status`, `compare` and `report`, and what lies in the folders;
* MLflow: these runs sent to a server over SQLite, and the rows that it has then;
* Snakemake: a dry run of that many runs.

Processor time and peak memory of each command in a process of its own. Writes benchmarks/scaling.md; what
follows from it is in docs/scaling.md.
"""

import argparse
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from benchmarks.load import load, machine
from benchmarks.startup_planning import bakeoff, compiled
from tests.tracking.conftest import Server

TABLE = Path(__file__).with_suffix(".md")
SEEDS, EPOCHS, TEST = 10, 5, 200
IMAGES_OF_A_PATIENT = 112_120 / 30_805  # ChestX-ray14
LINKS = 30_000  # of one file: a file system takes no more than 32,000 or 65,000

LABELLED = """
experiment: labelled
data:
  labels: labels.csv
  images: images
  image_column: image
  patient_column: patient
  label_column: label
  negative: ["No"]
  positive: ["Yes"]
image: {size: 224}
split: {train: TRAIN, val: REST, test: REST}
variants: {conv: {model: conv}}
"""
TRAINED = f"""
experiment: trained
data:
  source: synthetic
  labels: data/sample_labels.csv
  images: data/images
  synthetic: {{images: 300, size: 96, seed: 0}}
split: {{train: 60, val: 40, test: {TEST}, seed: 0}}
image: {{size: 96}}
training: {{epochs: {EPOCHS}, batch_size: 20, seeds: {list(range(SEEDS))}, checkpoint: {{every: 3600}}}}
tracking: {{live: false}}
variants:
  conv: {{model: conv, grid: {{training.lr: RATES}}}}
"""
EVALUATED = """
from pathlib import Path
from bakeoff.cli.options import load_one
from bakeoff.evaluation.looks import record_look
from bakeoff.evaluation.metrics import evaluate_predictions
from bakeoff.inference.predict import predict
from bakeoff.training.train import train
experiment, layout = load_one((Path("trained.yaml"),), ())
for run in experiment.runs():
    train(experiment, run, layout)
    predict(experiment, run, layout)
    evaluate_predictions(layout.run(run.variant.name, run.seed).path, experiment.task)
    record_look(experiment, run, layout)
"""
MEASURED = """
import atexit, re, runpy, sys
from pathlib import Path
peak, sys.argv = sys.argv[1], sys.argv[2:]
found = lambda: re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]
atexit.register(lambda: Path(peak).write_text(found()))
sys.path.insert(0, "")
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""
"""A command that says its own peak of memory: what its parent is told contains the parent's."""


@dataclass(frozen=True)
class Cost:
    """Of a command: seconds of a processor, and its largest memory in MB."""

    seconds: float
    memory: float

    def __str__(self) -> str:
        return f"{self.seconds:.1f} s, {self.memory:.0f} MB"


def cost(folder: Path, module: str, *arguments: str) -> Cost:
    """Run a module as a command to its end in a folder."""
    said, peak = folder / "command.log", folder / "peak.txt"
    command = [sys.executable, "-c", MEASURED, str(peak), module, *arguments]
    with said.open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=compiled(), stdout=log, stderr=log)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{module} {' '.join(arguments)}:\n{said.read_text()}")
    return Cost(used.ru_utime + used.ru_stime, int(peak.read_text()) / 1024)


def stage(name: str, folder: Path, config: str, *more: str) -> Cost:
    """A stage by itself."""
    return cost(folder, "bakeoff", name, "--config", config, *more)


def table_of(folder: Path, images: int) -> str:
    """A row: what the table of so many images costs."""
    (folder / "images").mkdir(parents=True)
    lines = ["image,patient,label"]
    for number in range(images):
        file = folder / f"images/{number:06}.png"
        if number % LINKS == 0:
            first = file
            Image.new("L", (32, 32), number % 251).save(file)
        else:
            file.hardlink_to(first)
        patient = int(number / IMAGES_OF_A_PATIENT)
        lines.append(f"{file.name},{patient},{'Yes' if (number * 7919) % 10 < 4 else 'No'}")
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")
    shares = LABELLED.replace("TRAIN", str(images // 2)).replace("REST", str(images // 5))
    (folder / "labelled.yaml").write_text(shares)
    told, split = (stage(name, folder, "labelled.yaml") for name in ("plan", "split"))
    return f"| {images:,} | {told} | {split} |"


def files_of(folder: Path) -> tuple[int, int]:
    """How many files lie below a folder, and their bytes."""
    files = [file for file in folder.rglob("*") if file.is_file()]
    return len(files), sum(file.stat().st_size for file in files)


def trained(folder: Path, runs: int) -> tuple[str, str]:
    """Two rows: stages over so many runs, and MLflow with them."""
    folder.mkdir()
    rates = [float(f"{rate + 1}e-4") for rate in range(runs // SEEDS)]
    (folder / "trained.yaml").write_text(TRAINED.replace("RATES", str(rates)))
    for name, *more in (("synthesize",), ("split",), ("pack", "--size", "96")):
        stage(name, folder, "trained.yaml", *more)
    (folder / "evaluated.py").write_text(EVALUATED)
    cost(folder, "evaluated")
    made = [stage(name, folder, "trained.yaml") for name in ("status", "compare", "report")]
    results = folder / "results/trained"
    files, size = files_of(results / "runs")
    report = (results / "report.html").stat().st_size
    shown = " | ".join(map(str, made))
    stages = (
        f"| {runs:,} | {shown} | {report / 1e6:.1f} MB | {files / runs:.0f} | "
        f"{size / runs / 1e3:.0f} kB |"
    )
    return stages, stored(folder, runs)


def stored(folder: Path, runs: int) -> str:
    """A row: what sending the runs takes, and what the server has then."""
    (folder / "server").mkdir()
    server = Server(folder / "server")
    server.start()
    try:
        sent = stage("sync", folder, "trained.yaml", "--set", f"tracking.uri={server.url}")
        log = (folder / "server/server.log").read_text()
    finally:
        server.kill()
    database = folder / "server/server.db"
    with sqlite3.connect(database) as store:
        counted = [
            store.execute(f"SELECT count(*) FROM {name}").fetchone()[0]
            for name in ("metrics", "params", "tags")
        ]
        each_epoch = store.execute(
            "SELECT count(DISTINCT key) FROM metrics WHERE step > 1 AND step < ?", (EPOCHS,)
        ).fetchone()[0]
    artifacts, size = files_of(folder / "server/artifacts")
    rows = " | ".join(f"{count / runs:.0f}" for count in counted)
    asked = log.count("HTTP/1") / runs
    return (
        f"| {runs:,} | {sent} | {asked:.0f} | {rows} | {each_epoch} | {artifacts / runs:.0f} | "
        f"{size / runs / 1e3:.0f} kB | {database.stat().st_size / runs / 1e3:.0f} kB |"
    )


def planning(folder: Path, runs: int) -> str:
    """A row: a dry run."""
    folder.mkdir()
    one = bakeoff(folder, runs)
    return f"| {runs:,} | {cost(folder, 'snakemake', *one.options, '-n', '--quiet')} |"


def section(title: str, columns: str, rows: Iterable[str]) -> list[str]:
    """A table with its title."""
    return ["", f"{title}:", "", columns, "|" + "---|" * (columns.count("|") - 1), *rows]


def main() -> None:
    """Measure and write the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--images", type=int, nargs="*", default=[1_000, 10_000, 112_120])
    parser.add_argument("--runs", type=int, nargs="*", default=[10, 100, 500])
    parser.add_argument("--planned", type=int, nargs="*", default=[10, 100, 1_000, 10_000])
    given = parser.parse_args()
    before = load()
    with tempfile.TemporaryDirectory() as name:
        room = Path(name)
        tables = [table_of(room / f"images-{count}", count) for count in given.images]
        planned = [planning(room / f"planned-{count}", count) for count in given.planned]
        over_runs = [trained(room / f"runs-{count}", count) for count in given.runs]
    stages, server = ([rows[at] for rows in over_runs] for at in (0, 1))
    lines = [
        *section(
            "The table of labels, with images of 32 pixels",
            "| images | `bakeoff plan` | `bakeoff split` |",
            tables,
        ),
        *section("A dry run of `snakemake`", "| runs | |", planned),
        *section(
            f"Runs that were evaluated on {TEST} images",
            "| runs | `bakeoff status` | `bakeoff compare` | `bakeoff report` | its file | files a run | |",
            stages,
        ),
        *section(
            f"The same in MLflow, {EPOCHS} epochs each",
            "| runs | `bakeoff sync` | requests a run | metric rows | parameters | tags | "
            "metrics each epoch | artifacts a run | | database, a run |",
            server,
        ),
    ]
    TABLE.write_text(
        "# What a bake-off costs as it grows\n\n"
        f"Seconds of a processor and peak memory. {machine()}; load average {before} at the start, "
        f"{load()} at the end.\nWritten by `benchmarks/scaling.py`, which says what is measured.\n"
        + "\n".join(lines)
        + "\n"
    )
    print(TABLE.read_text())


if __name__ == "__main__":
    main()
