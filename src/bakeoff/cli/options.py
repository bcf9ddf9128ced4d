"""The options that commands share: the configuration, one run of it, and the digest of its plan."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import click

from bakeoff.config.experiment import Experiment
from bakeoff.config.load import read_files
from bakeoff.errors import ConfigError
from bakeoff.layout import Layout
from bakeoff.planning.held_task import require_same_task
from bakeoff.wording import few

C = TypeVar("C", bound=Callable[..., Any])


def config_options(command: C) -> C:
    """Add --config (repeatable, later over earlier) and --set KEY=VALUE."""
    help = "Configuration file; repeat to lay one over another."
    return _config(command, help, "Override a key, e.g. training.epochs=3.", required=True)


def optional_config(help: str) -> Callable[[C], C]:
    """Add --config and --set to a command that also runs without a configuration."""
    return lambda command: _config(command, help, "Override a key.", required=False)


def _config(command: C, help: str, set_help: str, *, required: bool) -> C:
    options = ("--set", "overrides")
    command = click.option(*options, multiple=True, metavar="KEY=VALUE", help=set_help)(command)
    path = click.Path(path_type=Path)
    return click.option(
        "--config", "files", multiple=True, required=required, type=path, help=help
    )(command)


def run_options(command: C) -> C:
    """Add --variant and --seed, which name one run."""
    command = click.option("--seed", required=True, type=int, help="Seed of the run.")(command)
    return click.option("--variant", required=True, help="Variant of the run.")(command)


def pretraining_option(command: C) -> C:
    """Add --name, which names one pretraining."""
    return click.option("--name", required=True, help="Name of the pretraining.")(command)


def digest_option(command: C) -> C:
    """Add --digest: refuse to start if the configuration has changed since Snakemake planned the job."""
    return click.option("--digest", default=None, help="Digest that Snakemake planned with.")(
        command
    )


def workers_option(command: C) -> C:
    """Add --workers: how many processes decode or draw images."""
    return click.option(
        "--workers",
        type=click.IntRange(1),
        default=None,
        help="Processes; by default one per CPU.",
    )(command)


def fresh_option(command: C) -> C:
    """Add --fresh: train from scratch."""
    help = "Forget its checkpoints and start again."
    return click.option("--fresh", is_flag=True, help=help)(command)


def load_to_work(files: tuple[Path, ...], overrides: tuple[str, ...]) -> tuple[Experiment, Layout]:
    """`load_one` for a stage that writes results; ConfigError where those are of another kind of task."""
    experiment, layout = load_one(files, overrides)
    require_same_task(experiment)
    return experiment, layout


def load_one(files: tuple[Path, ...], overrides: tuple[str, ...]) -> tuple[Experiment, Layout]:
    """`load` for what is done to one split of the data; ConfigError where none of several is named."""
    experiment, layout = load(files, overrides)
    if names := [one.split_as for one in experiment.parts]:
        raise ConfigError(
            f"split.{experiment.split.several}: the data is split {len(names)} ways, each with results of "
            f"its own. Say which is meant: --set split.part={names[0]} or {few(names[1:])}."
        )
    return experiment, layout


def load(files: tuple[Path, ...], overrides: tuple[str, ...]) -> tuple[Experiment, Layout]:
    """Read the configuration; returns the experiment, with the seeds that rounds added, and its layout."""
    experiment = load_written(files, overrides).with_rounds()
    return experiment, Layout(experiment.root)


def load_written(files: tuple[Path, ...], overrides: tuple[str, ...]) -> Experiment:
    """Read the configuration as it is written."""
    source = " + ".join(map(str, files)) + (" + --set" if overrides else "")
    found = Experiment.parse(read_files(files, overrides), source)
    return replace(
        found, files=files, parts=tuple(replace(one, files=files) for one in found.parts)
    )
