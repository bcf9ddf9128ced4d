"""A cluster that does not answer holds up neither the news nor the jobs of another one."""

from pathlib import Path
from typing import Any, cast

import pytest

from snakemake_executor_plugin_submitit.backends.slurm import SlurmBackend
from snakemake_executor_plugin_submitit.layout import Layout
from snakemake_executor_plugin_submitit.monitoring.proof_of_end import Proof
from snakemake_executor_plugin_submitit.monitoring.watcher import Watcher
from snakemake_executor_plugin_submitit.partitions.choice import Choice
from snakemake_executor_plugin_submitit.registry.registry import Entry, Registry
from snakemake_executor_plugin_submitit.registry.tasks import Task
from snakemake_executor_plugin_submitit.resources.sbatch_options import translate
from snakemake_executor_plugin_submitit.settings import ExecutorSettings
from snakemake_executor_plugin_submitit.slurm.commands import UnreachableError
from snakemake_executor_plugin_submitit.slurm.queries import SILENT
from snakemake_executor_plugin_submitit.submission.dispatch import Dispatcher
from tests.executor.workflow import stand_in

# squeue of cluster north answers, that of south is away.
SQUEUE = """\
[ "$SLURM_CLUSTERS" = north ] || { echo 'slurm_load_jobs error: Unable to contact' >&2; exit 1; }
echo 'CLUSTER: north'
echo '4|RUNNING|None|n1'"""
CONFIG = """\
case "$SLURM_CLUSTERS" in
    north) echo 'MaxArraySize            = 501';;
    south) echo 'MaxArraySize            = 301';;
    '') echo 'MaxArraySize            = 801';;
    *) echo 'Only one cluster can be used at a time with scontrol' >&2; exit 1;;
esac"""


def test_its_jobs_are_silent_and_the_others_are_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(tmp_path, "squeue", SQUEUE, monkeypatch)
    stand_in(tmp_path, "sacct", "exit 1", monkeypatch)
    backend = SlurmBackend(ExecutorSettings())
    seen = backend.look(["4@north", "4@south", "5@north"])
    assert seen["4@north"].state == "RUNNING" and seen["4@south"] is SILENT
    assert "5@north" not in seen
    with pytest.raises(UnreachableError):
        backend.look(["4@south"])


def test_nothing_is_concluded_from_silence(tmp_path: Path) -> None:
    settings, told = ExecutorSettings(silence=0.01), list[str]()
    layout = Layout.create(tmp_path / "submitit")
    backend, proof = SlurmBackend(settings), Proof(Registry(layout), 0.01, told.append)
    watcher = Watcher(settings, layout, backend, proof, told.append)
    entry = Entry(
        "it", "it-1", "job", "", "slurm", str(tmp_path), 0, False, 0.0, "4", place="south"
    )
    task = Task(cast(Any, None), "job", "job", "it", "", translate({}, 1), {}, entry=entry)
    watcher.add(task)
    task.asked = True
    for _ in range(3):
        assert watcher.look({"4@south": SILENT}) == []
    assert task.ended_since is None and not watcher._suspects
    assert told == ["job (job 4) is watched by its files: cluster south does not answer."]
    watcher.look({})
    assert task.ended_since is not None, "where its cluster answers, and does not know it"


def test_jobs_of_other_clusters_do_not_wait_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, script in (("squeue", SQUEUE), ("sacct", "exit 1"), ("scontrol", "exit 1")):
        stand_in(tmp_path, name, script, monkeypatch)
    settings = ExecutorSettings()
    layout = Layout.create(tmp_path / "submitit")
    registry, backend = Registry(layout), SlurmBackend(settings)
    proof, choice = Proof(registry, 1, print), Choice("none", print)
    dispatcher = Dispatcher(settings, layout, registry, backend, proof, choice, print)
    folder = str(layout.new_submission("job"))

    def task(cluster: str, entry: Entry | None = None) -> Task:
        request = translate({"cluster": cluster}, 1)
        return Task(cast(Any, None), cluster, cluster, cluster, "", request, {}, entry=entry)

    lost = task(
        "south", Entry("it", "it-1", "job", "", "slurm", folder, 0, False, 0.0, place="south")
    )
    ready = task("north")
    dispatcher.add(lost)
    with pytest.raises(UnreachableError):
        dispatcher._unconfirmed()
    dispatcher.add(ready)
    assert dispatcher._unconfirmed() == ([], [lost]), (
        "it may have been taken, the other one goes out"
    )
    dispatcher._away([lost], "Unable to contact slurm controller")
    assert dispatcher.waiting == [ready, lost], "the other one comes first next time"


def test_an_array_fits_each_of_the_clusters_that_may_take_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SBATCH_CLUSTERS", raising=False)
    monkeypatch.delenv("SLURM_CLUSTERS", raising=False)
    stand_in(tmp_path, "scontrol", CONFIG, monkeypatch)
    backend = SlurmBackend(ExecutorSettings())
    assert backend.largest_array("north,south") == 301
    assert backend.largest_array("north") == 501 and backend.largest_array() == 801
    monkeypatch.setenv("SLURM_CLUSTERS", "south")
    assert backend.largest_array() == 301, "the usual one is that of the variable"
