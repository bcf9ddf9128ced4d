"""The command that keeps finished runs through a change of code."""

import sys
from pathlib import Path

import click

from bakeoff.cli.options import config_options, load_one
from bakeoff.config.accepted import TOLERANCE
from bakeoff.config.arguments import shortened, snakemake_command

UNSEEN = (
    "Outputs do not show how weights come to be. If initialisation, dropout, an objective or the trainer "
    "changed, runs that are trained from now on are of another kind, and the comparison would mix both: "
    "delete accepted.json in the folders of the kept ones, and let them be trained again."
)


@click.command(short_help="Keep finished runs that a change of code would train again")
@config_options
@click.argument("names", nargs=-1, metavar="[RUN]...")
@click.option(
    "--tolerance",
    type=click.FloatRange(0.0),
    default=TOLERANCE,
    show_default=True,
    help="Largest difference of a score, which is in 0..1; 0 is bit for bit.",
)
def accept(
    files: tuple[Path, ...], overrides: tuple[str, ...], names: tuple[str, ...], tolerance: float
) -> None:
    """Keep finished runs that an upgrade or an edit of the code would train again.

    RUN is a variant, VARIANT/seed-N or pretraining/NAME; without one, all that `bakeoff plan` lists. The
    model built now gets a run's stored weights and predicts the validation and test images. Where the
    scores are those of predictions/{val,test}.csv, the run is recorded as accepted (accepted.json in its
    folder; delete it to take that back), and Snakemake has nothing to train. A changed configuration is
    refused: outputs do not prove that training would be the same. Nor do they where code changed: of
    initialisation, dropout, an objective or the trainer they show nothing. If those changed, train again.

    It computes like `bakeoff evaluate`: run it where that may run. Exit code 1: a run was refused.
    """
    from bakeoff.planning.acceptance import accept as accept_runs

    _, layout = load_one(files, overrides)
    accepted = refused = 0
    for verdict in accept_runs(lambda: load_one(files, overrides)[0], layout, names, tolerance):
        word, colour = ("accepted", "green") if verdict.accepted else ("refused", "red")
        click.echo(f"{click.style(word, fg=colour)}  {verdict.name}: {verdict.text}.")
        accepted += verdict.accepted
        refused += not verdict.accepted
    if not accepted + refused:
        click.echo("Nothing to accept: no finished run of these would be trained again.")
    if accepted:
        again = snakemake_command(shortened(files), overrides, options=["-R", "report"])
        click.echo(UNSEEN)
        click.echo(f"The report says so after: {again}")
        click.echo("and MLflow after the next sync.")
    sys.exit(1 if refused else 0)


COMMANDS = (accept,)
