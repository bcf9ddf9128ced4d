"""The command that trains: one run, or several in one process."""

import re
from pathlib import Path

import click

from bakeoff.cli.options import config_options, digest_option, fresh_option, load_to_work
from bakeoff.config import digest as digests
from bakeoff.config.accepted import planned_digest
from bakeoff.config.experiment import Experiment, Run
from bakeoff.errors import ConfigError, TrainingError
from bakeoff.files import write_json
from bakeoff.layout import Layout
from bakeoff.planning.recorded import forget_other_plan


class RunName(click.ParamType):  # type: ignore[type-arg]
    """VARIANT/seed-N, or VARIANT/seed-N@DIGEST: a run, and the digest that Snakemake planned it with."""

    name = "VARIANT/seed-N[@DIGEST]"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int, str | None]:
        """The variant, the seed and the digest."""
        found = re.fullmatch(r"(?P<variant>.+)/seed-(?P<seed>\d+)(?:@(?P<digest>\w+))?", str(value))
        if found is None:
            self.fail(f"expected VARIANT/seed-N, for example conv/seed-0, found {value!r}.")
        return found["variant"], int(found["seed"]), found["digest"]


@click.command(short_help="Train a run, or several together, from their last checkpoints")
@config_options
@click.option("--variant", help="Variant of the run.")
@click.option("--seed", type=int, help="Seed of the run.")
@digest_option
@click.option(
    "--run",
    "together",
    multiple=True,
    type=RunName(),
    help="Instead of these: a run; repeat to train several, each with its own train.log, in one process.",
)
@click.option(
    "--ended",
    type=click.Path(path_type=Path),
    help="With --run: write there how each run ended, which is then no error of this command.",
)
@fresh_option
def train(
    files: tuple[Path, ...],
    overrides: tuple[str, ...],
    variant: str | None,
    seed: int | None,
    digest: str | None,
    together: tuple[tuple[str, int, str | None], ...],
    ended: Path | None,
    fresh: bool,
) -> None:
    """Train one run, or several, from the last checkpoint. Exit code 75: saved, start it again."""
    if together and (variant, seed, digest) == (None, None, None):
        named = together
    elif not together and variant is not None and seed is not None and ended is None:
        named = ((variant, seed, digest),)
    else:
        raise click.UsageError("Give --variant and --seed, or --run for each run, not both.")
    experiment, layout = load_to_work(files, overrides)
    runs = [_planned(experiment, layout, *one) for one in named]
    if together:
        _train_together(experiment, layout, runs, ended, fresh)
        return
    from bakeoff.training.train import train as train_run

    train_run(experiment, runs[0], layout, fresh=fresh)


def _planned(
    experiment: Experiment, layout: Layout, variant: str, seed: int, digest: str | None
) -> Run:
    """The run, if it is still the one that was planned."""
    run = experiment.run(variant, seed)
    planned = planned_digest(run, experiment.data, layout.run(variant, seed))
    digests.check_digest(digest, planned, f"train {variant} seed {seed}")
    return run


def _train_together(
    experiment: Experiment, layout: Layout, runs: list[Run], ended: Path | None, fresh: bool
) -> None:
    names = [run.name for run in runs]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigError(f"--run {twice[0]}: named twice.")
    from bakeoff.training.packed_runs import train_together

    failures = train_together(experiment, runs, layout, fresh=fresh)
    for run in runs:
        folder = layout.run(run.variant.name, run.seed)
        for made in (folder.best, folder.run_json):
            forget_other_plan(made, planned_digest(run, experiment.data, folder))
    if ended is not None:
        write_json(ended, {name: failures.get(name, "trained") for name in names})
    elif failures:
        each = "; ".join(f"{name}: {why}" for name, why in failures.items())
        raise TrainingError(f"{len(failures)} of {len(names)} runs failed: {each}")
