"""What a bake-off will run and ask for, counted before it starts."""

from collections.abc import Iterator

from bakeoff.config.experiment import Experiment


def summarise(experiment: Experiment) -> str:
    """One sentence: runs, variants, pretrainings, and the most time and GPUs that they may take."""
    runs, pretrainings = list(experiment.runs()), experiment.started_from()
    jobs = [run.variant.resources for run in runs]
    jobs += [pretraining.variant.resources for pretraining in pretrainings]
    gpu_minutes = sum(asked.gpu * asked.runtime for asked in jobs)
    minutes = sum(asked.runtime for asked in jobs)
    asked = f"at most {_hours(minutes)} h of job time"
    if gpu_minutes:
        asked += f" and {_hours(gpu_minutes)} GPU hours"
    planned = f"{len(runs)} training {'run' if len(runs) == 1 else 'runs'}"
    planned += f" ({len(experiment.variants)} variants)"
    if pretrainings:
        planned += f" and {len(pretrainings)} pretraining{'s' * (len(pretrainings) > 1)}"
    return f"{experiment.name}: {planned}, {asked}."


def starting_points(experiment: Experiment) -> Iterator[str]:
    """A line per pretrained weights: whose they are, which file, and whether it is there."""
    variants: dict[str, list[str]] = {}
    for variant, weights in experiment.weights().items():
        state = "is there" if weights.file.is_file() else f"is not there yet. {weights.remedy}"
        variants.setdefault(f"{weights.file} {state}", []).append(variant)
    for line, names in variants.items():
        yield f"{', '.join(names)}: {line}"


def _hours(minutes: int) -> str:
    return f"{minutes / 60:.1f}".removesuffix(".0")
