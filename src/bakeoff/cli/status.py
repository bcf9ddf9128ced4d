"""The command that says where a bake-off stands."""

import json
import sys
import textwrap
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bakeoff.cli.options import config_options, load
from bakeoff.config.arguments import config_arguments
from bakeoff.config.experiment import Experiment
from bakeoff.layout import Layout
from bakeoff.pace import spell

if TYPE_CHECKING:
    from bakeoff.planning.reruns import Rerun
    from bakeoff.status.run import RunStatus

COLOURS = {
    "done": "green", "running": "cyan", "failed": "red", "died": "red", "queued": "yellow",
    "unknown": "yellow",
}  # fmt: skip
WIDTH = 80
LONGEST_NAME = 30
AGAIN = 10.0  # seconds between two looks
SILENT = 30  # looks in a row of which SLURM's silence is all that there is to wait for


@click.command(short_help="Say which runs are done, running, queued or failed")
@config_options
@click.option("--json", "as_json", is_flag=True, help="As JSON: a list of what follows.")
@click.option("--watch", is_flag=True, help="Look again every 10 seconds until all is over.")
def status(files: tuple[Path, ...], overrides: tuple[str, ...], as_json: bool, watch: bool) -> None:
    """Say which runs and pretrainings are done, running, queued or failed, and why; and failed stages.

    Reads the run folders, and asks SLURM what waits. A run that gives no sign of life has died, whatever
    it said last: of this machine that is known at once, of others after five minutes. Where SLURM has a
    job for it and does not answer, the state is unknown; --watch waits five minutes for nothing else.

    Says also which finished runs the next snakemake would train again, and what has changed since.

    Exit code 0: all runs are done; 1: one, or a stage, failed or died; 3: none did, and there is more to
    do.
    """
    from bakeoff.planning.reruns import reruns
    from bakeoff.status.bakeoff import failed_stages, stand

    experiment, _ = load(files, overrides)
    silent = 0
    while True:
        statuses, stages, rows = list["RunStatus"](), list["RunStatus"](), list[dict[str, Any]]()
        for part in experiment.each:
            layout = Layout(part.root)
            own, failed = stand(part, layout), failed_stages(part, layout)
            again = reruns(part, layout)
            statuses += own
            stages += failed
            if as_json:
                rows += _as_rows(part, [*own, *failed], again)
            else:
                _show(part.name, own, failed)
                accept = config_arguments(files, part.with_part(overrides))
                _show_reruns(again, f"bakeoff accept {accept}")
        if experiment.parts:
            failed = failed_stages(experiment, Layout(experiment.root))
            stages += failed
            rows += _as_rows(experiment, failed, [])
            if not as_json:
                _show_stages(failed)
        if as_json:
            click.echo(json.dumps(rows, indent=2))
        states = {one.state for one in statuses}
        moving = bool(states & {"running", "queued"})
        silent = 0 if moving else silent + 1
        if not watch or not (moving or "unknown" in states):
            break
        if silent >= SILENT:
            click.echo("SLURM still does not answer: it is not looked at any more.", err=True)
            break
        time.sleep(AGAIN)
    if stages or any(one.is_over for one in statuses):
        sys.exit(1)
    sys.exit(0 if all(one.state == "done" for one in statuses) else 3)


def _as_rows(
    experiment: Experiment, statuses: "list[RunStatus]", again: "list[Rerun]"
) -> list[dict[str, Any]]:
    why = {(one.name, one.seed): one.why for one in again}
    rows = []
    for one in statuses:
        seed = one.seed if one.kind == "run" else None
        rows.append(asdict(one) | {"again": why.get((one.variant, seed), "")})
        if experiment.split_as:
            rows[-1]["part"] = experiment.split_as
    return rows


def _show(name: str, statuses: "list[RunStatus]", stages: "list[RunStatus]") -> None:
    from bakeoff.status.bakeoff import summarise

    click.echo(textwrap.fill(f"{name}: {summarise(statuses)}", WIDTH, subsequent_indent="  "))
    for words in dict.fromkeys(one.unanswered for one in statuses if one.unanswered):
        line = f"SLURM did not answer: {words.rstrip('.')}. What waits there is not known."
        click.echo(click.style(textwrap.fill(line, WIDTH, subsequent_indent="  "), fg="yellow"))
    variants = [_shortened(one.variant) for one in statuses]
    wide = max(map(len, [*variants, "variant"]))
    indent = " " * (wide + 2)
    click.echo(f"{'variant':{wide}}  seed  state        epoch    left      note")
    for one, variant in zip(statuses, variants, strict=True):
        epoch = f"{one.epoch}/{one.epochs}" if one.state != "not started" else ""
        state = click.style(f"{one.state:11}", fg=COLOURS.get(one.state))
        start = f"{variant:{wide}}  {one.seed!s:<4}  {state}  {epoch:7}  {_duration(one.left):8}"
        room = WIDTH - len(click.unstyle(start)) - 2
        if len(one.note) <= room:
            click.echo(f"{start}  {one.note}".rstrip())
        else:  # a line of its own
            click.echo(start.rstrip())
            click.echo(
                textwrap.fill(one.note, WIDTH, initial_indent=indent, subsequent_indent=indent)
            )
        if one.log:
            click.echo(f"{indent}log: {one.log}")
    _show_stages(stages)


def _show_stages(stages: "list[RunStatus]") -> None:
    for one in stages:
        line = f"{one.variant} failed: {one.note} ({one.log})"
        click.echo(click.style(textwrap.fill(line, WIDTH, subsequent_indent="  "), fg="red"))


def _show_reruns(again: "list[Rerun]", accept: str) -> None:
    from bakeoff.planning.rerun_lines import COMMAND, rerun_lines

    for line in rerun_lines(again, accept):
        if line.startswith(COMMAND):
            click.echo(line)
            continue
        indent = line[: len(line) - len(line.lstrip())]
        click.echo(textwrap.fill(line, WIDTH, subsequent_indent=f"{indent}  "))


def _shortened(name: str) -> str:
    """A long name without its middle: grids differ at the end."""
    half = (LONGEST_NAME - 3) // 2
    return name if len(name) <= LONGEST_NAME else f"{name[:half]}...{name[-half:]}"


def _duration(seconds: float | None) -> str:
    return "" if seconds is None else spell(seconds)


COMMANDS = (status,)
