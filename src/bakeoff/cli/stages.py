"""A command for each stage, in the order in which data flows through them."""

from pathlib import Path

import click

from bakeoff.cli.options import (
    config_options,
    digest_option,
    fresh_option,
    load,
    load_to_work,
    load_written,
    pretraining_option,
    run_options,
    workers_option,
)
from bakeoff.cli.report import report
from bakeoff.cli.synthesize import synthesize
from bakeoff.cli.train import train
from bakeoff.config import digest as digests
from bakeoff.config.accepted import planned_pretraining_digest
from bakeoff.config.experiment import Experiment
from bakeoff.errors import ConfigError
from bakeoff.layout import Layout
from bakeoff.planning.held_task import require_same_task

# Each command imports its stage when it runs: `bakeoff --help` and the light stages load no torch.


@click.command(short_help="Download a data set, where there is internet")
@click.argument("dataset", type=click.Choice(["nih-sample"]))
@click.option("--to", "folder", type=click.Path(path_type=Path), default=None, help="Folder.")
def fetch(dataset: str, folder: Path | None) -> None:
    """Download a data set from Kaggle, where there is internet."""
    from bakeoff.data.fetch import fetch_nih_sample

    fetched = fetch_nih_sample(folder or Path("data") / dataset)
    click.echo(f"The NIH sample is in {fetched}.")


@click.command(short_help="Fetch the published weights that variants name")
@config_options
@click.option("--only", default=None, metavar="NAME", help="Only <model>.<tag>, of all named.")
def weights(files: tuple[Path, ...], overrides: tuple[str, ...], only: str | None) -> None:
    """Fetch the published weights that variants name, where there is internet."""
    from bakeoff.errors import ConfigError

    experiment, _ = load(files, overrides)
    named = {w.published_as: w for w in experiment.weights().values() if w.kind == "timm"}
    if only is not None and only not in named:
        raise ConfigError(
            f"--only {only}: no variant names it, only: {', '.join(named) or 'none'}."
        )
    if not named:
        click.echo("No variant names published weights: there is nothing to fetch.")
        return
    from bakeoff.weights.fetch import fetch_weights

    for name in named if only is None else [only]:
        click.echo(fetch_weights(named[name]))


@click.command(short_help="Split the rows into train, val and test; audit it")
@config_options
@workers_option
@digest_option
def split(
    files: tuple[Path, ...], overrides: tuple[str, ...], workers: int | None, digest: str | None
) -> None:
    """Split the rows into train, val and test, and audit the split."""
    from bakeoff.data.class_folders import listing_digest
    from bakeoff.data.splits import write_splits
    from bakeoff.data.subgroups import require_subgroups
    from bakeoff.data.tables import inspect_labels

    experiment, layout = load_to_work(files, overrides)
    if experiment.compare.subgroups and (table := inspect_labels(experiment.data).table):
        require_subgroups(table.frame, experiment.compare.by_column, experiment.data.labelled_by)
    listing = listing_digest(experiment.data)
    planned = digests.data_digest(experiment.data, experiment.split, listing)
    what = "split" if not listing else f"split of {experiment.data.images}, whose files count"
    digests.check_digest(digest, planned, what)
    audit = write_splits(
        experiment.data, experiment.split, layout.splits, workers, asked=experiment.require_measured
    )
    for note in audit.notes:
        click.echo(f"note: {note}")
    for warning in audit.warnings:
        click.echo(f"warning: {warning}")
    click.echo(f"{layout.splits}")


@click.command(short_help="Decode every image once and pack them into one array")
@config_options
@click.option("--size", type=click.IntRange(1), required=True, help="Pixels per side.")
@click.option("--channels", type=click.Choice(["1", "3"]), default="1", help="3 keeps colours.")
@click.option("--fit", type=click.Choice(["squeeze", "crop"]), default="squeeze")
@click.option("--crop-pct", type=float, default=None, help="Of the shorter side, with --fit crop.")
@workers_option
@digest_option
def pack(
    files: tuple[Path, ...],
    overrides: tuple[str, ...],
    size: int,
    channels: str,
    fit: str,
    crop_pct: float | None,
    workers: int | None,
    digest: str | None,
) -> None:
    """Decode every image once and pack them, resized, into one array: as the keys of `image` are named."""
    from bakeoff.config.load import parse
    from bakeoff.config.schema import Image
    from bakeoff.data.pack import pack as write_pack

    experiment, layout = load_to_work(files, overrides)
    keys = {"size": size, "channels": int(channels), "fit": fit}
    if crop_pct is not None:
        keys["crop_pct"] = crop_pct
    packing = parse(Image, keys, where="image", source="options").packing
    planned = digests.pack_digest(experiment.data, packing)
    digests.check_digest(digest, planned, f"pack size {size}{packing.kind}")
    folder = layout.packed(size, packing.kind)
    write_pack(layout.splits, experiment.data, packing, folder, workers)


@click.command(short_help="Pack the unlabelled folder of a pretraining")
@config_options
@pretraining_option
@workers_option
@digest_option
def pack_unlabelled(
    files: tuple[Path, ...],
    overrides: tuple[str, ...],
    name: str,
    workers: int | None,
    digest: str | None,
) -> None:
    """Pack the folder of a pretraining, if it shares no patient with the test split."""
    from bakeoff.errors import ConfigError
    from bakeoff.pretraining.unlabelled import pack_unlabelled as write_pack

    experiment, layout = load_to_work(files, overrides)
    chosen = experiment.pretraining(name)
    planned = digests.unlabelled_digest(chosen, experiment.data, experiment.split)
    digests.check_digest(digest, planned, f"pack-unlabelled {name}")
    if chosen.masking.images is None:
        packing = chosen.variant.image.packing
        raise ConfigError(
            f"{chosen.key}.images: names no folder, so the pretraining takes the training split, which "
            f"`bakeoff pack --size {packing.size}{packing.options()}` packs."
        )
    write_pack(chosen, experiment, layout, workers)


@click.command(short_help="Pretrain on images without labels")
@config_options
@pretraining_option
@digest_option
@fresh_option
def pretrain(
    files: tuple[Path, ...],
    overrides: tuple[str, ...],
    name: str,
    digest: str | None,
    fresh: bool,
) -> None:
    """Pretrain on images without labels, from the last checkpoint. Exit code 75: start it again."""
    experiment, layout = load_to_work(files, overrides)
    chosen = experiment.pretraining(name)
    planned = planned_pretraining_digest(chosen, layout.pretraining(name))
    digests.check_digest(digest, planned, f"pretrain {name}")
    from bakeoff.pretraining.pretrain import pretrain as run_pretraining

    click.echo(run_pretraining(experiment, chosen, layout, fresh=fresh))


@click.command(short_help="Predict with a run's best weights, and measure")
@config_options
@run_options
def evaluate(files: tuple[Path, ...], overrides: tuple[str, ...], variant: str, seed: int) -> None:
    """Predict the validation and test images with a run's best weights, and measure."""
    from bakeoff.evaluation.looks import record_look
    from bakeoff.evaluation.metrics import evaluate_predictions
    from bakeoff.inference.predict import predict

    experiment, layout = load_to_work(files, overrides)
    run = experiment.run(variant, seed)
    predict(experiment, run, layout)
    evaluate_predictions(layout.run(variant, seed).path, experiment.task)
    record_look(experiment, run, layout)


@click.command(short_help="Draw what a run looks at")
@config_options
@run_options
def pictures(files: tuple[Path, ...], overrides: tuple[str, ...], variant: str, seed: int) -> None:
    """Draw what a run looks at: attention, Grad-CAM, scores, as far as its model has them."""
    from bakeoff.pictures.draw import draw_pictures

    experiment, layout = load_to_work(files, overrides)
    click.echo(draw_pictures(experiment, experiment.run(variant, seed), layout))


@click.command(short_help="Let the majority and the metadata compete")
@config_options
def baselines(files: tuple[Path, ...], overrides: tuple[str, ...]) -> None:
    """Let the majority and the metadata compete: what a variant has to beat."""
    from bakeoff.evaluation.baselines import write_baselines

    experiment, layout = load_to_work(files, overrides)
    data = experiment.data
    columns = (data.image_column, data.patient_column)
    write_baselines(layout.root, *columns, data.similar_ids, experiment.task)


@click.command("round", short_help="Decide which variants get another seed")
@config_options
@click.option(
    "--number", type=click.IntRange(min=1), required=True, help="Of the round, from 1 on."
)
def decide_round(files: tuple[Path, ...], overrides: tuple[str, ...], number: int) -> None:
    """Decide on validation which variants get another seed (compare.until: separated)."""
    from bakeoff.evaluation.rounds import write_round

    experiment, layout = load_to_work(files, overrides)
    if not experiment.adaptive:
        raise ConfigError(
            "compare.until: not set; rounds are of a bake-off with 'until: separated'."
        )
    experiment = load_written(files, overrides).with_rounds(number - 1)
    found = write_round(
        layout.root,
        number,
        experiment.expected_seeds(),
        experiment.task,
        experiment.metric,
        experiment.compare.most_seeds,
    )
    click.echo(f"{layout.round(number)}: {found.in_words}")


@click.command(short_help="Compare the variants, with intervals")
@config_options
@digest_option
def compare(files: tuple[Path, ...], overrides: tuple[str, ...], digest: str | None) -> None:
    """Compare the variants: a row each, means and intervals, what is missing."""
    from bakeoff.evaluation.comparison import write_comparison

    experiment, layout = load(files, overrides)
    if experiment.split.several and experiment.parts:
        _compare_parts(experiment, digest)
        return
    require_same_task(experiment)
    planned = digests.runs_digest(experiment.runs(), experiment.compare)
    digests.check_digest(digest, planned, "compare")
    write_comparison(
        layout.root,
        experiment.expected_seeds(),
        experiment.task,
        experiment.metric,
        experiment.compare.margin,
        rounds=experiment.adaptive,
    )
    click.echo(f"{layout.comparison}")


def _compare_parts(experiment: Experiment, digest: str | None) -> None:
    """Write what the ways in which the data is split say together."""
    from bakeoff.evaluation.several.overview import write_overview

    planned = digests.parts_digest(*experiment.compared_parts())
    digests.check_digest(digest, planned, "compare")
    first, layout = experiment.parts[0], Layout(experiment.root)
    assert experiment.split.several is not None
    write_overview(
        layout.root,
        experiment.split.several,
        [(one.split_as, one.root, one.expected_seeds()) for one in experiment.parts],
        first.task,
        first.metric,
        experiment.compare.margin,
        rounds=experiment.adaptive,
    )
    click.echo(f"{layout.overview}")


COMMANDS = (
    synthesize,
    fetch,
    weights,
    split,
    pack,
    pack_unlabelled,
    pretrain,
    train,
    evaluate,
    pictures,
    baselines,
    decide_round,
    compare,
    report,
)
