"""The link to the runs in MLflow, made without asking MLflow."""

from dataclasses import dataclass
from pathlib import Path

from bakeoff.layout import Layout
from bakeoff.report.reading import dig, read_object
from bakeoff.tracking.mlflow.address import Address
from bakeoff.tracking.presentation import links
from bakeoff.tracking.presentation.views import VARIANTS

LOCAL = "http://127.0.0.1:5000"  # where `bakeoff ui` shows an embedded store


@dataclass(frozen=True)
class Tracked:
    """A link, and whether it works only while `bakeoff ui` runs."""

    url: str
    needs_ui: bool


def tracked(results: Path, address: Address, experiment: str) -> Tracked:
    """The experiment's page at that address: by its id where tracked.json has it, else by its name.

    A report is often written before, or while, the runs are sent.
    """
    server = str(address).rstrip("/") if address.is_server else LOCAL
    found = read_object(Layout(results).tracked, [])
    known = found.get("experiment") == experiment and (
        str(found.get("url")).startswith(f"{server}/")
        if address.is_server
        else found.get("url") is None
    )
    identity = dig(found, "experiment_id")
    if known and isinstance(identity, str):
        return Tracked(links.on(server, links.runs(identity, VARIANTS)), not address.is_server)
    return Tracked(links.on(server, links.experiments(experiment)), not address.is_server)
