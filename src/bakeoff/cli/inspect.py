"""The command that looks at a configuration and changes nothing: what it will run and ask for."""

from collections.abc import Sequence
from pathlib import Path

import click
from rich.table import Table

from bakeoff.cli.options import config_options, load
from bakeoff.cli.tables import print_table
from bakeoff.config.experiment import Variant
from bakeoff.config.plan import starting_points, summarise
from bakeoff.errors import DataError


@click.command(short_help="Say what will run, and whether the data fits")
@config_options
def plan(files: tuple[Path, ...], overrides: tuple[str, ...]) -> None:
    """Say what a configuration will run, and whether its data and weights fit.

    Opens the table and files of weights, lists the image folder and reads some headers.
    Exit code 1: something is wrong.
    """
    from bakeoff.data.readiness import examine
    from bakeoff.weights.readiness import examine as examine_weights

    experiment, _ = load(files, overrides)
    table = Table(title=f"Experiment {experiment.name}")
    for column in ("variant", "model", "image", "epochs", "training", "seeds", "asks for, per run"):
        table.add_column(column)
    for one in experiment.started_from():
        table.add_row(one.weights, *_row(one.variant, [one.masking.seed]))
    for variant in experiment.variants:
        table.add_row(variant.name, *_row(variant, variant.training.seeds))
    print_table(table)
    for line in starting_points(experiment):
        click.echo(line)
    click.echo(summarise(experiment))
    ready = examine(experiment)
    for warning in ready.warnings:
        click.echo(f"warning: {warning}")
    wrong = examine_weights(experiment)
    if ready.problems:
        wrong.insert(0, f"the data does not fit yet.\n{ready}")
    if wrong:
        raise DataError("\n".join(wrong))
    click.echo(f"Data: {ready.checked}.")


def _row(variant: Variant, seeds: Sequence[int]) -> tuple[str, ...]:
    return (
        variant.model,
        f"{variant.image.size} px",
        str(variant.training.epochs),
        variant.training.describe(),
        ", ".join(map(str, seeds)),
        variant.resources.describe(),
    )


COMMANDS = (plan,)
