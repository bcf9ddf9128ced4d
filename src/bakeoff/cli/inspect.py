"""The command that looks at a configuration and changes nothing: what it will run and ask for."""

import json
from collections.abc import Sequence
from pathlib import Path

import click
from rich.table import Table

from bakeoff.cli.options import config_options, load
from bakeoff.cli.tables import print_hanging, print_table
from bakeoff.config.arguments import config_arguments, snakemake_command
from bakeoff.config.experiment import Variant
from bakeoff.errors import ConfigError, DataError
from bakeoff.layout import Layout
from bakeoff.planning.held_task import conflict
from bakeoff.planning.rerun_lines import rerun_lines
from bakeoff.planning.reruns import reruns
from bakeoff.planning.summary import starting_points, summarise
from bakeoff.planning.threads import more_than_asked_for


@click.command(short_help="Say what will run, and whether the data fits")
@config_options
def plan(files: tuple[Path, ...], overrides: tuple[str, ...]) -> None:
    """Say what a configuration will run, whether its data and weights fit, and what it would train again.

    Opens the table and files of weights, lists the image folder and reads some headers.
    Exit code 1: something is wrong.
    """
    from bakeoff.data.readiness import examine
    from bakeoff.planning.weights_readiness import examine as examine_weights

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
    for part in experiment.each:
        accept = f"bakeoff accept {config_arguments(files, part.with_part(overrides))}"
        for line in rerun_lines(reruns(part, Layout(part.root)), accept):
            click.echo(line)
    for few in more_than_asked_for(experiment):
        click.echo(f"warning: {few}.")
    ready = examine(experiment)
    for warning in ready.warnings:
        click.echo(f"warning: {warning}")
    wrong = list(filter(None, map(conflict, experiment.each))) + examine_weights(experiment)
    if ready.problems:
        wrong.insert(0, f"the data does not fit yet.\n{ready}")
    if wrong:
        raise DataError("\n".join(wrong))
    click.echo(f"Data: {ready.checked}.")


@click.command(short_help="Write a configuration for a table or a folder of images")
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--images", type=click.Path(path_type=Path), help="Folder of a table's images.")
@click.option("--to", "file", type=click.Path(path_type=Path), help="File to write: NAME.yaml.")
@click.option("--name", help="Name of the experiment, by default that of SOURCE.")
def init(source: Path, images: Path | None, file: Path | None, name: str | None) -> None:
    """Write a commented configuration for SOURCE, ready to run.

    SOURCE is a CSV of labelled images, a folder that holds one, or a folder with a folder of images for
    each class, perhaps below train/ and test/. Nothing is asked: what is seen there, and what is guessed
    from it, is printed. No file is overwritten.
    """
    from bakeoff.config.json_schema import json_schema
    from bakeoff.data.draft import check, draft, name_for
    from bakeoff.data.draft_text import SCHEMA
    from bakeoff.files import write_json, write_text

    name = name or name_for(source)
    file = file or Path(f"{name}.yaml")
    if file.exists():
        raise ConfigError(
            f"{file}: is there already, and stays as it is: name another one with --to."
        )
    made = draft(source, images, name, file)
    ready = check(made.text, file)  # raises for a name that is none, and then nothing is written
    write_text(file, made.text)
    write_json(file.parent / SCHEMA, json_schema())
    click.echo("Seen:")
    for topic, what in made.said:
        print_hanging(f"  {topic:10}", what)
    if made.doubts:
        click.echo("To be decided by you:")
    for doubt in made.doubts:
        print_hanging("  - ", doubt)
    for warning in ready.warnings:
        print_hanging("warning: ", warning)
    if ready.problems:
        raise DataError(f"{file} is written, and does not run yet:\n{ready}")
    click.echo(f"{file}: written, and it fits. Look through it, then start:")
    click.echo(f"  {snakemake_command([file])}")


@click.command(short_help="Print the configuration's JSON schema, for editors")
def schema() -> None:
    """Print the JSON schema of a configuration, by which editors complete and check it."""
    from bakeoff.config.json_schema import json_schema

    click.echo(json.dumps(json_schema(), indent=2))


def _row(variant: Variant, seeds: Sequence[int]) -> tuple[str, ...]:
    return (
        variant.model,
        f"{variant.image.size} px",
        str(variant.training.epochs),
        variant.training.describe(),
        ", ".join(map(str, seeds)),
        variant.resources.describe(),
    )


COMMANDS = (init, plan, schema)
