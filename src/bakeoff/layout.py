"""The layout of the results folder: results/<experiment>/ and below."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

SplitName = Literal["train", "val", "test"]

IMAGE, PATIENT = "Image Index", "Patient ID"
"""The first columns of every table of predictions, whatever the user's table calls them."""

MANIFEST = "synthesis.json"
"""The file by which a folder of synthetic images is known."""


@dataclass(frozen=True)
class RunFolder:
    """The files of one training run."""

    path: Path

    @property
    def run_json(self) -> Path:
        """The resolved config and provenance."""
        return self.path / "run.json"

    @property
    def config(self) -> Path:
        """The configuration of this run alone, every default filled in."""
        return self.path / "config.yaml"

    @property
    def history(self) -> Path:
        """A row per epoch."""
        return self.path / "history.csv"

    @property
    def best(self) -> Path:
        """The weights of the epoch that training.select_on names, the best on validation."""
        return self.path / "best.safetensors"

    @property
    def checkpoints(self) -> Path:
        """The checkpoints. Never declared to Snakemake, which deletes declared outputs."""
        return self.path / "checkpoints"

    @property
    def inference(self) -> Path:
        """What applying the model took, as `evaluate` measured it. Never declared to Snakemake.

        Results of earlier versions have none, and are not evaluated again for it.
        """
        return self.path / "inference.json"

    @property
    def pictures(self) -> Path:
        """The index of the pictures beside it."""
        return self.path / "figures" / "index.json"

    @property
    def lock(self) -> Path:
        """The lock of the process that trains; its time is the heartbeat."""
        return self.checkpoints / "lock"

    @property
    def accepted(self) -> Path:
        """Which digests of later code count as the one that the run was trained under, if any do."""
        return self.path / "accepted.json"

    def predictions(self, split: SplitName) -> Path:
        """A row per image of `val` or `test`."""
        return self.path / "predictions" / f"{split}.csv"


@dataclass(frozen=True)
class PretrainingFolder(RunFolder):
    """The files of one pretraining: run.json, history.csv, weights.safetensors, checkpoints/."""

    @property
    def best(self) -> Path:
        """The weights of the last epoch, without the head, from which variants start."""
        return self.path / "weights.safetensors"

    @property
    def packed(self) -> Path:
        """The folder of images.npy and index.csv of a pretraining on unlabelled images."""
        return self.path / "packed"


@dataclass(frozen=True)
class Layout:
    """The files of one experiment."""

    root: Path

    @property
    def splits(self) -> Path:
        """The folder of train.csv, val.csv, test.csv and audit.json."""
        return self.root / "splits"

    @property
    def audit(self) -> Path:
        """What is known of the splits: their task, patients, leaks."""
        return self.splits / "audit.json"

    def split(self, name: SplitName) -> Path:
        """The rows of one split."""
        return self.splits / f"{name}.csv"

    def packed(self, size: int, kind: str = "") -> Path:
        """The folder of images.npy and index.csv at `size` pixels; `kind` as `Packing` has it."""
        return self.root / "packed" / f"size-{size}{kind}"

    def run(self, variant: str, seed: int) -> RunFolder:
        """The folder of one training run."""
        return RunFolder(self.root / "runs" / variant / f"seed-{seed}")

    def train_pack(self, number: int) -> Path:
        """How each run of a job that trains several ended."""
        return self.root / "train_packs" / f"{number}.json"

    def pretraining(self, name: str) -> PretrainingFolder:
        """The folder of one pretraining."""
        return PretrainingFolder(self.root / "pretraining" / name)

    @property
    def comparison(self) -> Path:
        """A row per variant."""
        return self.root / "comparison.csv"

    @property
    def conclusion(self) -> Path:
        """What is concluded from the comparison: which may be the best, which differ, which to take."""
        return self.root / "conclusion.json"

    @property
    def overview(self) -> Path:
        """What the ways in which the data is split say together, where there are several."""
        return self.root / "overview.json"

    def round(self, number: int) -> Path:
        """The decision of a round of a bake-off that adds seeds until its variants are separated."""
        return self.root / "rounds" / f"{number}.json"

    @property
    def looks(self) -> Path:
        """A line for each evaluation on the test split; not declared to Snakemake, which would delete it."""
        return self.root / "looks.jsonl"

    @property
    def report(self) -> Path:
        """One HTML file that opens offline."""
        return self.root / "report.html"

    @property
    def tracked(self) -> Path:
        """The experiment's id and URL in MLflow, or the reason why it is pending."""
        return self.root / "tracked.json"

    @property
    def registered(self) -> Path:
        """The registered version of the best variant, or the reason why it is pending."""
        return self.root / "registered.json"
