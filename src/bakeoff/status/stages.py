"""The stages as the workflow runs them: the log of each, what it makes, and by both why it failed."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bakeoff.config.experiment import Experiment
from bakeoff.config.rounds import read_rounds
from bakeoff.config.run_packs import run_packs
from bakeoff.layout import Layout, PretrainingFolder, RunFolder
from bakeoff.task.names import BASELINES

LAST_LETTERS = 4000  # of a log's end in which its error is looked for
# In which it may be somebody else's than ours: of those before, a stage has gone on.
LAST_LINES = 10
OURS = re.compile(r"^bakeoff: error: (.*)$")
OTHERS = tuple(
    re.compile(pattern)
    for pattern in (
        r"([\w.]*(?:Error|Exception|Interrupt|Exit)(?::.*)?)",  # the last line of Python's traceback
        r"(?:\S*sh: (?:line )?\d+: )(.*: (?:command not found|not found|Permission denied|"
        r"No such file or directory|cannot execute.*))",
        r"(?:\S*sh: line \d+: *\d+ )?((?:Killed|Terminated|Aborted|Bus error|Segmentation fault)"
        r"(?: +\(core dumped\))?(?:  .*)?)",  # the shell's words, and two blanks before the command
        r"slurmstepd: error: (.*(?:CANCELLED|oom.kill|Exceeded).*)",
    )
)
"""How what fails ends a log: Python, a shell, and SLURM on a node."""


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
        if not (written := _written(self.log)) or written < since:
            return ""
        made = min(map(_written, self.makes))
        if made and not (self.again and made < written):
            return ""
        try:
            text = self.log.read_text(encoding="utf-8", errors="replace")[-LAST_LETTERS:]
        except FileNotFoundError:
            return ""
        # What made its files before has not failed by what it has survived.
        return _error(text.rstrip().split("\n"), 1 if made else LAST_LINES)


def _written(file: Path) -> float:
    """When a file was last written (seconds since the Unix epoch); 0: it is not there, or has just gone."""
    try:
        return file.stat().st_mtime
    except (FileNotFoundError, NotADirectoryError):
        return 0.0


def _error(lines: Sequence[str], last: int) -> str:
    """The last error in these lines: ours in any of them, another's in the `last` of them.

    What is indented belongs to the line before it, as in an error of many lines.
    """
    begun = [line for line in lines if not line[:1].isspace()]
    for back, line in enumerate(reversed(begun)):
        patterns = (OURS, *OTHERS) if back < last else (OURS,)
        for pattern in patterns:
            if found := pattern.fullmatch(line):
                return found[1]
    return ""


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


def _rounds(experiment: Experiment, layout: Layout) -> range:
    """The rounds that were decided, and the one that may come next; of most experiments none."""
    return range(1, 2 + len(read_rounds(layout))) if experiment.adaptive else range(0)


def of_experiment(experiment: Experiment, layout: Layout) -> tuple[Stage, ...]:
    """Those that belong to no run, in the order in which data flows through them."""

    def stage(name: str, *makes: Path, again: bool = False) -> Stage:
        return Stage(name, layout.root / f"logs/{name}.log", makes, again=again)

    published = {w.published_as: w.file for w in experiment.weights().values() if w.kind == "timm"}
    baselines = [layout.root / f"baselines/{name}/metrics.json" for name in BASELINES]
    source = {"synthetic": "synthesize", "nih-sample": "fetch"}.get(experiment.data.source)
    made = experiment.data.made_last
    first = (
        *(stage(f"weights-{name}", file) for name, file in published.items()),
        *([stage(source, made)] if source and made else []),
    )
    if experiment.parts:  # the others are of each part
        last = (
            stage("compare", layout.overview, again=True),
            stage("report", layout.report, again=True),
        )
        return *first, *last
    return (
        *first,
        stage("split", layout.splits / "audit.json"),
        *(
            stage(f"pack-{(folder := one.folder(layout)).name}", folder / "index.csv")
            for one in experiment.packings()
        ),
        *(
            stage(f"train-pack-{one}", layout.train_pack(one))
            for one in run_packs(experiment.runs())
        ),
        stage("baselines", *baselines),
        *(stage(f"round-{number}", layout.round(number)) for number in _rounds(experiment, layout)),
        stage("compare", layout.comparison, again=True),
        stage("report", layout.report, again=True),
        stage("track", layout.tracked),
        stage("register", layout.registered),
        # Sends what came after `track`, which made the file.
        stage("sync", layout.tracked, again=True),
    )
