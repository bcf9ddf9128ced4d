"""Two that make the same run in MLflow at the same moment: one run is left, and it is whole."""

import fcntl
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from bakeoff.tracking import shipment
from bakeoff.tracking.experiments import the_experiment
from bakeoff.tracking.mlflow_store import Store
from bakeoff.tracking.reachable import BusyError
from bakeoff.tracking.runs import the_run
from bakeoff.tracking.shipment import Shipment
from bakeoff.tracking.sync import sync
from tests.tracking.stored import assert_holds_exactly, open_store, runs
from tests.tracking.training import train

URI = "sqlite:///mlflow.db"


@pytest.fixture
def no_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system without locks, as some clusters have."""

    def refused(*_: object) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", refused)


@pytest.fixture
def before_call(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Do something, once, right before the store gets a certain call."""

    def arrange(method: str, fits: Callable[..., bool], do: Callable[[Store], None]) -> None:
        real = getattr(Store, method)

        def hooked(self: Store, *args: object) -> object:
            if fits(*args):
                monkeypatch.setattr(Store, method, real)
                do(self)
            return real(self, *args)

        monkeypatch.setattr(Store, method, hooked)

    return arrange


def send(journal: Path) -> None:
    store = open_store(URI)
    Shipment(store, the_experiment(store, "digits"), journal).send()


def assert_one_variant(journals: list[Path]) -> None:
    store = open_store(URI)
    (parent,) = runs(store, "digits", kind="variant")
    assert parent.params == {"model": "sgd", "training.lr": "0.01"}
    assert (parent.status, parent.tags["superseded"]) == ("FINISHED", "no")
    assert [point.step for point in store.curve(parent.id, "epoch/val_loss")] == [1, 2, 3]
    assert parent.metrics["seeds"] == len(journals)
    for journal in journals:
        run = assert_holds_exactly(store, "digits", journal)
        assert run.tags["mlflow.parentRunId"] == parent.id
    assert len(runs(store, "digits")) == 1 + len(journals)


def test_a_variant_that_its_seeds_make_at_once_without_locks_is_one_after_a_sync(
    room: Path, no_locks: None, before_call: Callable[..., None]
) -> None:
    """The later seed's is there and in use when the earlier seed's comes, which is older by its date."""
    results = Path("results/digits")
    earlier, later = (train(results, seed=seed) / "journal.jsonl" for seed in (0, 1))
    before_call("create", lambda _, name, *__: name == "sgd", lambda _: send(later))
    send(earlier)
    sync(results, URI, "digits")
    assert_one_variant([earlier, later])


def test_a_variant_that_turns_out_too_many_while_it_is_written_is_given_up_for_the_other(
    room: Path, no_locks: None, before_call: Callable[..., None]
) -> None:
    results = Path("results/digits")
    journal = train(results) / "journal.jsonl"

    def another_machine(store: Store) -> None:
        experiment = the_experiment(store, "digits")
        (ours,) = runs(store, "digits", kind="variant")
        identity = {key: ours.tags[key] for key in ("kind", "variant", "params_digest")}
        store.create(experiment, "sgd", 1.0, {**identity, "superseded": "no"})
        assert the_run(store, experiment, identity, "sgd", 1.0, {}).id != ours.id

    before_call("log", lambda _, batch: "model" in batch.params, another_machine)
    send(journal)
    sync(results, URI, "digits")
    assert_one_variant([journal])


def test_what_a_request_that_was_given_up_makes_late_is_put_away(
    room: Path, before_call: Callable[..., None]
) -> None:
    """A server that hung takes up what its client has asked for again meanwhile."""
    results = Path("results/digits")
    journal = train(results) / "journal.jsonl"

    def late(store: Store) -> None:
        for run in runs(store, "digits"):
            store.create(the_experiment(store, "digits"), run.name, run.started / 1000, run.tags)

    before_call("log", lambda _, batch: bool(batch.metrics), late)
    sync(results, URI, "digits")
    assert_one_variant([journal])


def test_a_seed_waits_while_another_makes_their_variant(
    room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shipment, "LOCK_PATIENCE", 0.2)
    journal = train(Path("results/digits")) / "journal.jsonl"
    with Path("results/digits/runs/sgd/variant.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(BusyError, match="sgd: another process"):
            send(journal)
    send(journal)
    assert_holds_exactly(open_store(URI), "digits", journal)


SENDER = """
    import sys
    from pathlib import Path
    from bakeoff.tracking.sync import sync
    sync(Path("results/digits"), "sqlite:///mlflow.db", "digits")
"""


@pytest.mark.slow
def test_two_senders_at_once_store_once(room: Path) -> None:
    results = Path("results/digits")
    journals = [train(results, seed=seed) / "journal.jsonl" for seed in (0, 1, 2)]
    command = [sys.executable, "-c", textwrap.dedent(SENDER)]
    senders = [subprocess.Popen(command) for _ in range(2)]
    assert [sender.wait(timeout=120) for sender in senders] == [0, 0]
    assert_one_variant(journals)
