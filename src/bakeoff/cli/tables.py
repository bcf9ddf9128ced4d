"""Prints tables and long lines: as wide as the terminal, or at full width into a file or a pipe."""

import textwrap
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.table import Table

UNLIMITED = 180  # columns in a file or a pipe


def print_table(table: "Table") -> None:
    """Print on stdout."""
    from rich.console import Console  # most commands print no table

    Console(width=None if Console().is_terminal else UNLIMITED).print(table)


def print_hanging(start: str, text: str) -> None:
    """Print a line that begins with `start`, its other lines on a terminal indented below the text."""
    from rich.console import Console

    console = Console()
    if console.is_terminal:
        text = textwrap.fill(
            f"{start}{text}",
            max(40, console.width),
            subsequent_indent=" " * len(start),
            break_long_words=False,
            break_on_hyphens=False,
        ).removeprefix(start)
    click.echo(f"{start}{text}")
