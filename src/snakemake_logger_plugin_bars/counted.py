"""What runs, counted: a bar begins with no job, and a job that failed runs no longer.

In the rich plugin (0.5.1) every bar counts one job too many, for it begins with one; a job that fails
stays among those that run; what its executor said of it is not shown, its log is shown whole however
long it is, and one that was never written is a traceback.
"""

import sys
from collections import Counter
from logging import LogRecord
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.progress import Progress, TaskID
from rich.text import Text
from snakemake_logger_plugin_rich.event_handler import (
    EventHandler,
    ProgressDisplay,
    format_wildcards,
    prettyprint_rule,
)
from snakemake_logger_plugin_rich.events import JobInfo

TOTAL = "Total Progress"
LINES = 30  # shown of a failed job's log
_READ = 65_536


class CountedBars(ProgressDisplay):
    """A bar per rule: how many of its jobs run, how many of all are done, how many failed."""

    def __init__(self, progress: Progress, live: Live, console: Console) -> None:
        super().__init__(progress, live, console)
        self.failed: Counter[str] = Counter()

    def add_or_update(
        self,
        rule: str,
        completed: int,
        total: int,
        visible: bool = True,
        decrement_active: bool = False,
    ) -> TaskID:
        """Make the bar of a rule, or say how far the rule is."""
        is_new = rule not in self.rule_tasks
        task: TaskID = super().add_or_update(rule, completed, total, visible, decrement_active)
        if is_new and completed < total:
            self.progress.update(task, active=0)
        self._describe(rule)
        return task

    def fail(self, rule: str) -> None:
        """A job of the rule that ran has failed."""
        self._count(rule, 1)

    def try_again(self, rule: str) -> None:
        """A job that failed begins once more; that it runs is counted by whoever says so."""
        self._count(rule, -1)

    def _count(self, rule: str, change: int) -> None:
        for name in (rule, TOTAL):
            self.failed[name] += change
            if name in self.rule_tasks:
                task = self.rule_tasks[name]
                active = self.progress.tasks[task].fields["active"]
                if change > 0 and isinstance(active, int):
                    self.progress.update(task, active=active - 1)
                self.progress.update(task, description=prettyprint_rule(name))
                self._describe(name)

    def _describe(self, rule: str) -> None:
        if failed := self.failed[rule]:
            words = f"{prettyprint_rule(rule)} [red]({failed} failed)[/]"
            self.progress.update(self.rule_tasks[rule], description=words)


class CountedEvents(EventHandler):
    """The rich plugin's events, where a failed job counts as one."""

    progress_display: CountedBars

    def __init__(
        self, console: Console, progress: Progress, live_display: Live, **settings: bool
    ) -> None:
        super().__init__(console, progress, live_display, **settings)
        self.progress_display = CountedBars(progress, live_display, console)
        self.failed: set[int] = set()
        self._streams: dict[int, Any] = {}

    def handle(self, record: LogRecord, **kwargs: Any) -> None:
        """Show what a record says."""
        if str(getattr(record, "event", "")) == "job_error":
            self.job_failed(vars(record))
        else:
            super().handle(record, **kwargs)
        self._keep_streams()

    def handle_job_info(self, event_data: JobInfo, **kwargs: Any) -> None:
        """Count a job that begins."""
        if event_data.jobid in self.failed:
            self.failed.remove(event_data.jobid)
            self.progress_display.try_again(event_data.rule_name)
        super().handle_job_info(event_data, **kwargs)

    def _keep_streams(self) -> None:
        """Let no stream go that bars have put before another one.

        Python's print holds no reference to the stream that it writes to. A workflow that prints in the
        main thread while the bars of this one end and take their stream away would crash Python.
        """
        for stream in (sys.stdout, sys.stderr):
            self._streams[id(stream)] = stream

    def job_failed(self, said: dict[str, Any]) -> None:
        """Say which job failed, what its executor says of it, and how its logs end."""
        job, rule = said.get("jobid", 0), said.get("rule_name", "")
        if job in self.jobs_info and job not in self.failed:
            self.failed.add(job)
            self.progress_display.fail(rule)
        words = f"[bold yellow]✗ Failed[/] {rule} [dim yellow](id: {job})[/]"
        named = self.jobs_info.get(job, {}).get("wildcards") or {}
        if wildcards := format_wildcards({key: escape(str(named[key])) for key in named}):
            words += f"\n    [bold yellow]Wildcards:[/] {wildcards}"
        self.console.log(words)
        if message := (said.get("rule_msg") or "").strip():
            self.console.print(Text(message), soft_wrap=True)
        for log in map(Path, said.get("log") or ()):
            if log.is_file():
                self.console.rule(f"[bold]Log file: {log}", style="yellow")
                self.console.print(Text(end_of(log)), soft_wrap=True)


def end_of(log: Path, lines: int = LINES) -> str:
    """The last lines of a log of any length, as they stand after every rewriting of theirs."""
    with log.open("rb") as stream:
        stream.seek(max(0, stream.seek(0, 2) - _READ))
        text = stream.read().decode("utf-8", errors="replace")
    shown = [line.rpartition("\r")[2] for line in text.rstrip().split("\n")]
    left_out = ["[...]"] if len(shown) > lines else []
    return "\n".join([*left_out, *shown[-lines:]])
