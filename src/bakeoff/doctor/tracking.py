"""Checks of MLflow's address: whether it answers from here and from a job."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from bakeoff.config.experiment import Experiment
from bakeoff.doctor.findings import Finding, ok, problem, warning
from bakeoff.doctor.probe import reach, together
from bakeoff.errors import TrackingError
from bakeoff.tracking.mlflow.address import Address

START = (
    "start one with `make server`, or correct tracking.uri or MLFLOW_TRACKING_URI. Nothing is "
    "lost meanwhile: `bakeoff sync` sends everything later"
)


def resolve(experiment: Experiment | None) -> Address:
    """The address that runs would be sent to; raises TrackingError where MLflow cannot use it."""
    if experiment is None:
        return Address.resolve()
    return Address.resolve(experiment.tracking.uri, force=experiment.tracking.force)


def target(address: Address) -> str:
    """The target for `probe.reach`, without user names and passwords.

    >>> target(Address("postgresql+psycopg2://me:secret@db/mlflow"))
    'tcp://db:5432'
    """
    if address.is_server:
        return f"{str(address).rstrip('/')}/health"
    if address.database is not None:
        return f"file://{address.database.parent}"
    parts = urlsplit(address.uri)
    return f"tcp://{parts.hostname}:{parts.port or 5432}"


def here(experiment: Experiment | None, seconds: float) -> Iterator[Finding]:
    """Whether the address can be used, and answers from this machine."""
    try:
        address = resolve(experiment)
    except TrackingError as error:
        what, _, way_out = str(error).partition(". ")
        yield problem(f"MLflow: {what}", way_out or "correct tracking.uri in the config")
        return
    silent = together({"it": lambda: reach(target(address), seconds)}, 2 * seconds)["it"]
    if silent:
        yield problem(f"MLflow at {address} does not answer here: {silent}", START)
    else:
        yield ok(f"MLflow at {address}: {'answers' if address.database is None else 'usable'} here")


def in_job(address: Address, error: str, *, mlflow: bool) -> Iterator[Finding]:
    """Whether the address can be used from a job; `error` is empty if so, `mlflow`: the job has mlflow."""
    if not mlflow:
        yield warning(
            "the job's Python lacks mlflow: what a run journals is in MLflow only when Snakemake or "
            "`bakeoff sync` sends it, not while it trains",
            "install mlflow there, or set `tracking: {live: false}` if that is meant",
        )
    if not error:
        yield ok(f"MLflow at {address}: reached from the job")
        return
    what = f"MLflow at {address} is not reached from the job: {error}"
    later = (
        "set `tracking: {live: false}` to send only at the end, from where Snakemake runs. "
        "Nothing is lost either way"
    )
    if address.database is not None:
        yield warning(
            what, f"keep the store on a folder that jobs see, or run a server, or {later}"
        )
    elif urlsplit(address.uri).hostname in ("localhost", "127.0.0.1", "::1"):
        yield warning(
            f"{what}; there, {urlsplit(address.uri).hostname} is the node itself",
            "start the server with `bakeoff server --host 0.0.0.0 --auth` and name this machine in "
            f"tracking.uri, or {later}",
        )
    else:
        yield warning(what, f"name a server that nodes reach, or {later}")
