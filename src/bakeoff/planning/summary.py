"""What a bake-off will run and ask for, counted before it starts."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from bakeoff.config.experiment import Experiment
from bakeoff.config.run_packs import run_packs
from bakeoff.data.class_folders import folders_that_count
from bakeoff.errors import DataError
from bakeoff.layout import Layout
from bakeoff.planning.held_task import require_same_task


def summarise(experiment: Experiment) -> str:
    """One sentence: runs, variants, pretrainings, and the most time and GPUs that they may take."""
    each = experiment.each
    runs = [run for one in each for run in one.runs()]
    pretrainings = [pretraining for one in each for pretraining in one.started_from()]
    packs = [pack for one in each for pack in run_packs(one.runs()).values()]
    jobs = [run.variant.resources for run in runs]
    for pack in packs:  # which ask for one run's
        for run in pack[1:]:
            jobs.remove(run.variant.resources)
    jobs += [pretraining.variant.resources for pretraining in pretrainings]
    gpu_minutes = sum(asked.gpu * asked.runtime for asked in jobs)
    minutes = sum(asked.runtime for asked in jobs)
    asked = f"at most {_hours(minutes)} h of job time"
    if gpu_minutes:
        asked += f" and {_hours(gpu_minutes)} GPU hours"
    planned = _counted(len(runs), "training run")
    if packs:
        planned += f" in {_counted(len(runs) - sum(map(len, packs)) + len(packs), 'job')}"
    planned += f" ({_counted(len(experiment.variants), 'variant')}{_several(experiment)})"
    if experiment.adaptive:
        most = experiment.compare.most_seeds * len(experiment.variants) * len(each)
        planned += f", with the seeds that rounds add at most {most}"
    if pretrainings:
        planned += f" and {_counted(len(pretrainings), 'pretraining')}"
    return f"{experiment.name}: {planned}, {asked}."


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def _several(experiment: Experiment) -> str:
    """How many ways the data is split, in words; empty for one way."""
    names = [one.split_as for one in experiment.parts]
    if experiment.split.several == "designs":
        return f" x {len(names)} splits: {', '.join(names)}"
    return f" x {len(names)} {experiment.split.several}" if names else ""


def require_ready(experiment: Experiment, files: Iterable[str | Path]) -> None:
    """Raise DataError with all that is wrong with the table and the images, unless they were split since.

    Before, ConfigError where the results are those of another kind of task.
    What the first job makes or fetches is no problem before it is there.
    Opening them takes longer than the rest of Snakemake's start, so it is done where something is new.
    """
    require_same_task(experiment)
    audit = Layout(experiment.root).splits / "audit.json"
    sources = [*map(Path, files), *_sources(experiment)]
    if audit.exists() and all(
        not file.exists() or file.stat().st_mtime <= audit.stat().st_mtime for file in sources
    ):
        return
    made = experiment.data.made_last
    if made is not None and not made.exists():
        return
    from bakeoff.data.readiness import examine

    # Images that were packed may be gone from where they were; if a new split needs others, `pack` says so.
    packed = any(experiment.root.glob("packed/*/images.npy"))
    if (ready := examine(experiment, images=not packed)).problems:
        which = f"split {experiment.split_as}: " if experiment.split_as else ""
        raise DataError(f"{which}{ready}")


def _sources(experiment: Experiment) -> Iterator[Path]:
    """The files and folders that say which images there are, and how they are split."""
    data, given = experiment.data, experiment.split.given
    if given is not None:
        yield from given.lists.values()
    if data.labels is not None:
        yield data.labels
    elif data.images.is_dir():
        yield from folders_that_count(data.images)


def without_gpu(experiment: Experiment) -> list[str]:
    """The variants and pretrainings that ask a cluster for no GPU, though they would use one."""
    named = [(variant.name, variant) for variant in experiment.variants]
    named += [(one.weights, one.variant) for one in experiment.started_from()]
    return [
        name
        for name, variant in named
        if variant.training.device != "cpu" and not variant.resources.asks_for_gpu
    ]


def gpu_hint(experiment: Experiment) -> str:
    """For the start on a cluster: who trains without a GPU, and the line that asks for one; or nothing."""
    names = without_gpu(experiment)
    if not names:
        return ""
    return (
        f"No GPU is asked for by {', '.join(names)}: they train on the cluster's processors. To ask for one "
        "per run: resources: {gpu: 1} in the configuration; if processors are meant: training: {device: cpu}."
    )


def starting_points(experiment: Experiment) -> Iterator[str]:
    """A line per pretrained weights: whose they are, which file, and whether it is there."""
    variants: dict[str, list[str]] = {}
    for variant, weights in experiment.weights().items():
        state = "is there" if weights.file.exists() else f"is not there yet. {weights.remedy}"
        variants.setdefault(f"{weights.file} {state}", []).append(variant)
    for line, names in variants.items():
        yield f"{', '.join(names)}: {line}"


def _hours(minutes: int) -> str:
    return f"{minutes / 60:.1f}".removesuffix(".0")
