"""`bakeoff doctor`: checks the machine and the cluster before anything runs."""

import sys
from pathlib import Path

import click

from bakeoff.cli.options import load, optional_config


@click.command(short_help="Say what would go wrong here or on the cluster")
@optional_config(
    "Configuration file: what its jobs ask for, its MLflow, its results folder. Repeatable."
)
@click.option("--profile", "name", help="Snakemake profile to check: its Python and defaults.")
@click.option("--account", default="", help="Account of the jobs, instead of SBATCH_ACCOUNT's.")
@click.option("--partition", default="", help="Partition, instead of SBATCH_PARTITION's.")
@click.option("--python", default="", help="What starts Python in a job, as --submitit-python.")
@click.option("--no-job", is_flag=True, help="Look, but submit no probe job.")
@click.option(
    "--timeout", default=120.0, show_default=True, help="Seconds to wait for the probe to start."
)
def doctor(
    files: tuple[Path, ...],
    overrides: tuple[str, ...],
    name: str | None,
    account: str,
    partition: str,
    python: str,
    no_job: bool,
    timeout: float,
) -> None:
    """Say what would go wrong on this machine and its cluster, and the way out.

    Submits one small job to SLURM, if there is one, and cancels it. Exit code 1: there is a problem.
    """
    from bakeoff.doctor.examination import Examination
    from bakeoff.doctor.findings import Finding, show, summarise
    from bakeoff.doctor.profile import Profile

    experiment, results = None, Path("results")
    if files:
        experiment, layout = load(files, overrides)
        results = layout.root
    examination = Examination(
        experiment=experiment,
        results=results,
        profile=Profile.read(name) if name else Profile(),
        account=account,
        partition=partition,
        python=python,
        job=not no_job,
        timeout=timeout,
        asked_for_slurm=bool(name or account or partition),
    )
    findings: list[Finding] = []
    for item in examination.findings(lambda text: click.echo(f"  ... {text}", err=True)):
        if isinstance(item, Finding):
            findings.append(item)
            show(item)
        else:
            click.echo(f"\n{item}" if findings else item)
    click.echo(f"\n{summarise(findings)}")
    sys.exit(any(finding.level == "problem" for finding in findings))


COMMANDS = (doctor,)
