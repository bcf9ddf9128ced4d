"""Prints tables: as wide as the terminal, or at full width into a file or a pipe."""

from rich.console import Console
from rich.table import Table

UNLIMITED = 180  # columns in a file or a pipe


def print_table(table: Table) -> None:
    """Print on stdout."""
    Console(width=None if Console().is_terminal else UNLIMITED).print(table)
