"""The page of an experiment in MLflow: its description, and the saved views of its runs."""

from bakeoff.task.classification import Metric
from bakeoff.tracking.mlflow.experiments import find_experiment, shown_first, tag
from bakeoff.tracking.mlflow.store import Store
from bakeoff.tracking.presentation.descriptions import of_experiment
from bakeoff.tracking.presentation.notes import described
from bakeoff.tracking.presentation.views import differing_params, saved_views
from bakeoff.tracking.records import StoredRun

EARLIER = "The result is in the run [comparison]"
"""The first words of descriptions that bakeoff wrote before it marked its own."""


def describe_experiment(store: Store, name: str, metric: Metric) -> None:
    """Update the description and the views of an experiment from its runs, by the primary `metric`."""
    experiment = find_experiment(store, name)
    if experiment is None:  # a person has just deleted it
        return
    runs = [run for run in store.find(experiment.id, {"superseded": "no"}) if not run.deleted]

    def of_kind(kind: str) -> list[StoredRun]:
        return [run for run in runs if run.tags.get("kind") == kind]

    params = differing_params([variant.params for variant in of_kind("variant")])
    text = of_experiment(
        experiment.id, name, [run.tags for run in of_kind("run")], of_kind("comparison"), metric
    )
    wanted = saved_views(params, experiment.created, metric) | shown_first(metric)
    tag(store, experiment, wanted | described(experiment.tags, text, earlier=EARLIER))
