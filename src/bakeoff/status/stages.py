"""The stages as the workflow runs them: the log of each, what it makes, and by both why it failed."""

import re
from dataclasses import dataclass
from pathlib import Path

from bakeoff.config.experiment import Experiment
from bakeoff.evaluation.names import BASELINES
from bakeoff.layout import Layout, PretrainingFolder, RunFolder

LAST_LETTERS = 4000  # of a log's end in which its error is looked for
ERROR = re.compile(
    r"^(?:bakeoff: error: )?((?<=error: ).*|\w*(?:Error|Interrupt)\b.*)$", re.MULTILINE
)
"""How our own errors and Python's tracebacks end."""
FAILED = re.compile(r"^bakeoff: error: |^\w*(?:Error|Interrupt)\b.*\s*\Z", re.MULTILINE)
"""What only a command that failed leaves in a log that it began: our last words, or Python's."""


@dataclass(frozen=True)
class Stage:
    """A stage with its log and the files that prove that it succeeded."""

    name: str
    log: Path
    makes: tuple[Path, ...]
    trains: bool = False  # what its folder's journal and lock are about
    again: bool = False  # also made in a hook of Snakemake, which deletes nothing where that fails

    def failure(self, since: float = 0.0) -> str:
        """The error that its log ends with, if it was written after `since` (seconds since the Unix epoch).

        Empty where there is none, or what the stage makes is there and no older than the failure.
        """
        if not self.log.exists() or (written := self.log.stat().st_mtime) < since:
            return ""
        made = min((file.stat().st_mtime if file.exists() else 0.0) for file in self.makes)
        if made and not (self.again and made < written):
            return ""
        text = self.log.read_text(encoding="utf-8", errors="replace")[-LAST_LETTERS:]
        errors: list[str] = ERROR.findall(text)
        if not errors or (made and not FAILED.search(text)):
            return ""
        return errors[-1]


def of_run(folder: RunFolder) -> tuple[Stage, ...]:
    """Those of one training run, the last one first."""
    path = folder.path
    return (
        Stage("pictures", path / "pictures.log", (folder.pictures,)),
        Stage("evaluate", path / "evaluate.log", (path / "metrics.json",)),
        Stage("train", path / "train.log", (folder.best,), trains=True),
    )


def of_pretraining(folder: PretrainingFolder) -> tuple[Stage, ...]:
    """Those of one pretraining, the last one first."""
    path = folder.path
    return (
        Stage("pretrain", path / "pretrain.log", (folder.best,), trains=True),
        Stage("pack-unlabelled", path / "pack.log", (folder.packed / "index.csv",)),
    )


def of_experiment(experiment: Experiment, layout: Layout) -> tuple[Stage, ...]:
    """Those that belong to no run, in the order in which data flows through them."""

    def stage(name: str, *makes: Path, again: bool = False) -> Stage:
        return Stage(name, layout.root / f"logs/{name}.log", makes, again=again)

    published = {w.published_as: w.file for w in experiment.weights().values() if w.kind == "timm"}
    baselines = [layout.root / f"baselines/{name}/metrics.json" for name in BASELINES]
    source = {"synthetic": "synthesize", "nih-sample": "fetch"}.get(experiment.data.source)
    return (
        *(stage(f"weights-{name}", file) for name, file in published.items()),
        *([stage(source, experiment.data.labels)] if source else []),
        stage("split", layout.splits / "audit.json"),
        *(
            stage(f"pack-size-{size}", layout.packed(size) / "index.csv")
            for size in experiment.sizes()
        ),
        stage("baselines", *baselines),
        stage("compare", layout.comparison, again=True),
        stage("report", layout.report, again=True),
        stage("track", layout.tracked),
        stage("register", layout.registered),
        # Sends what came after `track`, which made the file.
        stage("sync", layout.tracked, again=True),
    )
