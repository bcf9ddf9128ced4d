"""The command that looks at a configuration and changes nothing: what it will run and ask for."""

from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from bakeoff.cli.options import config_options, load
from bakeoff.config.plan import starting_points, summarise


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
    for line in starting_points(experiment):
        click.echo(line)
    click.echo(summarise(experiment))


COMMANDS = (plan,)
