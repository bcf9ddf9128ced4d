"""The last words of a start of Snakemake, from what it told and what is on disk."""

import io
import logging
import os
from pathlib import Path
from typing import Any

import pytest
from snakemake.logging import LogEvent

from bakeoff.config.experiment import Experiment
from bakeoff.outcome.closing import COMMAND_VARIABLE, summary, write_summary
from bakeoff.outcome.reason import last_line, last_message
from bakeoff.outcome.workflow_events import EventRecorder

CONFIG = "--config my.yaml"


class Recorder(EventRecorder):
    """A recorder to what a test tells."""

    def tell(self, event: LogEvent | None, message: str = "", **said: Any) -> None:
        record = logging.LogRecord("snakemake", logging.INFO, "", 0, message, None, None)
        vars(record).update(said, **({} if event is None else {"event": event}))
        self.emit(record)

    def plan(self, **rules: int) -> None:
        self.tell(LogEvent.RUN_INFO, stats={**rules, "total": sum(rules.values())})

    def begin(self, job: int, rule: str, **wildcards: Any) -> None:
        self.tell(LogEvent.JOB_INFO, jobid=job, rule_name=rule, wildcards=wildcards)

    def end(self, job: int) -> None:
        self.tell(LogEvent.JOB_FINISHED, job_id=job)

    def fail(self, job: int, *logs: Path, message: str | None = None) -> None:
        said = {"rule_name": "train", "rule_msg": message, "log": [str(log) for log in logs]}
        self.tell(LogEvent.JOB_ERROR, jobid=job, **said)


@pytest.fixture
def experiment(tmp_path: Path) -> Experiment:
    values = {
        "experiment": "small",
        "results": str(tmp_path),
        "data": {"labels": "labels.csv", "images": "images"},
        "training": {"seeds": list(range(12))},
        "variants": {"conv": {"model": "conv"}},
    }
    return Experiment.parse(values)


def words(recorder: EventRecorder, experiment: Experiment) -> str:
    return summary(recorder, experiment, CONFIG, again="snakemake")


def test_nothing_is_written_where_nothing_was_planned(experiment: Experiment) -> None:
    out = io.StringIO()
    write_summary(Recorder(), experiment, CONFIG, out)
    assert out.getvalue() == ""


def test_after_make_the_commands_work_without_an_environment(
    experiment: Experiment, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "bin/bakeoff"
    program.parent.mkdir()
    program.touch(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    monkeypatch.setenv(COMMAND_VARIABLE, "make demo")
    monkeypatch.chdir(tmp_path)
    recorder, out = Recorder(), io.StringIO()
    recorder.plan(split=1)
    recorder.interrupted = True
    write_summary(recorder, experiment, CONFIG, out)
    assert "  MLflow  bin/bakeoff ui --config my.yaml" in out.getvalue()
    assert "  go on   make demo\n" in out.getvalue()


def test_a_job_that_failed_and_then_did_it_has_not_failed(experiment: Experiment) -> None:
    recorder = Recorder()
    recorder.plan(train=1)
    recorder.begin(1, "train", variant="conv", seed=0)
    recorder.fail(1)
    recorder.begin(1, "train", variant="conv", seed=0)
    recorder.end(1)
    assert "failed" not in words(recorder, experiment)


def test_what_is_not_needed_after_a_checkpoint_is_not_missing(experiment: Experiment) -> None:
    recorder = Recorder()
    recorder.plan(train=1, evaluate=2)
    recorder.begin(1, "train", variant="conv", seed=0)
    recorder.end(1)
    assert "it ended before the rest" in words(recorder, experiment)
    recorder.succeeded = True
    said = words(recorder, experiment)
    assert "ended before" not in said
    assert "go on" not in said


def test_of_many_failures_some_are_listed_and_the_rest_counted(experiment: Experiment) -> None:
    recorder = Recorder()
    recorder.plan(train=12, report=1)
    for job in range(12):
        recorder.begin(job, "train", variant="conv", seed=job)
        recorder.fail(job)
    said = words(recorder, experiment)
    assert "0 of 12 runs finished; 12 jobs failed." in said
    assert (
        said.count("  failed  train variant=conv seed=") == 8
        and "and 4 more: bakeoff status --config my.yaml\n" in said
    )
    assert "  report  none: there is nothing to report yet\n" in said


def test_a_warning_of_this_sync_is_reported(experiment: Experiment, tmp_path: Path) -> None:
    log = tmp_path / "small/logs/sync.log"
    log.parent.mkdir(parents=True)
    log.write_text("bakeoff: MLflow does not answer.\nFor MLflow, later: bakeoff sync\n")
    (tmp_path / "small/tracked.json").write_text('{"url": "http://somewhere/#/experiments/1"}')
    recorder = Recorder()
    recorder.began -= 1
    recorder.plan(train=1)
    said = words(recorder, experiment)
    assert "  MLflow  http://somewhere/#/experiments/1\n" in said
    assert "MLflow does not answer. For MLflow, later: bakeoff sync\n" in said
    os.utime(log, (recorder.began - 60, recorder.began - 60))
    assert "does not answer" not in words(recorder, experiment)


@pytest.mark.parametrize(
    ("log", "message", "expected"),
    [
        ("Traceback\n  File ...\nValueError: no\n\n", None, "ValueError: no"),
        ("bakeoff: error: a.yaml: one.\na.yaml: two.\n", None, "a.yaml: one. a.yaml: two."),
        (
            "epoch 1\n",
            "train-1 failed: out of memory\n    rule: ...",
            "train-1 failed: out of memory",
        ),
        ("epoch 1\n", "For further error details see the cloud log", "epoch 1"),
        (
            "bakeoff: stopped: SIGTERM: saved\nGoing on from epoch 3\n",
            "train-1 failed: time limit",
            "train-1 failed: time limit",
        ),
        (
            "bakeoff: error: the loss is nan\nsrun: error: node1: task 0: Exited with exit code 1\n",
            "train-1 failed: exit code 1",
            "the loss is nan",
        ),
        ("", None, "it left no word"),
    ],
)
def test_the_reason_is_what_says_most(
    experiment: Experiment, tmp_path: Path, log: str, message: str | None, expected: str
) -> None:
    file = tmp_path / "train.log"
    file.write_text(log)
    recorder = Recorder()
    recorder.plan(train=1)
    recorder.begin(1, "train")
    recorder.fail(1, file, tmp_path / "absent.log", message=message)
    assert f"  failed  train: {expected}\n          {file}\n" in words(recorder, experiment)


def test_a_long_log_is_read_from_its_end_and_a_long_line_cut(tmp_path: Path) -> None:
    file = tmp_path / "train.log"
    file.write_text("bakeoff: error: early\n" + "step\n" * 50_000 + "x" * 5000)
    assert last_message(file) == ""
    assert last_line(file).endswith("x [...]") and len(last_line(file)) < 700
