"""What Snakemake told while it ran: which jobs were planned, began, ended and failed.

Snakemake's log records say it to whoever listens; nothing of Snakemake is imported for it.
"""

import logging
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

INTERRUPTED = ("on user request", "Will exit after finishing currently running jobs")
"""What Snakemake says after Ctrl-C and after SIGTERM."""

NOTHING = "Nothing to be done"


@dataclass
class Job:
    """A job of this start; `message` is the executor's, where it failed."""

    rule: str
    wildcards: dict[str, str] = field(default_factory=dict)
    logs: list[Path] = field(default_factory=list)  # the stage's own first
    state: Literal["running", "finished", "failed"] = "running"
    message: str = ""

    def __str__(self) -> str:
        return " ".join([self.rule, *(f"{key}={value}" for key, value in self.wildcards.items())])


class EventRecorder(logging.Handler):
    """Listens to Snakemake's logger."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.began = time.time()
        self.planned: Counter[str] = Counter()
        self.jobs: dict[int, Job] = {}
        self.interrupted = False
        self.idle = False  # everything was there already

    @property
    def worked(self) -> bool:
        """Whether Snakemake came as far as a plan."""
        return bool(self.planned)

    @property
    def failed(self) -> list[Job]:
        """The jobs that failed, and were not tried again with success."""
        return [job for job in self.jobs.values() if job.state == "failed"]

    def ended(self, rule: str) -> bool:
        """Whether every planned job of the rule has finished: True where none was planned."""
        done = sum(job.rule == rule and job.state == "finished" for job in self.jobs.values())
        return done >= self.planned[rule]

    def emit(self, record: logging.LogRecord) -> None:
        """Note what a record says; one that cannot be read is none of ours."""
        try:
            self._note(record)
        except Exception:
            self.handleError(record)

    def _note(self, record: logging.LogRecord) -> None:
        said = vars(record)
        event = said.get("event")
        if event is None:
            message = record.getMessage()
            self.interrupted |= any(words in message for words in INTERRUPTED)
            self.idle |= NOTHING in message
            return
        match str(event):
            case "run_info":
                stats = said["stats"]
                self.planned = Counter({k: int(v) for k, v in stats.items() if k != "total"})
            case "job_info":
                wildcards = {k: str(v) for k, v in (said["wildcards"] or {}).items()}
                self.jobs[said["jobid"]] = Job(said["rule_name"], wildcards)
            case "job_finished":
                if job := self.jobs.get(said["job_id"]):
                    job.state = "finished"
            case "job_error":
                job = self.jobs.setdefault(said["jobid"], Job(said["rule_name"]))
                job.state, job.message = "failed", said["rule_msg"] or ""
                job.logs = [Path(log) for log in said["log"]]
