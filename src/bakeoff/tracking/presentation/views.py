"""Saved views of an experiment's runs in MLflow: rows, columns and order.

MLflow's table has no columns for metrics and params until somebody chooses them, and the choice stays
in that person's browser. A saved view is in the experiment: a tag that its page lists under "Views" and
that a link can name (`links.runs`). Its content has the format that MLflow 3.17 writes.
"""

import json
from collections.abc import Mapping, Sequence

from bakeoff.task.classification import Metric
from bakeoff.tracking.presentation.metric_names import shown_as

TAG = "mlflow.sharedViewState."
VARIANTS = "variants"
"""The view with a row per variant and its seeds below it: what a person sees first."""
RANKING = "ranking"
"""The view with variants and baselines in the order of the primary metric, the best one first."""

COLUMNS = 4  # params in which variants differ that have a column; a screen has room for no more
NOT_THE_MODEL = ("resources.", "data.")

_PRESENT = "tags.superseded = 'no'"
_BESIDE = ("comparison", "baseline", "pretraining")


def saved_views(params: Sequence[str], created: int, metric: Metric) -> dict[str, str]:
    """The experiment's tags with the views; `created` in milliseconds since the Unix epoch.

    `metric` is the primary one; `params` have a column each. A table that is ordered by a metric is flat in
    MLflow: seeds are below their variant only in the order in which runs were created.
    """
    primary = shown_as(metric)
    metrics = [primary, shown_as(metric, "test_sd"), shown_as(metric, "val")]
    columns = [f"metrics.`{key}`" for key in metrics] + [f"params.`{key}`" for key in params]
    return {
        f"{TAG}{VARIANTS}": _view(
            "Variants, seeds below", created, columns, _BESIDE, "attributes.start_time"
        ),
        f"{TAG}{RANKING}": _view(
            f"Ranking by {primary}",
            created,
            columns,
            ("comparison", "run", "pretraining"),
            f"metrics.`{primary}`",
            ascending=not metric.higher_is_better,
        ),
    }


def differing_params(variants: Sequence[Mapping[str, str]]) -> list[str]:
    """The params in which variants differ, `model` first; each variant's params as MLflow has them."""
    keys = dict.fromkeys(key for params in variants for key in params)
    differing = [
        key
        for key in keys
        if not key.startswith(NOT_THE_MODEL) and len({params.get(key) for params in variants}) > 1
    ]
    return list(dict.fromkeys(["model", *differing]))[: 1 + COLUMNS]


def _view(
    name: str,
    created: int,
    columns: Sequence[str],
    hidden: Sequence[str],
    order: str,
    *,
    ascending: bool = False,
) -> str:
    state = {
        "searchFilter": " and ".join([_PRESENT, *(f"tags.kind != '{kind}'" for kind in hidden)]),
        "orderByKey": order,
        "orderByAsc": ascending,
        "selectedColumns": list(columns),
    }
    return json.dumps({"name": name, "createdAt": created, "state": json.dumps(state)})
