"""The Snakemake side: takes ready jobs, hands them over, reports what became of them."""

import asyncio
import os
import re
import signal
import sys
import threading
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

from snakemake_interface_executor_plugins.executors.base import (  # type: ignore[import-untyped]
    SubmittedJobInfo,
)
from snakemake_interface_executor_plugins.executors.real import (  # type: ignore[import-untyped]
    RealExecutor,
)
from snakemake_interface_executor_plugins.executors.remote import (  # type: ignore[import-untyped]
    RemoteExecutor,
)

from snakemake_executor_plugin_submitit import preconditions
from snakemake_executor_plugin_submitit.backends.choice import choose
from snakemake_executor_plugin_submitit.direct import eligibility
from snakemake_executor_plugin_submitit.efficiency.ledger import Ledger
from snakemake_executor_plugin_submitit.efficiency.report import Efficiency
from snakemake_executor_plugin_submitit.interrupts import BRIEF, Interrupts
from snakemake_executor_plugin_submitit.job.prepare import PYTHON
from snakemake_executor_plugin_submitit.migrate import given
from snakemake_executor_plugin_submitit.monitoring import failure
from snakemake_executor_plugin_submitit.monitoring.node_failures import (
    RequeuedJobs,
    suspicion_of,
)
from snakemake_executor_plugin_submitit.monitoring.proof_of_end import Proof
from snakemake_executor_plugin_submitit.monitoring.watcher import Event, Watcher
from snakemake_executor_plugin_submitit.partitions.choice import Choice, NoPartitionError
from snakemake_executor_plugin_submitit.query_thread import QueryThread
from snakemake_executor_plugin_submitit.registry import registry
from snakemake_executor_plugin_submitit.registry.registry import Registry
from snakemake_executor_plugin_submitit.registry.tasks import Task
from snakemake_executor_plugin_submitit.resources import job_names
from snakemake_executor_plugin_submitit.resources.contradiction import ContradictionError
from snakemake_executor_plugin_submitit.resources.sbatch_options import Request
from snakemake_executor_plugin_submitit.settings import ExecutorSettings
from snakemake_executor_plugin_submitit.slurm import commands
from snakemake_executor_plugin_submitit.slurm.failed_nodes import FailedNodes
from snakemake_executor_plugin_submitit.submission.adoption import Adoption
from snakemake_executor_plugin_submitit.submission.cancellation import cancel_all
from snakemake_executor_plugin_submitit.submission.cleanup import clean
from snakemake_executor_plugin_submitit.submission.dispatch import Dispatcher, used_timeouts
from snakemake_executor_plugin_submitit.submission.retention import delete_old
from snakemake_executor_plugin_submitit.task_builder import TaskBuilder


class Executor(RemoteExecutor):  # type: ignore[misc]
    """Runs Snakemake jobs through submitit.

    Snakemake's main thread puts tasks into a queue; the polling thread looks at records and reports;
    a third thread asks SLURM, so that a controller that hangs delays no news of finished jobs.
    """

    def __init__(self, workflow: Any, logger: Any) -> None:
        # The base class starts the polling thread in its constructor.
        self.settings: ExecutorSettings = workflow.executor_settings or ExecutorSettings()
        self.logger = logger
        for line in given.told_when_ignored():
            self._log(line)
        # Before anything is written.
        preconditions.refuse_immediate_submit(workflow)
        if self.settings.cluster == "slurm":
            preconditions.refuse_without_slurm(workflow)
        on_slurm = self.settings.cluster == "slurm"
        self.choice = Choice(self.settings.partition_config if on_slurm else "none", self._log)
        self.efficiency = Efficiency(
            self.settings.efficiency,
            self.settings.efficiency_threshold,
            on_slurm,
            self._log,
        )
        self.efficiency.check()
        commands.begin()
        self.layout = preconditions.make_folders(self.settings)
        self.registry = Registry(self.layout)
        self.failed_nodes = FailedNodes(self.settings.exclude_failed_nodes, self._log)
        self.backend = choose(self.settings, self.failed_nodes)
        self.interrupts = Interrupts(self._log)
        proof = Proof(self.registry, self.settings.silence, self._log)
        self.dispatcher = Dispatcher(
            self.settings, self.layout, self.registry, self.backend, proof, self.choice, self._log
        )
        requeued = RequeuedJobs(self.failed_nodes) if self.settings.cluster == "slurm" else None
        self.watcher = Watcher(self.settings, self.layout, self.backend, proof, self._log, requeued)
        self.adoption = Adoption(
            self.settings, self.registry, self.backend, self.dispatcher, proof, self._log
        )
        self.ledger = Ledger()
        self._wake = threading.Event()
        self.query_thread = QueryThread(
            self.adoption, self.dispatcher, self.watcher, self._wake.set, self._log
        )
        self.tasks = TaskBuilder(
            workflow, self.settings, self.choice, self._nested_command, self.envvars, logger.debug
        )
        self._tasks: dict[Any, Task] = {}  # by Snakemake job, until Snakemake has taken it over
        self._cancelled = False
        self._cpus: int | None = None
        self._grouped = False
        super().__init__(workflow, logger)

    def __post_init__(self) -> None:
        """Refuse what can be told of a rule whatever the job, before anything is submitted.

        Functions are asked when Snakemake asks them: they may need inputs that are not there yet.
        """
        # Jobs inherit this environment; some of what is declared comes from flags for storage.
        os.environ.update(self.envvars())
        preconditions.refuse_resources(self.dag, self.workflow, self.choice)

    # Snakemake's calls, in its main thread

    def run_jobs(self, jobs: list[Any]) -> None:
        """Take all jobs that are ready; they go out together at the next look."""
        self.interrupts.listen()
        for job in jobs:
            self.run_job_pre(job)
            self.run_job(job)
        self._wake.set()

    def run_job(self, job: Any) -> None:
        """Take one job."""
        info = SubmittedJobInfo(job)
        try:
            task = self.tasks.of(info)
        except (ContradictionError, NoPartitionError) as error:
            self.report_job_error(info, msg=f"{job_names.title(job)}: {error}\n")
            return
        self._tasks[job] = task
        self.report_job_submission(info)
        self.query_thread.incoming.put(task)

    def handle_job_success(self, job: Any) -> None:
        """Forget a job after Snakemake has checked and recorded its outputs."""
        task = self._tasks.pop(job, None)
        if task is not None and task.entry is not None:
            self.registry.forget(task.entry)
            if self.settings.clean:
                for entry in (*task.replaced, task.entry):
                    clean(entry, self.settings.keep_successful_logs)
        super().handle_job_success(job)

    def handle_job_error(self, job: Any) -> None:
        """Forget a failed job, so that a retry is a new one; its folder stays readable."""
        task = self._tasks.pop(job, None)
        if task is not None and task.entry is not None:
            self.registry.forget(task.entry)
        super().handle_job_error(job)

    def cancel(self) -> None:
        """Ctrl-C cancels the jobs; a detached Snakemake, or one with a full disk, leaves them."""
        self._cancelled = True
        self.interrupts.cancelling()
        self.query_thread.stop()
        self._wake.set()
        if self.settings.detach or _is_of_the_system(sys.exc_info()[1]):
            self._log(
                f"{len(self._tasks)} jobs stay in the queue. Start Snakemake again with the same "
                "target to take them over; --rerun-incomplete is needed."
            )
        else:
            cancel_all(
                list(self._tasks.values()),
                self.registry,
                self.backend,
                self.settings.cluster,
                self.query_thread.lock,
                self.interrupts,
                self._log,
            )
        self.shutdown()

    def cancel_jobs(self, active_jobs: list[Any]) -> None:
        """Cancelling is done for all jobs at once in `cancel`."""

    def shutdown(self) -> None:
        """Tell what the jobs used; end the polling thread, and SLURM's commands that still run."""
        if not self._cancelled:
            self.query_thread.stop()
            self.efficiency.report(self.ledger, self.interrupts.patience)
        self.query_thread.end(BRIEF)
        self._wake.set()
        super().shutdown()
        self.interrupts.ignore()
        if summary := self.failed_nodes.summary():
            self._log(summary)
        delete_old(self.registry, self.settings.days, self._log)

    # The polling thread

    async def check_active_jobs(self, active_jobs: list[Any]) -> AsyncGenerator[Any, None]:
        """Look at the jobs' records, and ask SLURM when there is a reason to."""
        # Local jobs inherit this thread's mask: Ctrl-C in the terminal is not meant for them.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        if not self._cancelled:
            self._step()
        # A copy in one step: the main thread adds and takes away meanwhile.
        unfinished = {id(task.info) for task in list(self._tasks.values())}
        for info in active_jobs:
            if id(info) in unfinished:
                yield info

    async def sleep(self) -> None:
        """Wait until the next look, or until there is something to do."""
        pause = self.settings.poll if self._tasks else 0.5
        deadline = time.monotonic() + pause
        while time.monotonic() < deadline and not self._wake.is_set():
            await asyncio.sleep(0.05)
        self._wake.clear()

    def _step(self) -> None:
        answer = self.query_thread.answer()
        for task in answer.submitted:
            task.info.external_jobid = task.job_id
            self.watcher.add(task)
        for task in answer.taken_over:
            self.watcher.add(task, soon=True)
        for refusal in answer.refused:
            self.report_job_error(refusal.task.info, msg=f"{refusal.message}\n")
        for event in self.watcher.look(answer.seen):
            self.dispatcher.room()
            self._handle(event)
        self.query_thread.go_on()

    def _handle(self, event: Event) -> None:
        task = event.task
        if event.kind != "done":
            suspicion = suspicion_of(task, event.seen, event.outcome)
            if suspicion is not None:
                self.failed_nodes.suspect(suspicion)
        if event.kind == "again" or (event.kind == "failed" and task.adopted):
            self._again(event)
        elif event.kind == "done":
            self.adoption.done(task)
            if not task.entry or not task.entry.cancelled:
                self.ledger.ended(event)
                self.report_job_success(task.info)
        else:
            self._fail(event)

    def _again(self, event: Event) -> None:
        task = event.task
        assert task.entry is not None
        saved = event.outcome is not None and event.outcome.saved
        goes_on = task.request.requeued or (saved and not self.settings.no_requeue)
        if event.kind == "again" and not goes_on:
            self._fail(event)
            return
        if event.kind == "failed":
            why = failure.reason(event.outcome, event.seen, [])
            self._log(f"{task.name} failed while no Snakemake was there ({why}); it runs again.")
            task.adopted, task.entry = False, None
            self.dispatcher.add(task)
            return
        task.resubmissions += 1
        if task.resubmissions > self.settings.resubmissions:
            self._fail(event)
            return
        self._log(f"{task.name} (job {task.job_id}): {event.why}; it is submitted again.")
        task.asked = False
        task.timeouts += used_timeouts(task.entry)
        self.ledger.submitted_again(task, task.entry, event.outcome)
        self.layout.outcome(task.entry.key).unlink(missing_ok=True)
        lost, task.entry, task.ended_since, task.adopted = task.entry, None, None, False
        self.dispatcher.add(task, instead_of=lost)

    def _fail(self, event: Event) -> None:
        self.ledger.ended(event)
        if event.outcome is not None and event.outcome.exit_code <= 128:
            self._keep_updated(event.task)
        if event.outcome is not None and event.outcome.hopeless:
            _use_up_retries(event.task.info.job)
        log = failure.log_of(event.task, event.outcome)
        self.report_job_error(
            event.task.info,
            msg=failure.message(event.task, event.outcome, event.seen),
            aux_logs=[str(log)] if log else [],
        )

    def _keep_updated(self, task: Task) -> None:
        """Keep what the job's own Snakemake has restored after an update failed.

        It took the copy away afterwards, and without one ours would remove the file as corrupted.
        """
        persistence = self.workflow.persistence
        for part in registry.parts_of(task.info.job):
            for file in part.output:
                copied = persistence._get_backup_path(Path(file)).exists()
                if eligibility.is_updated(file) and Path(file).exists() and not copied:
                    persistence.backup_output(Path(file))

    # What to run

    def _nested_command(self, job: Any, request: Request) -> str:
        """The command that starts a Snakemake of its own for a job."""
        self._cpus, self._grouped = request.cpus, job.is_group()
        command = self.format_job_exec(job)
        # Snakemake's cache of this run goes with it; the job may start after its end.
        return re.sub(r"--runtime-source-cache-path ('[^']*'|\S+)", "", command)

    @property
    def cores(self) -> int | str:
        """The cores of the nested Snakemake: those asked for, else what the job has, or all it finds.

        A group's jobs share what the group has, whatever a single one may ask for.
        """
        asked: int | str = super().cores
        return self._cpus or "all" if asked == "all" or self._grouped else asked

    def get_job_args(self, job: Any, **kwargs: Any) -> str:
        """The nested Snakemake's arguments; files are awaited by the worker, not by it.

        Snakemake would also wait for a folder of the controlling process, which may be gone.
        """
        return str(RealExecutor.get_job_args(self, job, **kwargs))

    def additional_general_args(self) -> str:
        """What Snakemake does not pass on to the Snakemake of a job by itself."""
        replaced = self.workflow.config_settings.replace_workflow_config
        return "--replace-workflow-config" if replaced else ""

    def get_python_executable(self) -> str:
        """The Python that starts the nested Snakemake, which signals meant for the rule do not end."""
        return f'"${PYTHON}" -m snakemake_executor_plugin_submitit.job.nested'

    def _log(self, text: str) -> None:
        self.logger.info(text)


def _use_up_retries(job: Any) -> None:
    """Let Snakemake take this failure for that of the job's last attempt.

    Its public setter would compute the resources anew, and Snakemake is about to give back those of now.
    """
    job._attempt = max(job.attempt, job.restart_times + 1)


def _is_of_the_system(error: BaseException | None) -> bool:
    """Whether a full disk or the like ends Snakemake, which wraps such errors in its own."""
    while isinstance(error, Exception):  # Ctrl-C is none
        if isinstance(error, OSError):
            return True
        error = error.__cause__ or error.__context__
    return False
