"""What goes through the rooms: an image, a metric and a job, station by station, each step checked.

A step from one station to the next holds because one module imports the other, because a third calls both,
because both name the same file, or because one starts the other's process.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.map.rooms import BAKEOFF, EXECUTOR, ROOT, connected, source, tree


@dataclass(frozen=True)
class Through:
    """A third module imports both."""

    module: str

    def holds(self, one: str, other: str) -> bool:
        """Whether it still does."""
        return connected(self.module, one) and connected(self.module, other)


@dataclass(frozen=True)
class SameName:
    """Both name the same file or variable, in code: a comment does not count."""

    name: str

    def holds(self, one: str, other: str) -> bool:
        """Whether they still do."""
        return all(self.name in words(file_of(station)) for station in (one, other))


@dataclass(frozen=True)
class Starts:
    """A line of a file starts the other's process: with its module, its command or its plugin."""

    file: str
    line: str

    def holds(self, one: str, other: str) -> bool:
        """Whether the line is there, and its last word leads to the other module."""
        text = (ROOT / self.file).read_text(encoding="utf-8")
        word = self.line.split()[-1].replace("-", "_")
        package = other.split(".")[0]
        return self.line in text and (package.endswith(f"_{word}") or word in words(file_of(other)))


Link = Through | SameName | Starts | None


@dataclass(frozen=True)
class Station:
    """A module on a way, what happens there, and how one gets to it; None: by an import."""

    module: str
    does: str
    link: Link = None


@dataclass(frozen=True)
class Way:
    """What goes through the code, from its first station to its last."""

    what: str
    stations: tuple[Station, ...]

    def steps(self) -> Iterator[tuple[Station, Station]]:
        """Each station with the next."""
        return zip(self.stations, self.stations[1:], strict=False)


def holds(one: Station, other: Station) -> bool:
    """Whether the code still leads from a station to the next."""
    if other.link is None:
        return connected(one.module, other.module)
    return other.link.holds(one.module, other.module)


def file_of(station: str) -> Path:
    """The file of a station, which is a module or a path."""
    return ROOT / station if "/" in station else source(station)


@cache
def words(file: Path) -> frozenset[str]:
    """The texts, attributes and definitions of a module's code; docstrings have spaces and match nothing."""
    if file.suffix != ".py":
        return frozenset(file.read_text(encoding="utf-8").split())
    found: set[str] = set()
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
    return frozenset(found)


IMAGE = Way(
    "an image",
    (
        Station(f"{BAKEOFF}.data.images", "a file becomes pixels, in colour and in grey"),
        Station(f"{BAKEOFF}.data.resizing", "pixels get the size that models see"),
        Station(f"{BAKEOFF}.data.pack", "every image, once, in one uint8 array"),
        Station(f"{BAKEOFF}.training.images", "the array on the device, cut into batches"),
        Station(
            f"{BAKEOFF}.training.augment",
            "a batch is cropped, flipped, rotated, recoloured",
            Through(f"{BAKEOFF}.training.step"),
        ),
        Station(f"{BAKEOFF}.training.step", "a step: batch, model, loss, gradient"),
        Station(f"{BAKEOFF}.models.registry", "the model, a function marked `@model`"),
        Station(
            f"{BAKEOFF}.task.losses",
            "logits become a loss and a score",
            Through(f"{BAKEOFF}.training.objective"),
        ),
        Station(f"{BAKEOFF}.inference.predict", "writes a score per image: predictions/*.csv"),
        Station(
            f"{BAKEOFF}.evaluation.metrics",
            "scores become metrics.json",
            SameName("predictions"),
        ),
        Station(f"{BAKEOFF}.evaluation.competitors", "runs side by side", SameName("metrics.json")),
        Station(f"{BAKEOFF}.evaluation.comparison", "writes comparison.csv"),
        Station(f"{BAKEOFF}.report.comparison_file", "reads it, of whichever version"),
        Station(f"{BAKEOFF}.report.evidence", "the results folder, read"),
        Station(f"{BAKEOFF}.report.document", "writes report.html"),
    ),
)

METRIC = Way(
    "a metric",
    (
        Station(f"{BAKEOFF}.training.outputs", "the loss, accuracy and AUROC of an epoch"),
        Station(f"{BAKEOFF}.training.loop", "ends the epoch"),
        Station(f"{BAKEOFF}.training.journalling", "writes it into the journal"),
        Station(f"{BAKEOFF}.tracking.journal.events", "the figures become an event"),
        Station(f"{BAKEOFF}.tracking.journal.deduplication", "drops duplicates"),
        Station(f"{BAKEOFF}.tracking.journal.journal", "appends it to journal.jsonl"),
        Station(f"{BAKEOFF}.tracking.delivery.sender", "a process that follows the journal"),
        Station(f"{BAKEOFF}.tracking.delivery.delivery", "takes what is new"),
        Station(f"{BAKEOFF}.tracking.delivery.cursor", "remembers what MLflow has"),
        Station(
            f"{BAKEOFF}.tracking.presentation.display_names",
            "the names that pages show",
            Through(f"{BAKEOFF}.tracking.delivery.delivery"),
        ),
        Station(f"{BAKEOFF}.tracking.batches", "requests that a server accepts"),
        Station(f"{BAKEOFF}.tracking.mlflow.store", "MLflow's client, imported here alone"),
        Station(f"{BAKEOFF}.tracking.delivery.experiment_page", "the experiment's page"),
        Station(f"{BAKEOFF}.tracking.presentation.views", "its columns and charts"),
    ),
)

JOB = Way(
    "a job",
    (
        Station("workflow/rules/train.smk", "a rule is ready"),
        Station(
            f"{EXECUTOR}.executor",
            "Snakemake hands it over",
            Starts("profiles/slurm/config.yaml", "executor: submitit"),
        ),
        Station(f"{EXECUTOR}.resources.sbatch_options", "its resources become sbatch options"),
        Station(
            f"{EXECUTOR}.partitions.choice",
            "which partitions it may go to",
            Through(f"{EXECUTOR}.submission.dispatch"),
        ),
        Station(f"{EXECUTOR}.submission.dispatch", "equal jobs go out as one array"),
        Station(f"{EXECUTOR}.registry.registry", "written down, to be found after a restart"),
        Station(
            f"{EXECUTOR}.backends.choice",
            "where it runs, by `--submitit-cluster`",
            Through(f"{EXECUTOR}.executor"),
        ),
        Station(f"{EXECUTOR}.backends.slurm", "it runs on SLURM"),
        Station(f"{EXECUTOR}.slurm.sbatch", "submits, with patience"),
        Station(
            f"{EXECUTOR}.job.worker",
            "on the node: starts the command, watches, decides",
            Through(f"{EXECUTOR}.backends.slurm"),
        ),
        Station(f"{EXECUTOR}.job.notice", "tells the command to save"),
        Station(f"{EXECUTOR}.job.heartbeat", "signs of life", Through(f"{EXECUTOR}.job.worker")),
        Station(f"{EXECUTOR}.records", "the outcome, as a file"),
        Station(f"{EXECUTOR}.monitoring.proof_of_end", "whether the job has ended"),
        Station(f"{EXECUTOR}.monitoring.watcher", "what became of it"),
        Station(f"{EXECUTOR}.executor", "tells Snakemake"),
    ),
)

WAYS = (IMAGE, METRIC, JOB)

MEETINGS = (
    (
        "workflow/rules/train.smk",
        f"{BAKEOFF}.cli.train",
        Starts("workflow/rules/train.smk", "bakeoff train"),
    ),
    (
        f"{EXECUTOR}.job.notice",
        f"{BAKEOFF}.training.stop",
        SameName("SNAKEMAKE_JOB_NOTICE"),
    ),
)
"""Where the houses meet, though neither imports the other: a command, and a file named in the environment."""
