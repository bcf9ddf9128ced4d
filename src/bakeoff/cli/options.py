"""The options that the stages share: the configuration, one run of it, and the digest it was planned with."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import click

from bakeoff.config.experiment import Experiment
from bakeoff.config.load import read_files
from bakeoff.layout import Layout

C = TypeVar("C", bound=Callable[..., Any])


def config_options(command: C) -> C:
    """Add --config (repeatable, later over earlier) and --set KEY=VALUE."""
    for option in (
        click.option(
            "--set",
            "overrides",
            multiple=True,
            metavar="KEY=VALUE",
            help="Override a key, e.g. training.epochs=3.",
        ),
        click.option(
            "--config",
            "files",
            multiple=True,
            required=True,
            type=click.Path(path_type=Path),
            help="Configuration file; repeat to lay one over another.",
        ),
    ):
        command = option(command)
    return command


def run_options(command: C) -> C:
    """Add --variant and --seed, which name one run."""
    command = click.option("--seed", required=True, type=int, help="Seed of the run.")(command)
    return click.option("--variant", required=True, help="Variant of the run.")(command)


def pretraining_option(command: C) -> C:
    """Add --name, which names one pretraining."""
    return click.option("--name", required=True, help="Name of the pretraining.")(command)


def digest_option(command: C) -> C:
    """Add --digest: refuse to start if the configuration is no longer the one that was planned."""
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


def load(files: tuple[Path, ...], overrides: tuple[str, ...]) -> tuple[Experiment, Layout]:
    """Read the configuration and say where its results are."""
    source = " + ".join(map(str, files)) + (" + --set" if overrides else "")
    experiment = replace(Experiment.parse(read_files(files, overrides), source), files=files)
    return experiment, Layout(experiment.results / experiment.name)
