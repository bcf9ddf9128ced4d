"""The command line: every stage of a bake-off as a command, each usable without Snakemake."""

import logging
import sys

import click

from bakeoff import __version__
from bakeoff.cli import accept, doctor, inspect, models, stages, status, tracking
from bakeoff.errors import BakeoffError
from bakeoff.training.stop import EXIT_CODE, Stopped

SECTIONS: tuple[tuple[str, tuple[click.Command, ...]], ...] = (
    ("Begin", (inspect.init, inspect.plan, doctor.doctor, models.models, inspect.schema)),
    ("Run a stage by itself (snakemake --configfile FILE runs them all)", stages.COMMANDS),
    ("Look at the runs", (status.status, accept.accept, *tracking.COMMANDS)),
)
"""The sections of the help, each with its commands, in the order in which one needs them."""


class Sections(click.Group):
    """A group that lists its commands in sections, each with a whole line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of the commands as they were added."""
        return list(self.commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a list per section; a command's line is its `short_help`, never cut."""
        width = max(map(len, self.commands))
        for title, commands in SECTIONS:
            with formatter.section(title):
                named = [(str(one.name).ljust(width), one.short_help or "") for one in commands]
                formatter.write_dl(named)


@click.group(cls=Sections, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="bakeoff")
def cli() -> None:
    """Run a model bake-off: from labelled images to a comparison to believe."""


for _, section in SECTIONS:
    for command in section:
        cli.add_command(command)


def main() -> None:
    """Run the command line; an error that the user can act on is one message, not a traceback."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        cli(prog_name="bakeoff")
    except BakeoffError as error:
        click.echo(f"bakeoff: error: {error}", err=True)
        sys.exit(error.exit_code)
    except OSError as error:
        if error.filename is None:
            raise
        click.echo(
            f"bakeoff: error: {error.filename}: {error.strerror}. Free space there, or set "
            "'results' to a folder that can be written.",
            err=True,
        )
        sys.exit(1)
    except Stopped as stop:
        click.echo(f"bakeoff: stopped: {stop}", err=True)
        sys.exit(EXIT_CODE)
