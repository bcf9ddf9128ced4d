"""Records Snakemake's events while it runs: which jobs were planned, began, ended and failed.

They come as log records, so nothing of Snakemake is imported.
"""

import logging
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

INTERRUPTED = ("on user request", "Will exit after finishing currently running jobs")
"""Snakemake's messages after Ctrl-C and after SIGTERM."""

NOTHING = "Nothing to be done"


@dataclass
class Job:
    """A job of this workflow; `message` is the executor's, where it failed."""

    rule: str
    wildcards: dict[str, str] = field(default_factory=dict)
    logs: list[Path] = field(default_factory=list)  # the stage's own first
    state: Literal["running", "finished", "failed"] = "running"
    message: str = ""

    def __str__(self) -> str:
        return " ".join([self.rule, *(f"{key}={value}" for key, value in self.wildcards.items())])


class EventRecorder(logging.Handler):
    """A handler of Snakemake's logger."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.began = time.time()
        self.planned: Counter[str] = Counter()
        self.jobs: dict[int, Job] = {}
        self.interrupted = False
        self.idle = False  # nothing was to be done
        self.succeeded = False  # all is done, perhaps less than was planned before a checkpoint

    @property
    def worked(self) -> bool:
        """Whether Snakemake had a plan."""
        return bool(self.planned)

    @property
    def failed(self) -> list[Job]:
        """The jobs that failed, and did not succeed in a retry."""
        return [job for job in self.jobs.values() if job.state == "failed"]

    @property
    def unfinished(self) -> list[str]:
        """The rules of which not every planned job has finished."""
        return [rule for rule in self.planned if not self.ended(rule)]

    def ended(self, rule: str) -> bool:
        """Whether every planned job of the rule has finished: True where none was planned."""
        done = sum(job.rule == rule and job.state == "finished" for job in self.jobs.values())
        return done >= self.planned[rule]

    def emit(self, record: logging.LogRecord) -> None:
        """Record an event; a record that cannot be read is left to logging's error handler."""
        try:
            self._record_event(record)
        except Exception:
            self.handleError(record)

    def _record_event(self, record: logging.LogRecord) -> None:
        fields = vars(record)
        event = fields.get("event")
        if event is None:
            message = record.getMessage()
            self.interrupted |= any(words in message for words in INTERRUPTED)
            self.idle |= NOTHING in message
            return
        match str(event):
            case "run_info":
                stats = fields["stats"]
                self.planned = Counter({k: int(v) for k, v in stats.items() if k != "total"})
            case "job_info":
                wildcards = {k: str(v) for k, v in (fields["wildcards"] or {}).items()}
                self.jobs[fields["jobid"]] = Job(fields["rule_name"], wildcards)
            case "job_finished":
                if job := self.jobs.get(fields["job_id"]):
                    job.state = "finished"
            case "job_error":
                job = self.jobs.setdefault(fields["jobid"], Job(fields["rule_name"]))
                job.state, job.message = "failed", fields["rule_msg"] or ""
                job.logs = [Path(log) for log in fields["log"]]
