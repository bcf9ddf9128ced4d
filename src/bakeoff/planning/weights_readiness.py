"""Whether the files that variants start from hold what their models take, all that is wrong at once."""

from bakeoff.config.experiment import Experiment
from bakeoff.config.variants import Variant
from bakeoff.errors import ConfigError


def examine(experiment: Experiment) -> list[str]:
    """A line per file and model that do not go together; what is still to be fetched or made is left out.

    Opens every file. Imports torch only where there are some.
    """
    wrong: dict[str, list[str]] = {}
    for variant in experiment.variants:
        if why := _wrong(variant):
            wrong.setdefault(why, []).append(f"variants.{variant.name}.weights")
    return [f"{', '.join(keys)}: {why}" for why, keys in wrong.items()]


def _wrong(variant: Variant) -> str | None:
    weights = variant.weights
    if weights is None or (weights.kind != "file" and not weights.file.exists()):
        return None
    if why := weights.wrong():
        return why
    from bakeoff.models.registry import Task
    from bakeoff.weights.loading import verify

    task = Task(variant.image.channels, variant.image.size)
    try:
        verify(weights.file, variant.model, task, variant.options)
    except ConfigError as error:
        return str(error)
    return None
