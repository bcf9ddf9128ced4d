"""Jobs that were lost with their node: those that ended, and those that SLURM puts back by itself.

A job that waits again after it ran was preempted, requeued by hand, or lost with its node. The accounting
says which, or else the state of the node; a preempted one may go back to where it was.
"""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from snakemake_executor_plugin_submitit.job.spec import Outcome
from snakemake_executor_plugin_submitit.registry.tasks import Task
from snakemake_executor_plugin_submitit.slurm import environment, nodes, states
from snakemake_executor_plugin_submitit.slurm.commands import UnreachableError
from snakemake_executor_plugin_submitit.slurm.failed_nodes import FailedNodes, Suspicion
from snakemake_executor_plugin_submitit.slurm.queries import SILENT, Seen

# SLURM's words for a job that was lost for its node's sake.
BLAMED = ("NODE_FAIL", "BOOT_FAIL")
# Words for an end that has another reason.
EXPLAINED = ("CANCELLED", "TIMEOUT", "DEADLINE", "OUT_OF_MEMORY", "PREEMPTED", "REVOKED")


def suspicion_of(task: Task, seen: Seen | None, outcome: Outcome | None) -> Suspicion | None:
    """What to hold against the nodes of a job that failed or has to run again; None: nothing."""
    state = states.base(seen.state) if seen is not None else ""
    # A controller that gives a node up may still reach the job, which then says that it was preempted.
    explained = state in EXPLAINED or (outcome is not None and state not in BLAMED)
    if task.entry is None or explained:
        return None
    beat = task.entry.beat
    on = (seen.nodes if seen is not None else "") or (beat.node if beat is not None else "")
    certain = state in BLAMED
    return Suspicion(task.name, task.job_id, on, task.entry.place, certain) if on else None


class RequeuedJobs:
    """Notices in SLURM's answers about all jobs which of them were taken from their nodes."""

    def __init__(self, failed: FailedNodes) -> None:
        self.failed = failed
        self._on: dict[str, str] = {}  # nodes on which a submission was last seen, by its key

    def look(self, tasks: Iterable[Task], found: dict[str, Seen]) -> None:
        """Judge the nodes that they left, and have those that wait leave failed nodes out as well."""
        if not self.failed.active:
            return
        moved: dict[str, list[tuple[Task, Seen, str]]] = {}
        for task in tasks:
            seen = found.get(task.address)
            if task.entry is None or seen is None or seen is SILENT or not seen.queued:
                continue
            before = self._before(task, seen)
            if seen.nodes:
                self._on[task.entry.key] = seen.nodes
            if before and before != seen.nodes:
                moved.setdefault(task.entry.place, []).append((task, seen, before))
        for place, jobs in moved.items():
            with suppress(
                UnreachableError
            ):  # it is not the only thing that keeps a job from a node
                self._judge(place, jobs)

    def _before(self, task: Task, seen: Seen) -> str:
        """Where it ran when it was last heard of; SLURM gives a requeued job a time to begin."""
        assert task.entry is not None
        known = self._on.pop(task.entry.key, "")
        if known or seen.reason != "BeginTime":
            return known
        beat = task.entry.beat
        return beat.node if beat is not None and not beat.ended else ""

    def _judge(self, place: str, jobs: list[tuple[Task, Seen, str]]) -> None:
        lost_on = nodes.of_lost_jobs([task.job_id for task, _, _ in jobs], place)
        for task, seen, before in jobs:
            on = lost_on.get(task.job_id, "")  # perhaps an earlier time
            suspicions = [Suspicion(task.name, task.job_id, on, place, certain=True)] if on else []
            if on != before:
                suspicions.append(Suspicion(task.name, task.job_id, before, place, certain=False))
            # All of them are judged, whatever the first comes to.
            failed = [self.failed.judge(suspicion) for suspicion in suspicions]
            if any(failed) and states.base(seen.state) == "PENDING":
                self._keep_away(task, place)

    def _keep_away(self, task: Task, place: str) -> None:
        assert task.entry is not None
        for script in sorted(Path(task.entry.folder).glob("*_submission.sh"))[:1]:
            env = environment.of_submissions(dict(task.request.options))
            own = task.request.excluded
            if left_out := self.failed.left_out(str(script), task.name, own, place, env):
                nodes.keep_away(task.job_id, left_out, place)
