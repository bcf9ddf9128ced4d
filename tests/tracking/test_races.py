"""Two that make the same run in MLflow at the same moment: one run is left, and it is whole."""

import fcntl
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bakeoff.tracking.batches import Batch, Point
from bakeoff.tracking.delivery import locks
from bakeoff.tracking.delivery.delivery import RunDelivery
from bakeoff.tracking.delivery.sync import sync
from bakeoff.tracking.journal.journal import Journal
from bakeoff.tracking.mlflow.experiments import find_or_create_experiment
from bakeoff.tracking.mlflow.health import BusyError, UnavailableError
from bakeoff.tracking.mlflow.runs import find_or_create_run, move_to_trash
from bakeoff.tracking.mlflow.store import Store
from tests.tracking.stored import assert_holds_exactly, open_store, runs
from tests.tracking.training import train

pytestmark = pytest.mark.slow(seconds=2)

URI = "sqlite:///mlflow.db"


@pytest.fixture
def no_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system without locks, as some clusters have."""

    def refused(*_: object) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", refused)


@pytest.fixture
def before_call(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Do something, once, right before the store gets a certain call."""
    due: list[str] = []

    def arrange(method: str, fits: Callable[..., bool], do: Callable[[Store], None]) -> None:
        real = getattr(Store, method)
        due.append(method)

        def hooked(self: Store, *args: object) -> object:
            if fits(*args):
                monkeypatch.setattr(Store, method, real)
                due.remove(method)
                do(self)
            return real(self, *args)

        monkeypatch.setattr(Store, method, hooked)

    yield arrange
    assert not due, "what was to be met was never met"


def unavailable(_: Store) -> None:
    raise UnavailableError("The server was killed.")


def send(journal: Path) -> None:
    store = open_store(URI)
    RunDelivery(store, find_or_create_experiment(store, "digits"), journal).send()


def late(store: Store) -> None:
    """A server that hung carries out what its client has given up, and asked for again meanwhile."""
    first = ("kind", "variant", "seed", "journal", "results", "params_digest", "superseded")
    for run in runs(store, "digits"):
        tags = {key: run.tags[key] for key in first if key in run.tags}
        store.create(find_or_create_experiment(store, "digits"), run.name, run.started / 1000, tags)


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
        experiment = find_or_create_experiment(store, "digits")
        (ours,) = runs(store, "digits", kind="variant")
        identity = {key: ours.tags[key] for key in ("kind", "variant", "params_digest")}
        store.create(experiment, "sgd", 1.0, {**identity, "superseded": "no"})
        assert find_or_create_run(store, experiment, identity, "sgd", 1.0, {}).id != ours.id

    before_call("log", lambda _, batch: "model" in batch.params, another_machine)
    send(journal)
    sync(results, URI, "digits")
    assert_one_variant([journal])


@pytest.mark.parametrize("moment", ["while it is sent", "when all was sent"])
def test_what_a_request_that_was_given_up_makes_late_is_moved_to_the_trash(
    room: Path, before_call: Callable[..., None], moment: str
) -> None:
    results = Path("results/digits")
    journal = train(results) / "journal.jsonl"
    if moment == "while it is sent":
        before_call("log", lambda _, batch: bool(batch.metrics), late)
    else:
        sync(results, URI, "digits")
        late(open_store(URI))
    sync(results, URI, "digits")
    assert_one_variant([journal])


def test_a_late_baseline_and_comparison_are_moved_to_the_trash(room: Path) -> None:
    results = Path("results/digits")
    shutil.copytree(train(results), results / "baselines/majority")
    (results / "comparison.csv").write_text("variant\nsgd\n")
    sync(results, URI, "digits")
    store = open_store(URI)

    def live_run() -> list[str]:
        found = (runs(store, "digits", kind=kind) for kind in ("baseline", "comparison"))
        return [run.id for each in found for run in each]

    before = live_run()
    late(store)
    for _ in range(2):
        sync(results, URI, "digits")
        assert live_run() == before and len(before) == 2


def test_a_comparison_that_was_deleted_as_a_duplicate_is_sent_to_the_one_that_was_kept(
    room: Path,
) -> None:
    """Of two syncs that made it at once, the later one noted its own, which the other retired."""
    results = Path("results/digits")
    train(results)
    (results / "comparison.csv").write_text("variant\n")
    sync(results, URI, "digits")
    store = open_store(URI)
    (noted,) = runs(store, "digits", kind="comparison")
    move_to_trash(store, noted, ("kind", "results"), "duplicate of another")
    (results / "comparison.csv").write_text("variant\nsgd\n")
    sync(results, URI, "digits")
    (kept,) = runs(store, "digits", kind="comparison")
    assert kept.id != noted.id and dict(store.files(kept.id)) == {"comparison.csv": 12}


def test_putting_a_run_away_is_ended_after_the_server_died_in_the_middle(
    room: Path, before_call: Callable[..., None]
) -> None:
    results = Path("results/digits")
    journal = train(results) / "journal.jsonl"
    sync(results, URI, "digits")
    late(open_store(URI))
    before_call("delete", lambda _: True, unavailable)
    with pytest.raises(UnavailableError):
        sync(results, URI, "digits")
    sync(results, URI, "digits")
    assert_one_variant([journal])


def test_mean_curves_that_were_cut_short_are_made_whole(
    room: Path, before_call: Callable[..., None]
) -> None:
    results = Path("results/digits")
    journal = train(results) / "journal.jsonl"
    send(journal)
    store = open_store(URI)
    (parent,) = runs(store, "digits", kind="variant")
    store.log(parent.id, Batch([Point("epoch/val_loss", 0.9, 1, 1)]))  # before a seed was added
    before_call("log", lambda _, batch: bool(batch.metrics), unavailable)
    with pytest.raises(UnavailableError):
        sync(results, URI, "digits")
    sync(results, URI, "digits")
    assert_one_variant([journal])


@pytest.mark.parametrize("running", [True, False])
def test_a_seed_of_an_older_configuration_does_not_replace_the_newer_ones(
    room: Path, running: bool
) -> None:
    """It was dropped from the configuration, or is still to be trained anew."""
    results = Path("results/digits")
    for seed in (0, 1):
        train(results, seed=seed, lr=0.01)
    sync(results, URI, "digits")
    train(results, seed=0, lr=0.05, until=1 if running else None)
    for _ in range(2):
        sync(results, URI, "digits")
        parents = runs(open_store(URI), "digits", kind="variant")
        assert {run.params["training.lr"]: (run.status, run.tags["superseded"]) for run in parents} == {
            "0.01": ("FINISHED", "yes"),
            "0.05": ("RUNNING" if running else "FINISHED", "no"),
        }  # fmt: skip


def test_a_sync_does_not_set_back_what_a_live_sender_has_noted(
    room: Path, before_call: Callable[..., None]
) -> None:
    results = Path("results/digits")
    journal = train(results, epochs=5, until=2) / "journal.jsonl"
    sync(results, URI, "digits")
    record = journal.with_suffix(".sent.json")

    def live(store: Store) -> None:
        with Journal(journal) as more:
            more.metrics(3, {"val_auc": 0.7})
        send(journal)
        noted.append(record.read_text())

    noted: list[str] = []
    before_call("find", lambda _, tags: tags.get("kind") == "variant", live)
    sync(results, URI, "digits")
    assert record.read_text() == noted[0]


def test_two_syncs_that_renew_a_variant_at_once_leave_one(
    room: Path, no_locks: None, before_call: Callable[..., None]
) -> None:
    results = Path("results/digits")
    journals = [train(results) / "journal.jsonl"]
    sync(results, URI, "digits")
    journals.append(train(results, seed=1) / "journal.jsonl")
    before_call(
        "log",
        lambda _, batch: "replaced" in batch.tags.values(),
        lambda _: sync(results, URI, "digits"),
    )
    sync(results, URI, "digits")
    assert_one_variant(journals)


def test_a_seed_waits_while_another_makes_their_variant(
    room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "LOCK_PATIENCE", 0.2)
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
    from bakeoff.tracking.delivery.sync import sync
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
