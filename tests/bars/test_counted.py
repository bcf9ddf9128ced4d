"""The panel of a running workflow: what runs, what failed, and why."""

import io
import logging
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.live import Live
from rich.progress import Progress, TextColumn
from snakemake.logging import LogEvent

from snakemake_logger_plugin_bars.counted import TOTAL, CountedEvents


class Panel:
    """The events of a workflow, and what they make a person see."""

    def __init__(self) -> None:
        self.out = io.StringIO()
        console = Console(file=self.out, width=100)
        self.progress = Progress(TextColumn("{task.description}"), console=console)
        live = Live(self.progress, console=console, auto_refresh=False)
        self.events = CountedEvents(console, self.progress, live)

    def happens(self, event: LogEvent | None, message: str = "", **said: Any) -> None:
        record = logging.LogRecord("snakemake", logging.INFO, "", 0, message, None, None)
        vars(record).update(said, **({} if event is None else {"event": event}))
        self.events.handle(record)

    def plan(self, **rules: int) -> None:
        stats = {**rules, "total": sum(rules.values())}
        self.happens(LogEvent.RUN_INFO, stats=stats)

    def begin(self, job: int, rule: str = "train", **more: str) -> None:
        wildcards = {"seed": job, **more}
        self.happens(LogEvent.JOB_INFO, jobid=job, rule_name=rule, wildcards=wildcards, log=[])

    def end(self, job: int) -> None:
        self.happens(LogEvent.JOB_FINISHED, job_id=job)

    def fail(self, job: int, *logs: Path, message: str | None = None) -> None:
        self.happens(
            LogEvent.JOB_ERROR,
            jobid=job,
            rule_name="train",
            rule_msg=message,
            log=[str(log) for log in logs],
        )

    def running(self, rule: str) -> object:
        task = self.events.progress_display.rule_tasks[rule]
        return self.progress.tasks[task].fields["active"]

    def words(self, rule: str) -> str:
        return self.progress.tasks[self.events.progress_display.rule_tasks[rule]].description


@pytest.fixture
def panel() -> Panel:
    panel = Panel()
    panel.plan(train=4, compare=1)
    return panel


def test_what_runs_is_what_began_and_neither_ended_nor_failed(panel: Panel) -> None:
    assert [panel.running(rule) for rule in ("train", "compare", TOTAL)] == [0, 0, 0]
    panel.begin(1)
    panel.begin(2)
    assert [panel.running(rule) for rule in ("train", "compare", TOTAL)] == [2, 0, 2]
    panel.fail(1)
    assert [panel.running(rule) for rule in ("train", TOTAL)] == [1, 1]
    assert panel.words("train") == "train [red](1 failed)[/]"
    panel.begin(3)
    panel.end(2)
    assert [panel.running(rule) for rule in ("train", TOTAL)] == [1, 1]
    assert panel.words("train") == "train [red](1 failed)[/]"


def test_a_job_that_is_tried_again_runs_and_has_not_failed(panel: Panel) -> None:
    panel.begin(1)
    panel.fail(1)
    panel.begin(1)
    assert panel.running("train") == 1 and "failed" not in panel.words("train")
    panel.end(1)
    assert panel.running("train") == 0 and panel.running(TOTAL) == 0


def test_a_rule_that_no_plan_announced_counts_from_nothing(panel: Panel) -> None:
    panel.begin(9, "late")
    assert panel.running("late") == 1


def test_a_failed_job_shows_its_executors_words_and_the_end_of_its_log(
    panel: Panel, tmp_path: Path
) -> None:
    log = tmp_path / "train.log"
    log.write_text("".join(f"line {n}\n" for n in range(1000)))
    panel.begin(1)
    panel.fail(1, log, tmp_path / "never-written.log", message="train-1 failed: out of memory\n")
    shown = panel.out.getvalue()
    assert "✗ Failed train" in shown and "seed=1" in shown
    assert "train-1 failed: out of memory" in shown
    assert "line 999" in shown and "line 969" not in shown


def test_a_wildcard_is_shown_as_it_is(panel: Panel) -> None:
    panel.begin(1, tag="a[/]b[red]")
    panel.fail(1)
    assert "tag=a[/]b[red]" in panel.out.getvalue()
