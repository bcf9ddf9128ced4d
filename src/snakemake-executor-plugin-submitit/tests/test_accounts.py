"""Asking the accounting: a script in the place of sacct, which answers what a real one has said."""

import os
import time
from pathlib import Path

import pytest

from snakemake_executor_plugin_submitit.efficiency import accounts
from snakemake_executor_plugin_submitit.slurm import commands

RECORDED = Path(__file__).with_name("sacct-22.05.txt")
SINCE = 1_700_000_000.0


@pytest.fixture(autouse=True)
def _commands_may_run() -> None:
    commands.begin()


def sacct(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put it first on the PATH; what it is asked is in the file that is returned."""
    path = folder / "sacct"
    asked = folder / "asked"
    path.write_text(f'#!/bin/sh\necho "$*" >> {asked}\n{script}\n')
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return asked


def test_all_jobs_of_all_clusters_are_asked_about_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = sacct(tmp_path, f"cat {RECORDED}", monkeypatch)
    jobs = {"1": SINCE, "5_0": SINCE, "5_1": SINCE + 9, "4@west": SINCE, "8@west": SINCE}
    found = accounts.ask(jobs, 5, print)
    assert found.keys() == jobs.keys(), "and no others that sacct tells of"
    assert len(found["8@west"]) == 2
    here, west = asked.read_text().splitlines()
    assert "--duplicates" in here and "--jobs=1,5 " in here and "--clusters" not in here
    assert "--jobs=4,8 " in west and west.endswith("--clusters=west")


def test_a_job_whose_end_is_not_known_yet_is_asked_about_again_but_not_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "PAUSE", 0.1)
    running = "1|RUNNING|2026-11-27T03:12:59|Unknown|40|00:00:00|1|1||||mem=1G||"
    later = f"[ $(wc -l < {tmp_path}/asked) -ge 3 ] && cat {RECORDED} || echo '{running}'"
    asked = sacct(tmp_path, later, monkeypatch)
    found = accounts.ask({"1": SINCE}, 30, print)
    assert found["1"][-1].settled and len(asked.read_text().splitlines()) == 3

    sacct(tmp_path, f"echo '{running}'", monkeypatch)
    began = time.monotonic()
    found = accounts.ask({"1": SINCE, "99": SINCE}, 1.5, print)
    assert time.monotonic() - began < 5
    assert "99" not in found


def test_a_cluster_that_does_not_answer_takes_nothing_from_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuses = "echo 'Slurm accounting storage is disabled' >&2; exit 1"
    sacct(tmp_path, f'case "$*" in *west*) {refuses};; esac; cat {RECORDED}', monkeypatch)
    told: list[str] = []
    found = accounts.ask({"1": SINCE, "4@west": SINCE}, 5, told.append)
    assert found.keys() == {"1"}
    (said,) = told
    assert "of west" in said and "storage is disabled" in said


def test_an_answer_that_never_comes_is_waited_for_no_longer_than_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sacct(tmp_path, "sleep 600", monkeypatch)
    told: list[str] = []
    began = time.monotonic()
    assert accounts.ask({"1": SINCE}, 1.5, told.append) == {}
    assert time.monotonic() - began < 5
    assert "no answer after" in told[0]
