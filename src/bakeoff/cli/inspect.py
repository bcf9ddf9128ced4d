"""Commands that look and change nothing: what a configuration will run, what models there are."""

from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from bakeoff.cli.options import config_options, load
from bakeoff.config.plan import summarise


@click.command()
@config_options
def plan(files: tuple[Path, ...], overrides: tuple[str, ...]) -> None:
    """Say what a configuration will run and what it will ask for."""
    experiment, _ = load(files, overrides)
    table = Table(title=f"Experiment {experiment.name}")
    for column in ("variant", "model", "image", "epochs", "training", "seeds", "asks for, per run"):
        table.add_column(column)
    for variant in experiment.variants:
        table.add_row(
            variant.name,
            variant.model,
            f"{variant.image.size} px",
            str(variant.training.epochs),
            variant.training.describe(),
            ", ".join(map(str, variant.training.seeds)),
            variant.resources.describe(),
        )
    Console().print(table)
    click.echo(summarise(experiment))


@click.command()
def models() -> None:
    """List the models of the zoo with their options and sources."""
    from bakeoff.models.catalogue import entries

    table = Table()
    for column in ("model", "what it is", "options", "source"):
        table.add_column(column)
    for entry in entries().values():
        options = ", ".join(f"{key}={default}" for key, (_, default) in entry.options.items())
        table.add_row(entry.name, entry.summary, options, entry.source)
    Console().print(table)


COMMANDS = (plan, models)
