"""Syncs a results folder to MLflow, once or continuously; what is there already is not sent again."""

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bakeoff.errors import TrackingError
from bakeoff.files import write_json
from bakeoff.layout import Layout
from bakeoff.tracking.delivery.comparison import COMPARISON, send_baseline, send_comparison
from bakeoff.tracking.delivery.delivery import RunDelivery
from bakeoff.tracking.delivery.experiment_page import describe_experiment
from bakeoff.tracking.delivery.locks import variant_lock
from bakeoff.tracking.delivery.model_card import describe_registered
from bakeoff.tracking.delivery.pending import pending_arguments
from bakeoff.tracking.delivery.primary import primary_metric
from bakeoff.tracking.delivery.variants import send_variant
from bakeoff.tracking.journal.journal import NAME
from bakeoff.tracking.journal.orphaned import mark_if_orphaned
from bakeoff.tracking.mlflow.address import Address
from bakeoff.tracking.mlflow.experiments import find_or_create_experiment
from bakeoff.tracking.mlflow.health import BusyError, UnavailableError
from bakeoff.tracking.mlflow.runs import delete_duplicate_runs
from bakeoff.tracking.mlflow.store import Store
from bakeoff.tracking.mlflow.variant_digest import params_digest
from bakeoff.tracking.presentation import links
from bakeoff.tracking.presentation.views import VARIANTS

log = logging.getLogger(__name__)


Register = Callable[..., object]
"""`serving.registration.register_best`: callers pass it, since it imports torch and layers above this one."""


@dataclass
class Synced:
    """The counts of a sync: journals read; events and files that MLflow did not have."""

    experiment_id: str
    url: str  # of the experiment's page; empty for an embedded store
    journals: int = 0
    events: int = 0
    files: int = 0
    running: int = 0  # runs that have not ended

    def __str__(self) -> str:
        return f"{self.journals} runs, {self.events} new events, {self.files} files sent to MLflow."


@dataclass
class DeliveryErrors:
    """Errors of single deliveries, collected while the others go on."""

    refused: list[str] = field(default_factory=list)
    busy: dict[Path, str] = field(default_factory=dict)  # by another process, with the message

    @contextmanager
    def collected(self, what: Path) -> Iterator[None]:
        """Collect the error where MLflow refuses `what`, or another process is sending it."""
        try:
            yield
        except BusyError as error:
            log.warning("%s", error)
            self.busy[what] = str(error)
        except UnavailableError:
            raise
        except TrackingError as error:
            self.refused.append(str(error))

    def raise_all(self) -> None:
        """Raise TrackingError naming all that was refused, or BusyError naming what has to wait."""
        if self.refused:
            raise TrackingError("\n".join(["MLflow refused:", *self.refused, *self.busy.values()]))
        if self.busy:
            raise BusyError("\n".join(self.busy.values()))


def sync(
    results: Path,
    uri: str | None,
    experiment: str,
    *,
    force: bool = False,
    register: Register | None = None,
) -> Synced:
    """Send everything in `results` (results/<experiment>) that the MLflow at `uri` does not have.

    An orphaned run is journalled as KILLED. Writes tracked.json, and registers the best variant where
    that is pending. `uri` None is MLFLOW_TRACKING_URI, then the embedded store; `force`
    allows SQLite on a network file system. Raises UnavailableError where trying again may help
    (nothing is lost, what was sent stays). After sending the others, raises TrackingError naming every
    run that MLflow refused, or BusyError naming those that another process was sending.
    """
    if not results.is_dir():
        raise TrackingError(f"{results}: no such folder. Nothing has been run there yet.")
    address = Address.resolve(uri, force=force)
    store = Store(address)
    if not has_results(results):  # no empty experiment
        return Synced("", "")
    metric = primary_metric(results)
    experiment_id = find_or_create_experiment(store, experiment, metric)
    place = links.runs(experiment_id, VARIANTS)
    url = links.on(str(address), place) if address.is_server else ""
    done, errors = Synced(experiment_id, url), DeliveryErrors()
    known: set[str] = set()  # the runs in MLflow
    current: list[RunDelivery] = []
    for journal in journals(results):
        delivery = RunDelivery(store, experiment_id, journal)
        with errors.collected(journal):
            delivered = delivery.send()
            if delivery.is_current and mark_if_orphaned(journal, delivery.run_state):
                delivered += delivery.send()
            done.journals += 1
            done.events += delivered.events
            done.files += delivered.files
            known.add(delivered.run_id)
            if delivery.is_current and (state := delivery.run_state.state):
                done.running += not state.ended
                current.append(delivery)
    _send_variants(store, experiment_id, current, errors)
    tags, comparison = [run.run_state.tags for run in current if "parent" in run.cursor.extra], ""
    with errors.collected(results):
        comparison, files = send_comparison(store, experiment_id, results, tags)
        done.files += files
        known.add(comparison)
    for file in sorted(results.glob("baselines/*/metrics.json")):
        with errors.collected(file):
            baseline, files = send_baseline(store, experiment_id, file.parent, tags, comparison)
            done.files += files
            known.add(baseline)
    delete_duplicate_runs(store, experiment_id, known)
    describe_experiment(store, experiment, metric)
    errors.raise_all()
    layout = Layout(results)
    if (registration := pending_arguments(layout.registered)) is not None:
        if register is not None:
            log.info("%s", register(results, uri, experiment, **registration, force=force))
    else:
        describe_registered(store, results, experiment)
    found = {"experiment": experiment, "experiment_id": experiment_id, "url": url or None}
    write_json(layout.tracked, found)
    return done


def _send_variants(
    store: Store, experiment_id: str, runs: Sequence[RunDelivery], errors: DeliveryErrors
) -> None:
    """Update every variant's parent run; the newest configuration of a variant comes last."""
    variants: dict[tuple[Path, str], list[RunDelivery]] = defaultdict(list)  # by folder and params
    for run in sorted(runs, key=_begun):
        if "parent" in run.cursor.extra:
            variants[run.folder.parent, params_digest(run.run_state.variant_params)].append(run)
    incomplete = {journal.parent.parent for journal in errors.busy}
    in_order = sorted(variants.items(), key=lambda variant: _begun(variant[1][-1]))
    newest = {folder: params for (folder, params), _ in in_order}
    for (folder, params), seeds in in_order:
        if folder in incomplete:  # a mean is over all seeds, or is left out
            continue
        with errors.collected(folder), variant_lock(folder):
            send_variant(store, experiment_id, seeds, is_current=newest[folder] == params)


def _begun(run: RunDelivery) -> float:
    return run.run_state.run.time if run.run_state.run else 0.0


def watch(
    results: Path,
    uri: str | None,
    experiment: str,
    *,
    force: bool = False,
    interval: float = 10.0,
    rounds: int | None = None,
    register: Register | None = None,
) -> None:
    """Sync every `interval` seconds until interrupted (or for so many rounds), errors notwithstanding.

    While the store is unavailable, the pause between tries doubles up to ten minutes.
    """
    pause = interval
    while rounds is None or rounds > 0:
        try:
            done = sync(results, uri, experiment, force=force, register=register)
            if done.events or done.files:
                log.info("%s", done)
            pause = interval
        except UnavailableError as error:
            log.warning("%s Next try in %g s.", error, pause)
            pause = min(2 * pause, 600.0)
        except TrackingError as error:
            log.error("%s", error)
        rounds = None if rounds is None else rounds - 1
        if rounds != 0:
            time.sleep(pause)


def has_results(results: Path) -> bool:
    """Whether a results folder holds something for MLflow: a run that has begun, a baseline, a report."""
    begun = any(journal.stat().st_size for journal in journals(results))
    made = [results / path for path in COMPARISON if path != "splits/audit.json"]
    return begun or any(results.glob("baselines/*/metrics.json")) or any(map(Path.exists, made))


def journals(results: Path) -> list[Path]:
    """Every journal below a results folder; of a run, earlier journals come before the current one."""
    places = ("runs/*/seed-*", "pretraining/*")
    found = [path for place in places for path in results.glob(f"{place}/journal*.jsonl")]
    return sorted(found, key=lambda path: (path.parent, path.name == NAME, path.stat().st_mtime))
