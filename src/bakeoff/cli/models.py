"""`bakeoff models`: lists the zoo, with the size and the origin of each model."""

import json
from pathlib import Path
from types import NoneType
from typing import Any, get_args

import click

from bakeoff.cli.options import load, optional_config
from bakeoff.cli.tables import print_table
from bakeoff.errors import ConfigError


@click.command(short_help="List the models, or all that one of them can")
@click.argument("names", nargs=-1, metavar="[MODEL]...")
@optional_config("Count the variants of this configuration instead; repeatable.")
def models(names: tuple[str, ...], files: tuple[Path, ...], overrides: tuple[str, ...]) -> None:
    """List the models of the zoo, say everything of those named, or count a configuration's.

    A list is there at once: its figures were counted before. Those of a configuration are counted
    now, which takes some seconds.
    """
    if files:
        _count_variants(files, overrides)
    elif names:
        for name in names:
            _describe(name)
    else:
        _list()


def _list() -> None:
    from rich.markup import escape
    from rich.table import Table

    from bakeoff.models.catalogue import entries
    from bakeoff.models.sizes import sizes

    table = Table(
        caption="Parameters for grey images and two outputs, and for RGB and 1000, as papers count. "
        "Multiply-adds of one grey image of 224 pixels. "
        "`bakeoff models MODEL` says the options.",
        caption_justify="left",
    )
    for column in ("model", "what it is, after what"):
        table.add_column(column)
    for column in ("parameters", "RGB, 1000", "mult-adds"):
        table.add_column(column, justify="right", no_wrap=True)
    for entry in entries().values():
        counts = ["", "", ""]
        if size := sizes().get(entry.name):
            counts = [f"{size.parameters:,}", f"{size.published:,}", _short(size.multiply_adds)]
            if size.trainable != size.parameters:
                counts[0] += f"\n{size.trainable:,} train"
        text = escape(f"{entry.summary}\n{entry.reference}")
        table.add_row(entry.name, text, *counts)
    print_table(table)


def _describe(name: str) -> None:
    from bakeoff.models.sizes import sizes
    from bakeoff.models.suggestions import find_or_suggest

    try:
        entry = find_or_suggest(name)
    except ValueError as error:
        raise ConfigError(str(error)) from None
    facts = {
        "what it is": entry.summary,
        "reference": entry.reference,
        "code": f"src/{entry.module.replace('.', '/')}.py, {entry.function}",
    }
    if size := sizes().get(entry.name):
        train = size.trainable != size.parameters
        facts["parameters"] = (
            f"{size.parameters:,} for grey images and two outputs"
            f"{f', {size.trainable:,} of them train' if train else ''}; "
            f"{size.published:,} for RGB and 1000"
        )
        facts["multiply-adds"] = f"{size.multiply_adds:,} for a grey image of 224 pixels"
    options = {
        option: f"{default if isinstance(default, str) else json.dumps(default)}  ({_values(annotation)})"
        for option, (annotation, default) in entry.options.items()
    }
    click.echo(f"{click.style(name, bold=True)}\n{_lines(facts)}\n  options:\n{_lines(options)}")


def _count_variants(files: tuple[Path, ...], overrides: tuple[str, ...]) -> None:
    from rich.table import Table

    from bakeoff.planning.model_sizes import count_variant

    experiment, _ = load(files, overrides)
    table = Table(title=f"Experiment {experiment.name}")
    for column in ("variant", "model", "image"):
        table.add_column(column)
    for column in ("parameters", "that train", "mult-adds per image"):
        table.add_column(column, justify="right")
    for variant in experiment.variants:
        parameters, trainable, work = count_variant(experiment, variant)
        image = f"{variant.image.size} px" + (", RGB" if variant.image.channels == 3 else "")
        counts = (f"{parameters:,}", f"{trainable:,}", _short(work))
        table.add_row(variant.name, variant.model, image, *counts)
    print_table(table)


def _short(count: int) -> str:
    """Multiply-adds in billions, or in millions."""
    return f"{count / 1e9:.2f} G" if count >= 1e9 else f"{count / 1e6:.1f} M"


def _values(annotation: Any) -> str:
    """The values that an option may have, in YAML's words."""
    parts = get_args(annotation) or (annotation,)
    named = {NoneType: "null", bool: "true or false", int: "integer", float: "number", str: "text"}
    return " | ".join(str(named.get(part, part)) for part in parts)


def _lines(facts: dict[str, str]) -> str:
    width = max(map(len, facts), default=0) + 2
    return "\n".join(f"    {fact:<{width}}{text}" for fact, text in facts.items())


COMMANDS = (models,)
