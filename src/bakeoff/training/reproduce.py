"""How to reproduce a run: its own configuration, and the commands for a fresh clone."""

from collections.abc import Iterator
from pathlib import Path

from bakeoff.config.arguments import snakemake_command
from bakeoff.config.experiment import Experiment
from bakeoff.config.variants import Variant
from bakeoff.layout import PretrainingFolder, RunFolder


def commands(experiment: Experiment, folder: RunFolder, commit: str | None) -> str:
    """The shell commands that reproduce the run of `folder`, in a clone with bakeoff's environment.

    They read the configuration that is kept in `folder`; MLflow has a copy for other machines.
    """
    if isinstance(folder, PretrainingFolder):
        made = Path(*folder.path.parts[-2:], folder.best.name)
    else:
        made = Path(*folder.path.parts[-3:], "predictions/test.csv")
    # The kept configuration does not name the results folder.
    target = Path("results") / experiment.alone / (experiment.split.part or "") / made
    config = folder.config.absolute()
    start = snakemake_command([config], options=[str(target), "--cores", "all"])
    return "\n".join([*([f"git checkout {commit}"] if commit else []), start])


def given_files(experiment: Experiment, variant: Variant) -> Iterator[Path]:
    """The user's files that a run depends on, except its images."""
    if experiment.data.source == "files" and experiment.data.labels is not None:
        yield experiment.data.labels
    if experiment.split.given is not None:
        yield from experiment.split.given.lists.values()
    if variant.weights is not None and variant.weights.kind == "file":
        yield variant.weights.file
    for one in experiment.pretrainings:
        if one.name == variant.pretraining and one.masking.patients is not None:
            yield one.masking.patients
