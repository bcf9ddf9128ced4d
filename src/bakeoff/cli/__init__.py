"""The command line: every stage of a bake-off as a command, each usable without Snakemake."""

import logging
import sys

import click

from bakeoff import __version__
from bakeoff.cli import doctor, inspect, models, stages, tracking
from bakeoff.errors import BakeoffError
from bakeoff.training.stop import EXIT_CODE, Stopped


class InOrder(click.Group):
    """A group that lists its commands in the order in which data flows through them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of the commands as they were added."""
        return list(self.commands)


@click.group(
    cls=InOrder, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, prog_name="bakeoff")
def cli() -> None:
    """Run a model bake-off: from labelled images to a comparison that can be believed.

    Snakemake chains these stages; each can be run, and debugged, by itself.
    """


for module in (stages, inspect, models, tracking, doctor):
    for command in module.COMMANDS:
        cli.add_command(command)


def main() -> None:
    """Run the command line; what a user can act on is one message, not a traceback."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        cli(prog_name="bakeoff")
    except BakeoffError as error:
        click.echo(f"bakeoff: error: {error}", err=True)
        sys.exit(1)
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
