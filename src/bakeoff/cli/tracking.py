"""Commands for MLflow: sync, UI, server, model registration, export and import."""

import sys
from pathlib import Path
from typing import Any

import click

from bakeoff.cli.options import config_options, load, load_one
from bakeoff.config.arguments import config_arguments
from bakeoff.errors import TrackingError
from bakeoff.layout import Layout

or_later_option = click.option(
    "--or-later", is_flag=True, help="Where MLflow cannot take it now, say so and succeed."
)


@click.command(short_help="Send what MLflow does not have yet")
@config_options
@or_later_option
@click.option("--watch", "keep_on", is_flag=True, help="Go on sending until interrupted.")
@click.option("--interval", default=10.0, show_default=True, help="Seconds between rounds.")
def sync(
    files: tuple[Path, ...],
    overrides: tuple[str, ...],
    or_later: bool,
    keep_on: bool,
    interval: float,
) -> None:
    """Send everything that MLflow does not have yet; sent twice, it is stored once."""
    from bakeoff.tracking.delivery import sync as syncing
    from bakeoff.tracking.delivery.pending import record_pending

    experiment, layout = load_one(files, overrides) if keep_on else load(files, overrides)
    uri, force = experiment.tracking.uri, experiment.tracking.force
    if keep_on:
        name = experiment.tracked_as
        syncing.watch(
            layout.root, uri, name, force=force, interval=interval, register=_register_best
        )
        return
    for one in experiment.each:
        try:
            sent = syncing.sync(one.root, uri, one.tracked_as, force=force, register=_register_best)
            click.echo(sent)
        except TrackingError as error:
            if not or_later:
                raise
            record_pending(Layout(one.root).tracked, error)
            print_pending(error, files, one.with_part(overrides))


@click.command(short_help="Show the experiment's runs on 127.0.0.1")
@config_options
@click.option("--port", default=5000, show_default=True, help="Port on 127.0.0.1.")
def ui(files: tuple[Path, ...], overrides: tuple[str, ...], port: int) -> None:
    """Show the experiment's runs in the MLflow UI on 127.0.0.1."""
    from bakeoff.tracking.mlflow.server import serve_ui

    experiment, _ = load(files, overrides)
    tracking = experiment.tracking
    name = experiment.each[0].tracked_as
    sys.exit(serve_ui(tracking.uri, name, port, force=tracking.force))


@click.command(short_help="Serve MLflow to a group")
@click.option("--store", default=None, metavar="URI", help="SQLite or PostgreSQL database.")
@click.option("--artifacts", type=click.Path(path_type=Path), default=None, help="Folder.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=5000, show_default=True, help="Port to listen on.")
@click.option("--allow-host", "allowed", multiple=True, help="Name that clients may ask for.")
@click.option("--auth", is_flag=True, help="Ask for a name and a password.")
@click.option("--force", is_flag=True, help="Allow SQLite on a network file system.")
def server(
    store: str | None,
    artifacts: Path | None,
    host: str,
    port: int,
    allowed: tuple[str, ...],
    auth: bool,
    force: bool,
) -> None:
    """Serve MLflow to a group: one store, artifacts passed through."""
    from bakeoff.tracking.mlflow.address import Address
    from bakeoff.tracking.mlflow.server import server_command

    address = Address.resolve(store, force=force) if store else None
    command = server_command(
        address,
        artifacts,
        host=host,
        port=port,
        allowed_hosts=allowed,
        auth=auth,
        force=force,
    )
    click.echo(f"MLflow: {command.url}  (stop with Ctrl-C)")
    sys.exit(command.run())


@click.command(short_help="Register the best variant's model")
@config_options
@or_later_option
@click.option("--model", default=None, help="Name in the registry; by default the experiment's.")
def register(
    files: tuple[Path, ...], overrides: tuple[str, ...], or_later: bool, model: str | None
) -> None:
    """Register the best variant's model, after compare and sync; the alias moves if it is better."""
    from bakeoff.serving.registration import register_best
    from bakeoff.tracking.delivery.pending import record_pending

    experiment, layout = load_one(files, overrides)
    uri, force = experiment.tracking.uri, experiment.tracking.force
    expected = experiment.expected_seeds()
    try:
        done = register_best(
            layout.root, uri, experiment.tracked_as, model, expected=expected, force=force
        )
        click.echo(done)
    except TrackingError as error:
        if not or_later:
            raise
        record_pending(layout.registered, error, model=model, expected=expected)
        print_pending(error, files, overrides)


@click.command("export", short_help="Write the experiment's runs as plain files")
@config_options
@click.argument("folder", type=click.Path(path_type=Path))
def export_command(files: tuple[Path, ...], overrides: tuple[str, ...], folder: Path) -> None:
    """Write the experiment's MLflow runs into FOLDER as plain files."""
    from bakeoff.tracking.delivery.transfer import export_runs

    experiment, _ = load_one(files, overrides)
    tracking = experiment.tracking
    runs = export_runs(folder, tracking.uri, experiment.tracked_as, force=tracking.force)
    click.echo(f"{runs} runs written to {folder}.")


@click.command("import", short_help="Load what export wrote into another MLflow")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--to", "uri", default=None, metavar="URI", help="Server or store to load into.")
@click.option("--experiment", default=None, help="Name there; by default the exported one.")
def import_command(folder: Path, uri: str | None, experiment: str | None) -> None:
    """Load the runs that `bakeoff export` wrote to FOLDER into another MLflow."""
    from bakeoff.tracking.delivery.transfer import import_runs

    click.echo(f"{import_runs(folder, uri, experiment)} runs loaded from {folder}.")


def print_pending(
    error: TrackingError, files: tuple[Path, ...], overrides: tuple[str, ...]
) -> None:
    """Print why MLflow is not up to date, and the command that sends the rest later."""
    click.echo(
        f"bakeoff: {error}\nThe results are complete without it; for MLflow, later: "
        f"bakeoff sync {config_arguments(files, overrides)}"
    )


COMMANDS = (sync, ui, server, register, export_command, import_command)


def _register_best(*arguments: Any, **options: Any) -> object:
    """Complete a pending registration; torch is imported only where there is one."""
    from bakeoff.serving.registration import register_best

    return register_best(*arguments, **options)
