"""`bakeoff synthesize`: images that bakeoff draws by itself, of a configuration or of the command line."""

from pathlib import Path
from typing import Any, get_args

import click

from bakeoff.cli.options import digest_option, load, optional_config, workers_option
from bakeoff.config import digest as digests
from bakeoff.config.load import parse
from bakeoff.config.schema import Data, Synthetic
from bakeoff.errors import ConfigError

KINDS = get_args(Synthetic.model_fields["kind"].annotation)


@click.command(short_help="Make synthetic chest X-rays or coloured shapes")
@optional_config("Configuration file: draw its data.synthetic where it has its data.")
@click.option("--kind", type=click.Choice(KINDS), help="What to draw; xrays by default.")
@click.option("--to", type=click.Path(path_type=Path), help="Folder to write into.")
@click.option("--images", type=int, help="How many; 1000 by default.")
@click.option("--size", type=int, help="Pixels per side.")
@click.option("--seed", type=int, help="Another seed, other images.")
@workers_option
@digest_option
def synthesize(
    files: tuple[Path, ...],
    overrides: tuple[str, ...],
    to: Path | None,
    workers: int | None,
    digest: str | None,
    **arguments: str | int | None,
) -> None:
    """Make the synthetic images that the configuration describes (data.synthetic).

    Without a configuration: --to FOLDER, and what --kind, --images, --size and --seed say.
    Chest X-rays come with a table in Kaggle's layout, shapes in class folders below train and test.
    """
    from bakeoff.data.synthesis import GENERATORS

    given = {name: value for name, value in arguments.items() if value is not None}
    if files:
        experiment, _ = load(files, overrides)
        digests.check_digest(digest, digests.source_data_digest(experiment.data), "synthesize")
        folder, generator = _of_configuration(experiment.data, [*given, *(["to"] if to else [])])
    else:
        folder, generator = _of_command_line(to, overrides, given)
    make = GENERATORS[generator.kind]
    report = make(
        folder, images=generator.images, size=generator.size, seed=generator.seed, workers=workers
    )
    click.echo(report)


def _of_configuration(data: Data, given: list[str]) -> tuple[Path, Synthetic]:
    """Where its images are to be, and what draws them."""
    if given:
        flags = ", ".join(f"--{name}" for name in given)
        raise ConfigError(
            f"{flags}: with --config the images are those of its data.synthetic, where "
            "data.images is. Change them there, or by --set data.synthetic.images=200."
        )
    if data.draws_shapes:
        return data.images, data.generator
    if data.source != "synthetic" or data.labelled_by.parent != data.images.parent:
        raise ConfigError(
            f"data: expected source: synthetic with labels and images in one folder, found source: "
            f"{data.source}, labels: {data.labels}, images: {data.images}."
        )
    return data.images.parent, data.generator


def _of_command_line(
    to: Path | None, overrides: tuple[str, ...], given: dict[str, Any]
) -> tuple[Path, Synthetic]:
    """The folder and the generator of the flags."""
    if overrides:
        raise ConfigError("--set: overrides the keys of a configuration; name one by --config.")
    if to is None:
        raise ConfigError(
            "expected --config FILE, whose data.synthetic is drawn, or --to FOLDER to draw into."
        )
    return to, parse(Synthetic, given, where="synthesize", source="command line")
