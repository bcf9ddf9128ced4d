"""Adding seeds only where they can matter: a round decides on validation who may still be the best.

The decision reads `predictions/val.csv` alone, and the test images take no part in it. What is concluded on
them is still not quite as sure as without rounds: a seed that is lucky on validation is so on test as well,
and rounds end when luck separates. The conclusion doubles its p values for that, and `benchmarks/adaptive.py`
measures whether it is enough.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from bakeoff.config.rounds import Round, next_seeds
from bakeoff.errors import EvaluationError
from bakeoff.evaluation.conclusion.best import may_be_best, not_best_p
from bakeoff.evaluation.conclusion.joint_errors import Figures, JointErrors, joint_errors
from bakeoff.evaluation.intervals import Floats, resample_weights
from bakeoff.evaluation.predictions import Predictions, read_predictions
from bakeoff.files import write_json
from bakeoff.layout import Layout
from bakeoff.task.classification import ClassificationTask, Metric
from bakeoff.task.measures import measures_of

SEPARATED, ENOUGH = "separated", "max_seeds"


def decide(
    number: int,
    errors: JointErrors,
    seeds: Mapping[str, Sequence[int]],
    metric: str,
    max_seeds: int,
) -> Round:
    """The decision of a round, from the errors of figures on validation, higher for the better.

    Who may be the best gets another seed. Before any variant has a second one, how far seeds lie apart is
    not known, and every variant gets one.
    """
    p = not_best_p(errors)
    inside = zip(errors.names, may_be_best(p), strict=True)
    in_the_set = tuple(name for name, may in inside if may)
    blind = not errors.seeds.known
    wanting = list(errors.names) if blind else list(in_the_set)
    added, ended = {}, ""
    if len(in_the_set) == 1 and not blind:
        ended = SEPARATED
    else:
        added = {
            name: next_seeds(seeds[name], 1) for name in wanting if len(seeds[name]) < max_seeds
        }
        ended = "" if added else ENOUGH
    means = zip(errors.names, errors.means, strict=True)
    return Round(
        number=number,
        metric=metric,
        seeds={name: tuple(own) for name, own in seeds.items()},
        validation={name: float(mean) if np.isfinite(mean) else None for name, mean in means},
        p=dict(zip(errors.names, map(float, p), strict=True)),
        in_the_set=in_the_set,
        added=added,
        ended=ended,
    )


def write_round(
    results: Path,
    number: int,
    expected: Sequence[tuple[str, Sequence[int]]],
    task: ClassificationTask,
    metric: Metric,
    max_seeds: int,
) -> Round:
    """Decide round `number` on the runs `expected` of it, and write `rounds/<number>.json`.

    Raises EvaluationError where the predictions of a run are missing.
    """
    layout = Layout(results)
    figures, units = [], 0
    weights: list[Floats] = []
    first: Predictions | None = None
    for variant, seeds in expected:
        values, drawn = [], []
        for seed in seeds:
            val = read_predictions(layout.run(variant, seed).predictions("val"), task)
            if first is None:
                first, units = val, val.unit_count
                weights = list(resample_weights(val.units))
            elif not np.array_equal(first.images, val.images):
                raise EvaluationError(
                    f"{val.path}: not about the same validation images as {first.path}. Train again."
                )
            own, over = _on_validation(val, metric, weights)
            values.append(own)
            drawn.append(over)
        sign = metric.sign
        figures.append(Figures(variant, sign * np.array(values), sign * np.stack(drawn)))
    errors = joint_errors(figures, units)
    found = decide(number, errors, dict(expected), metric.name, max_seeds)
    if metric.sign < 0:
        turned = {name: None if v is None else -v for name, v in found.validation.items()}
        found.validation.update(turned)
    write_json(layout.round(number), asdict(found))
    return found


def _on_validation(
    val: Predictions, metric: Metric, weights: Sequence[Floats]
) -> tuple[float, Floats]:
    """A run's figure on validation, and over its resamples; with the thresholds that validation chooses."""
    measures = measures_of(val.task)
    thresholds = measures.thresholds(val.labels, val.scores)
    even = np.ones((1, len(val.labels)))
    each = [
        measures.resampled(val.labels, val.scores, thresholds, chunk, [metric.name])[metric.name]
        for chunk in (even, *weights)
    ]
    return float(each[0][0]), np.concatenate(each[1:])
