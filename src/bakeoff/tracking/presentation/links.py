"""Addresses of MLflow's pages that open on training runs.

Unless the address says otherwise, MLflow 3.17 shows a new visitor its pages for language models,
whatever the experiment's kind.
"""

from urllib.parse import quote, urlencode

TRAINING = {"workflowType": "machine_learning"}


def on(server: str, link: str) -> str:
    """The whole address of a link on a server."""
    return f"{server.rstrip('/')}/{link}"


def experiments(named: str = "") -> str:
    """The list of experiments; if given, of those whose name has this text."""
    search = {"experimentSearchFilter": named} if named else {}
    return f"#/experiments?{urlencode(search | TRAINING, quote_via=quote)}"


def runs(experiment_id: str, view: str, *, charts: bool = False) -> str:
    """An experiment's runs in a saved view (`views`), as a table or as charts of their curves.

    Columns, filter and order are in the view only: MLflow ignores a view whose address has them too.
    """
    mode = {"compareRunsMode": "CHART"} if charts else {}
    return f"#/experiments/{experiment_id}/runs?{urlencode({'viewStateShareKey': view} | mode | TRAINING)}"


def run(experiment_id: str, run_id: str) -> str:
    """A run's overview."""
    return f"#/experiments/{experiment_id}/runs/{run_id}?{urlencode(TRAINING)}"


def artifact(experiment_id: str, run_id: str, path: str) -> str:
    """A file of a run, shown on its page."""
    return (
        f"#/experiments/{experiment_id}/runs/{run_id}/artifacts/{quote(path)}?{urlencode(TRAINING)}"
    )


def model(name: str) -> str:
    """A registered model with its versions."""
    return f"#/models/{quote(name, safe='')}?{urlencode(TRAINING)}"
