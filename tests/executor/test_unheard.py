"""A submission whose answer was lost, and that is found after it seemed to be gone."""

import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from snakemake_executor_plugin_submitit import records
from snakemake_executor_plugin_submitit.backends import LocalBackend
from snakemake_executor_plugin_submitit.dispatch import Dispatcher
from snakemake_executor_plugin_submitit.heartbeat import Beat
from snakemake_executor_plugin_submitit.layout import Layout
from snakemake_executor_plugin_submitit.proof import Proof
from snakemake_executor_plugin_submitit.registry import Entry, Registry
from snakemake_executor_plugin_submitit.resources import translate
from snakemake_executor_plugin_submitit.settings import ExecutorSettings
from snakemake_executor_plugin_submitit.tasks import Task


def test_a_lost_submission_that_is_found_again_is_cancelled_nowhere(tmp_path: Path) -> None:
    settings = ExecutorSettings(cluster="local")
    layout = Layout.create(tmp_path / "submitit")
    registry, backend, said = Registry(layout), LocalBackend(settings), cast(list[str], [])
    proof = Proof(registry, settings.silence, said.append)
    dispatcher = Dispatcher(settings, layout, registry, backend, proof, said.append)
    folder = layout.new_submission("job")
    entry = Entry("it", "it-1", "job", "", "local", str(folder), 0, False, time.time())
    registry.write(entry)
    dispatcher.add(Task(cast(Any, None), "job", "job", "it", "", translate({}, 1), {}, entry=entry))
    assert dispatcher._unheard() == ([], dispatcher.waiting), "it may begin still"
    noted = registry.read("it")
    assert noted is not None and noted.cancelled and proof.fenced(entry)
    records.write(folder / "0.beat", asdict(Beat("run", 1, 10, "77", "here")))
    assert dispatcher._unheard() == (dispatcher.waiting, [])
    noted = registry.read("it")
    assert noted is not None and noted.job_id == "77" and not noted.cancelled
    assert not proof.fenced(entry), "the next silence is no old one"
