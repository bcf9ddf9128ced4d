"""How a table is printed: as wide as the terminal, or, into a file or a pipe, as wide as it likes to be."""

from rich.console import Console
from rich.table import Table

UNLIMITED = 180  # columns where nobody's terminal limits them


def print_table(table: Table) -> None:
    """Print on stdout."""
    Console(width=None if Console().is_terminal else UNLIMITED).print(table)
