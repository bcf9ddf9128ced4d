"""Who is the champion: the figures of a comparison, and whether a new version beats the one that is."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from bakeoff.errors import TrackingError
from bakeoff.layout import Layout
from bakeoff.task.binary import BinaryTask
from bakeoff.task.classification import ClassificationTask, Metric
from bakeoff.task.kinds import recorded_task
from bakeoff.tracking.presentation.version_tags import mean_of, metric_in, task_in

Figures = Mapping[str, str]
"""Mean test figures by the names of their tags, each digit kept."""


@dataclass(frozen=True)
class Compared:
    """A comparison that was made: its task, its primary metric, the figures of the variants that finished."""

    task: ClassificationTask
    metric: Metric
    means: Mapping[str, Figures]  # by variant, the best one first

    @property
    def best(self) -> str:
        """The best variant."""
        return next(iter(self.means))

    @classmethod
    def read(cls, layout: Layout) -> "Compared":
        """From comparison.csv; one of an earlier version is of a binary task, by AUROC.

        Raises TrackingError where there is none, or no variant has finished.
        """
        file = layout.comparison
        if not file.exists():
            raise TrackingError(f"{file}: missing. Run `bakeoff compare` first.")
        table = pd.read_csv(file)
        task = recorded_task(layout.audit) or BinaryTask()
        named = list(table["metric"].dropna()) if "metric" in table else []
        try:
            metric = task.metric(str(named[0]) if named else None)
        except ValueError as error:
            raise TrackingError(f"{file}: {error}. Run `bakeoff compare` again.") from None
        column = mean_of(metric)
        finished = table[(table["kind"] == "variant") & table[column].notna()]
        if finished.empty:
            raise TrackingError(f"{file}: no variant has finished, so none is the best.")
        ranked = finished.sort_values(column, ascending=not metric.higher_is_better)
        columns = [name for name in map(mean_of, task.metrics) if name in ranked]
        means = {
            str(row["variant"]): {
                key: repr(float(row[key])) for key in columns if row[key] == row[key]
            }
            for row in ranked.to_dict("records")
        }
        return cls(task, metric, means)


def challenge(tags: Mapping[str, str], champion: Mapping[str, str]) -> tuple[bool, str]:
    """Whether a version with these tags takes the alias from the champion with those, and why, in words.

    Only of the same question, on the same test images and by the same metric are figures compared. Whoever
    loads the champion expects the columns that it has: another question never takes its place.
    """
    task, metric = task_in(tags), metric_in(tags)
    before = task_in(champion)
    if (before.kind, before.score_columns) != (task.kind, task.score_columns):
        return False, (
            f"it answers another question ({before.in_short}) than this one ({task.in_short}). Take another "
            "name for this one: `bakeoff register --model NAME`"
        )
    if champion.get("test_split") != tags["test_split"]:
        return False, "it was tested on other images"
    score, known = float(tags[mean_of(metric)]), _number(champion.get(mean_of(metric)))
    if known is None:
        return False, (
            f"its {metric} is not known: it was chosen by {metric_in(champion)}. Move the alias by hand if "
            "this one is the better"
        )
    shown = (f"{score:.4f}", f"{known:.4f}")
    if metric.sign * score > metric.sign * known:
        return True, f"{shown[0]} {'>' if metric.higher_is_better else '<'} {shown[1]} {metric}"
    return False, f"{shown[1]} {'>=' if metric.higher_is_better else '<='} {shown[0]} {metric}"


def _number(text: str | None) -> float | None:
    """The number that a tag holds; None where a person wrote another word."""
    try:
        return None if text is None else float(text)
    except ValueError:
        return None
