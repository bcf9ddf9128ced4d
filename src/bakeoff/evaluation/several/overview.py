"""The overview of an experiment whose data is split several ways, as `overview.json` has it."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import TypeAdapter

from bakeoff.config.schema.split import SeveralWays
from bakeoff.evaluation import intervals
from bakeoff.evaluation.several.designs import Worth, worths
from bakeoff.evaluation.several.parts import Expected, Part, PartOverview, read_parts
from bakeoff.evaluation.several.resplits import Resplits, over_splits
from bakeoff.files import replacing, write_json
from bakeoff.layout import Layout
from bakeoff.task.classification import ClassificationTask, Metric

ALL = "all"
"""In comparison.csv, what stands in the place of a part's name for the mean over all of them."""


@dataclass(frozen=True)
class Overview:
    """What the parts say together: of repeats and folds `resplits`, of designs `worths`."""

    several: SeveralWays
    metric: str
    level: float
    parts: tuple[PartOverview, ...]
    resplits: Resplits | None
    worths: tuple[Worth, ...]


def write_overview(
    root: Path,
    several: SeveralWays,
    parts: Iterable[tuple[str, Path, Expected]],
    task: ClassificationTask,
    metric: Metric,
    margin: float | None = None,
    *,
    rounds: bool = False,
) -> Overview:
    """Write overview.json and comparison.csv of the parts (name, results folder, variants with seeds).

    Raises EvaluationError for a part that was not compared yet.
    """
    read = read_parts(parts, task, metric)
    designs = several == "designs"
    found = Overview(
        several=several,
        metric=metric.name,
        level=intervals.LEVEL,
        parts=tuple(_overview(part) for part in read),
        resplits=None if designs else over_splits(read, metric, margin, rounds=rounds),
        worths=tuple(worths(read, metric)) if designs else (),
    )
    layout = Layout(root)
    write_json(layout.overview, TypeAdapter(Overview).dump_python(found, mode="json"))
    with replacing(layout.comparison) as temporary:
        pd.DataFrame(list(_rows(found))).to_csv(temporary, index=False)
    return found


def read_overview(path: Path) -> Overview:
    """What `write_overview` wrote; raises OSError or pydantic's ValidationError."""
    return TypeAdapter(Overview).validate_json(path.read_bytes())


def _overview(part: Part) -> PartOverview:
    return PartOverview(
        part.name, part.images, part.patients, part.shared, part.figures, part.conclusion
    )


def _rows(found: Overview) -> Iterable[dict[str, Any]]:
    """A row for each competitor on each part, then for each variant over all of them."""
    for part in found.parts:
        for one in part.figures:
            yield {"split": part.name, "metric": found.metric, **asdict(one)}
    for over in found.resplits.variants if found.resplits else ():
        yield {
            "split": ALL,
            "metric": found.metric,
            "kind": "variant",
            "name": over.name,
            "mean": over.mean,
            "low": over.low,
            "high": over.high,
        }
