"""A submission whose answer was lost, and that is found after it seemed to be gone."""

from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from snakemake_executor_plugin_submitit import records
from snakemake_executor_plugin_submitit.backends.local import LocalBackend
from snakemake_executor_plugin_submitit.job.heartbeat import Beat
from snakemake_executor_plugin_submitit.layout import Layout
from snakemake_executor_plugin_submitit.monitoring.proof_of_end import Proof
from snakemake_executor_plugin_submitit.partitions.choice import Choice
from snakemake_executor_plugin_submitit.registry.registry import Entry, Registry
from snakemake_executor_plugin_submitit.registry.tasks import Task
from snakemake_executor_plugin_submitit.resources.sbatch_options import translate
from snakemake_executor_plugin_submitit.settings import ExecutorSettings
from snakemake_executor_plugin_submitit.submission.adoption import Adoption
from snakemake_executor_plugin_submitit.submission.dispatch import Dispatcher


class Lost:
    """A submission of which nobody knows the id yet."""

    def __init__(self, folder: Path) -> None:
        settings = ExecutorSettings(cluster="local")
        layout = Layout.create(folder / "submitit")
        self.registry, self.backend = Registry(layout), LocalBackend(settings)
        self.proof = Proof(self.registry, settings.silence, print)
        self.dispatcher = Dispatcher(
            settings, layout, self.registry, self.backend, self.proof, Choice("none", print), print
        )
        self.adoption = Adoption(
            settings, self.registry, self.backend, self.dispatcher, self.proof, print
        )
        self.folder = layout.new_submission("job")
        self.entry = Entry("it", "it-1", "job", "", "local", str(self.folder), 0, False, 0.0)
        self.registry.write(self.entry)
        request = translate({}, 1)
        self.task = Task(cast(Any, None), "job", "job", "it", "", request, {}, entry=self.entry)

    def begin(self) -> None:
        """It runs after all, and says so itself."""
        records.write(self.folder / "0.beat", asdict(Beat("run", 1, 10, "999999999", "here")))

    @property
    def noted(self) -> tuple[str, bool]:
        """What its entry says: its id, and whether it is cancelled."""
        entry = self.registry.read("it")
        assert entry is not None
        return entry.job_id, entry.cancelled


def test_a_lost_submission_that_is_found_again_is_cancelled_nowhere(tmp_path: Path) -> None:
    lost = Lost(tmp_path)
    lost.dispatcher.add(lost.task)
    assert lost.dispatcher._unconfirmed() == ([], [lost.task]), "it may begin still"
    assert lost.noted == ("", True) and lost.proof.fenced(lost.entry)
    lost.begin()
    assert lost.dispatcher._unconfirmed() == ([lost.task], [])
    assert lost.noted == ("999999999", False)
    assert not lost.proof.fenced(lost.entry), "the next silence is no old one"


def test_a_lost_submission_that_has_to_go_stays_cancelled_when_it_is_found(tmp_path: Path) -> None:
    lost = Lost(tmp_path)
    pairs = lost.adoption._cancelled([(lost.task, lost.entry)], lost.backend)
    assert lost.noted == ("", True)
    lost.begin()
    lost.adoption._cancelled(pairs, lost.backend)
    assert lost.noted == ("999999999", True), "it finds itself cancelled, whatever scancel does"
