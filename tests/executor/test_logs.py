"""Where logs lie, and how long: what a job still needs is never deleted."""

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from snakemake_executor_plugin_submitit.layout import Layout, log_in
from snakemake_executor_plugin_submitit.registry.registry import Entry, Registry
from snakemake_executor_plugin_submitit.submission.cleanup import clean
from snakemake_executor_plugin_submitit.submission.retention import delete_old
from tests.executor.workflow import Workflow

DAY = 86_400


class Kept:
    """Submissions of many days ago, each with a log in a folder of its own."""

    def __init__(self, folder: Path, logdir: str = "") -> None:
        self.layout = Layout.create(folder / "submitit", logdir)
        self.registry = Registry(self.layout)
        self.logged: list[str] = []

    def submission(self, name: str, days: float, array: bool = False) -> Entry:
        folder = self.layout.new_submission(name)
        logs = self.layout.logs_of(folder)
        for index in range(1 + array):
            job_id = f"7_{index}" if array else "7"
            for path in (folder / f"{index}.json", folder / f"task-{index}.pkl"):
                path.touch()
            log_in(logs, job_id).touch()
        for place in {folder, logs}:
            for path in (*place.iterdir(), place):
                os.utime(path, (time.time() - days * DAY,) * 2)
        job_id = "7_0" if array else "7"
        return Entry(name, f"{name}-1", name, "", "slurm", str(folder), 0, array, 0.0, job_id,
                     logs=str(logs))  # fmt: skip

    def delete(self, days: float) -> list[str]:
        """The names of the jobs of which something is left afterwards."""
        delete_old(self.registry, days, self.logged.append)
        places = [self.layout.root, self.layout.logdir or self.layout.root]
        found = {path.name.split("-")[2] for place in places for path in place.glob("2*-*")}
        return sorted(found)


@pytest.mark.parametrize("elsewhere", [False, True])
def test_old_files_go_but_not_what_a_job_that_may_run_needs(
    tmp_path: Path, elsewhere: bool
) -> None:
    kept = Kept(tmp_path, str(tmp_path / "logs") if elsewhere else "")
    kept.submission("old", 11)
    kept.submission("young", 9)
    kept.registry.write(kept.submission("runs", 400))
    log_in(kept.layout.logs_of(Path(kept.submission("writes", 400).folder)), "7").write_text("now")
    (kept.layout.root / "20200101-0-of").mkdir()
    os.utime(kept.layout.root / "20200101-0-of", (0, 0))
    assert kept.delete(days=0) == ["of", "old", "runs", "writes", "young"]
    assert kept.delete(days=10) == ["of", "runs", "writes", "young"]
    assert kept.logged == ["The files of 1 submissions older than 10 days are deleted."]


def test_nothing_is_deleted_while_the_registry_cannot_be_read(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.submission("old", 11)
    (kept.layout.registry / "it.json").write_text('{"half": ')
    assert kept.delete(days=1) == ["old"]
    assert "it.json" in kept.logged[0] and kept.logged[0].startswith("No old logs are deleted")


@pytest.mark.parametrize("array", [False, True])
@pytest.mark.parametrize("elsewhere", [False, True])
def test_cleaning_leaves_the_log_where_it_is_to_be_kept(
    tmp_path: Path, elsewhere: bool, array: bool
) -> None:
    kept = Kept(tmp_path, str(tmp_path / "logs") if elsewhere else "")
    entry = kept.submission("job", 0, array)
    members = [entry, replace(entry, index=1, job_id="7_1")] if array else [entry]
    for member in members:
        clean(member, keep_log=True)
    folder, logs = Path(entry.folder), Path(entry.logs)
    assert sorted(logs.iterdir()) == [log_in(logs, member.job_id) for member in members]
    assert folder == logs or not folder.exists()
    for member in members:
        clean(member)
    assert not folder.exists() and not logs.exists()


@pytest.mark.slow(seconds=3)
def test_a_failed_job_says_where_its_log_lies_among_the_others(local_workflow: Workflow) -> None:
    local_workflow.write("""
        rule all:
            input: "good.txt", "bad.txt"
        rule good:
            output: "good.txt"
            shell: "echo words of good; touch {output}"
        rule bad:
            output: "bad.txt"
            shell: "echo words of bad; exit 3"
    """)
    done = local_workflow.run("--keep-going", "--submitit-logdir", "logs", "--submitit-clean")
    assert done.returncode == 1
    (log,) = (local_workflow.folder / "logs").glob("*/*_log.out")
    assert "words of bad" in log.read_text()
    assert f"log: {log}, its last lines:" in done.stdout
    assert "| words of bad" in done.stdout
