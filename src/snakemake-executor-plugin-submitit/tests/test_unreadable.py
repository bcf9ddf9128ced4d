"""A record that cannot be read is no word on its job: it is looked at again, and logged in the end."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from job import Job
from snakemake_executor_plugin_submitit.interrupts import Interrupts
from snakemake_executor_plugin_submitit.job import claim, worker
from snakemake_executor_plugin_submitit.job.heartbeat import MISSED, Heartbeat
from snakemake_executor_plugin_submitit.monitoring.watcher import Watcher
from snakemake_executor_plugin_submitit.query_thread import Answer, QueryThread
from snakemake_executor_plugin_submitit.slurm import commands
from snakemake_executor_plugin_submitit.submission import adoption
from snakemake_executor_plugin_submitit.submission.cancellation import cancel_all
from test_unconfirmed import Lost


class Broken(Lost):
    """A submission of an earlier Snakemake, whose entry cannot be read when its job is handed over."""

    def __init__(self, folder: Path, spoil: Callable[[Path], object], silence: float) -> None:
        super().__init__(folder)
        self.logged: list[str] = []
        self.adoption.log = self.logged.append
        self.adoption.settings = replace(self.adoption.settings, silence=silence)
        self.entry = replace(self.entry, job_id="7")
        self.task = replace(self.task, entry=None, info=SimpleNamespace(), title="rule job")
        self.path = self.registry.layout.registry / "it.json"
        self.path.unlink()
        spoil(self.path)
        watcher = Watcher(
            self.adoption.settings, self.registry.layout, self.backend, self.proof, print
        )
        self.query_thread = QueryThread(
            self.adoption, self.dispatcher, watcher, lambda: None, print
        )
        self.query_thread.incoming.put(self.task)

    def look(self) -> Answer:
        """One conversation, whose pause is over; it must submit nothing."""
        self.adoption._next = 0
        answer = self.query_thread._exchange()
        assert not answer.submitted and not self.dispatcher.waiting
        return answer


SPOILED = {
    "half a file": lambda path: path.write_text("{"),
    "no entry": lambda path: path.write_text('{"key": "it-1"}'),
    "no object": lambda path: path.write_text("[]"),
    "a folder": Path.mkdir,
    "a link that ends": lambda path: path.symlink_to(path),
}


@pytest.mark.parametrize("how", SPOILED)
def test_an_entry_that_cannot_be_read_is_looked_at_again_and_its_job_taken_over(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = Broken(tmp_path, SPOILED[how], silence=60)
    broken.look()
    assert not broken.logged, "it may pass"
    monkeypatch.setattr(adoption, "PAUSE", 0.0)
    for _ in range(3):
        answer = broken.look()
        assert not answer.taken_over and not answer.refused
    assert len(broken.logged) == 1 and str(broken.path) in broken.logged[0], "the user is told once"
    if broken.path.is_dir():
        broken.path.rmdir()
    broken.registry.write(broken.entry)
    assert broken.look().taken_over == [broken.task]
    assert broken.task.job_id == "7"


def test_an_entry_that_stays_unreadable_fails_its_job_with_what_to_do(tmp_path: Path) -> None:
    broken = Broken(tmp_path, SPOILED["half a file"], silence=1e-6)
    refused = [one for _ in range(3) for one in broken.look().refused]
    assert [one.task for one in refused] == [broken.task], "once"
    message = refused[0].message
    assert str(broken.path) in message and "remove the file" in message
    assert broken.path.read_text() == "{", "whose it is remains to be seen"


def test_an_entry_that_stays_unreadable_is_not_waited_for_anew_at_each_attempt(
    tmp_path: Path,
) -> None:
    broken = Broken(tmp_path, SPOILED["half a file"], silence=0.3)
    assert not broken.look().refused
    time.sleep(0.3)
    assert len(broken.look().refused) == 1
    broken.query_thread.incoming.put(replace(broken.task, warned=""))  # as `retries` has it
    assert len(broken.look().refused) == 1, "it is known since when"
    broken.registry.write(broken.entry)
    broken.query_thread.incoming.put(broken.task)
    assert broken.look().taken_over == [broken.task]
    broken.path.write_text("{")
    broken.query_thread.incoming.put(broken.task)
    assert not broken.look().refused, "it has been readable since"


def test_a_job_does_not_start_by_an_entry_that_it_cannot_read_and_looks_for_longer(
    job: Job,
) -> None:
    run = job.start("echo it >> trace")
    path = job.layout.registry / "it.json"
    entry = path.read_text()
    path.write_text("{")
    time.sleep(4)
    assert run.poll() is None and not job.lines(), job.log()
    path.write_text(entry)
    assert run.wait(timeout=30) == 0, job.log()
    assert job.lines() == ["it"]


def test_a_job_whose_entry_stays_unreadable_ends_before_it_starts(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    job.enter("first")
    (job.layout.registry / "it.json").write_text("{")
    job.specify("echo it >> trace")
    monkeypatch.setattr(claim, "PATIENCE", 0.5)
    run = worker.Run(job.place / "0.json")
    assert "cannot be read" in run.claim.lost_before_start()


def test_an_entry_that_is_not_there_lets_its_job_be_submitted(tmp_path: Path) -> None:
    broken = Broken(tmp_path, lambda path: None, silence=60)
    broken.adoption.consider(broken.query_thread.incoming.get())
    assert broken.dispatcher.waiting == [broken.task]


def test_a_job_whose_entry_cannot_be_read_is_noted_as_cancelled_all_the_same(
    tmp_path: Path,
) -> None:
    lost = Lost(tmp_path)
    (lost.registry.layout.registry / "it.json").write_text("{")
    lost.proof.cancel([lost.entry], lost.backend)
    assert lost.noted == ("", True), "it finds itself cancelled"


def test_ctrl_c_tells_of_an_entry_that_cannot_be_read(tmp_path: Path) -> None:
    broken = Broken(tmp_path, SPOILED["half a file"], silence=60)
    try:
        cancel_all(
            [broken.task],
            *(broken.registry, broken.backend, "local", broken.query_thread.lock),
            Interrupts(print),
            broken.logged.append,
        )
    finally:
        commands.begin()
    assert [str(broken.path) in text for text in broken.logged] == [True]


def test_a_job_whose_signs_of_life_cannot_be_read_is_not_silent_at_once(tmp_path: Path) -> None:
    lost = Lost(tmp_path)
    beat = lost.folder / "0.beat"
    beat.write_text("{")
    lost.proof.ended(lost.entry, lost.backend)
    assert not lost.proof.fenced(lost.entry), "it may live"
    beat.unlink()
    lost.proof.ended(lost.entry, lost.backend)
    assert lost.proof.fenced(lost.entry), "it never began"


def test_signs_of_life_that_come_and_go_without_a_change_are_a_silence(tmp_path: Path) -> None:
    lost = Lost(tmp_path)
    lost.begin()
    path = lost.folder / "0.beat"
    text = path.read_text()
    lost.proof.listen(lost.entry)
    since = lost.proof._suspects[lost.entry.key].changed
    for each in ("{", text, "{", text):
        path.write_text(each)
        lost.proof.listen(lost.entry)
    assert lost.proof._suspects[lost.entry.key].changed == since, "it is one beat"
    path.write_text(text.replace('"count": 1', '"count": 2'))
    lost.proof.listen(lost.entry)
    assert lost.proof._suspects[lost.entry.key].changed > since


def test_a_run_that_cannot_read_an_earlier_ones_signs_of_life_lets_it_go_first(
    tmp_path: Path,
) -> None:
    path = tmp_path / "0.beat"
    path.write_text("{")
    every, begin = 0.3, time.monotonic()
    heart = Heartbeat(path, every, "7", "here", lambda: "", print)
    assert heart.begin() == ""
    assert time.monotonic() - begin >= (MISSED - 1) * every
    heart.end()
