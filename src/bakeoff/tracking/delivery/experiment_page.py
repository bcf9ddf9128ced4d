"""What a person sees of an experiment on opening it: its description, and views of its runs."""

from bakeoff.tracking.mlflow.experiments import find_experiment, tag
from bakeoff.tracking.mlflow.store import Store
from bakeoff.tracking.presentation.descriptions import of_experiment
from bakeoff.tracking.presentation.notes import described
from bakeoff.tracking.presentation.views import saved_views, telling_params
from bakeoff.tracking.records import StoredRun

EARLIER = "The result is in the run [comparison]"
"""How descriptions of experiments began before bakeoff marked its own."""


def describe_experiment(store: Store, name: str) -> None:
    """Bring the description and the views of an experiment up to date with the runs that it has."""
    experiment = find_experiment(store, name)
    if experiment is None:  # a person has just deleted it
        return
    runs = [run for run in store.find(experiment.id, {"superseded": "no"}) if not run.deleted]

    def those(kind: str) -> list[StoredRun]:
        return [run for run in runs if run.tags.get("kind") == kind]

    params = telling_params([variant.params for variant in those("variant")])
    text = of_experiment(
        experiment.id, name, [run.tags for run in those("run")], those("comparison")
    )
    wanted = saved_views(params, experiment.created) | described(
        experiment.tags, text, earlier=EARLIER
    )
    tag(store, experiment, wanted)
