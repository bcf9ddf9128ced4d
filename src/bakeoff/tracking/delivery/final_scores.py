"""Logs final scores to MLflow: figures that belong to no epoch."""

from collections.abc import Mapping

from bakeoff.tracking.batches import Point
from bakeoff.tracking.mlflow.store import Store
from bakeoff.tracking.presentation.scores import FINAL


def log_scores(store: Store, run_id: str, scores: Mapping[str, float], moment: float) -> None:
    """Log each score with the time `moment`, in seconds since the Unix epoch."""
    milliseconds = round(moment * 1000)
    points = (Point(key, value, milliseconds, FINAL) for key, value in scores.items())
    store.log_batches(run_id, points)
