"""The command that writes the report, or the comparison as a table for a paper."""

from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import click

from bakeoff.cli.options import config_options, digest_option, load, load_to_work
from bakeoff.config import digest as digests
from bakeoff.config.arguments import shortened, snakemake_command
from bakeoff.planning.held_task import require_same_task


@click.command(short_help="Write the report, one HTML file, or a paper's table")
@config_options
@digest_option
@click.option(
    "--format",
    "kind",
    type=click.Choice(["html", "md", "latex", "csv"]),
    default="html",
    help="The page, or the comparison as a paper's table.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write the table; by default it is printed.",
)
def report(
    files: tuple[Path, ...],
    overrides: tuple[str, ...],
    digest: str | None,
    kind: str,
    out: Path | None,
) -> None:
    """Write the report, one HTML file that opens offline, and report.json with its figures.

    With --format md, latex or csv print the comparison as a table for a paper.
    """
    if kind != "html":
        _print_table(files, overrides, kind, out)
        return
    if out is not None:
        raise click.UsageError("--out is for a table; the page goes to the results folder.")
    from bakeoff.data.csv_table import read_text
    from bakeoff.data.subgroups import require_subgroups
    from bakeoff.errors import TrackingError
    from bakeoff.report.document import write_report
    from bakeoff.report.figures import write_figures
    from bakeoff.report.several.document import write_overview_report
    from bakeoff.report.tracked import tracked
    from bakeoff.tracking.mlflow.address import Address

    experiment, layout = load(files, overrides)
    command = snakemake_command(shortened(files), overrides)
    if experiment.parts:
        digests.check_digest(digest, digests.parts_digest(*experiment.compared_parts()), "report")
        write_overview_report(
            layout.root,
            experiment.name,
            experiment.parts[0].metric,
            command,
            written=datetime.now(UTC),
        )
        click.echo(f"{layout.report}")
        return
    require_same_task(experiment)
    planned = digests.runs_digest(experiment.runs(), experiment.compare)
    digests.check_digest(digest, planned, "report")
    if experiment.compare.subgroups and layout.split("test").exists():
        table = read_text(layout.split("test")).frame
        require_subgroups(table, experiment.compare.by_column, layout.split("test"))
    tracking = experiment.tracking
    try:
        address = Address.resolve(tracking.uri, force=True)  # to link to: nothing is opened
        link = tracked(layout.root, address, experiment.tracked_as)
    except TrackingError:  # there is no link; `bakeoff sync` reports the reason
        link = None
    write_report(
        layout.root,
        layout.report,
        experiment.expected_seeds(),
        command,
        planned={one.name: experiment.settings(one) for one in experiment.variants},
        written=datetime.now(UTC),
        mlflow=link,
        metric=experiment.metric.name,
        by=experiment.compare.by_column,
        most_seeds=experiment.compare.most_seeds if experiment.adaptive else None,
        name=experiment.name,
    )
    write_figures(layout.root, experiment.expected_seeds(), experiment.metric.name)
    click.echo(f"{layout.report}")


def _print_table(
    files: tuple[Path, ...], overrides: tuple[str, ...], kind: str, out: Path | None
) -> None:
    from bakeoff.files import write_text
    from bakeoff.report.evidence import read_evidence
    from bakeoff.report.paper_table import Format, paper_table

    experiment, layout = load_to_work(files, overrides)
    evidence = read_evidence(
        layout.root, experiment.expected_seeds(), metric=experiment.metric.name
    )
    table = paper_table(evidence, cast(Format, kind))
    if out is None:
        click.echo(table, nl=False)
    else:
        write_text(out, table)
        click.echo(f"{out}")
