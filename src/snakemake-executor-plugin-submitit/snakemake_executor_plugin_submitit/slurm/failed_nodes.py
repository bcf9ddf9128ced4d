"""Nodes on which a job was lost for the node's sake: the next attempts are kept away from them.

SLURM starts a job again on the very node that it lost it on, as soon as that answers again. A node counts
when SLURM says NODE_FAIL or BOOT_FAIL of a job on it alone, and when a job ended on it without a word and
the node is down, drained or does not answer. They are remembered for as long as this Snakemake runs.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from snakemake_executor_plugin_submitit.slurm import nodes
from snakemake_executor_plugin_submitit.slurm.commands import UnreachableError


@dataclass(frozen=True)
class Suspicion:
    """A job that may have been lost for its nodes' sake."""

    name: str
    job_id: str
    nodes: str  # as SLURM writes several: gr[001-003]
    place: str  # the cluster by name, where it was chosen
    certain: bool  # of one of them, by SLURM's word


class FailedNodes:
    """The nodes; `setting` is auto, never, or names of nodes that are left out from the beginning as well."""

    def __init__(self, setting: str, log: Callable[[str], None]) -> None:
        self.active = setting != "never"
        self.log = log
        self._given = "" if setting in ("auto", "never") else setting
        self._named: list[str] = []
        self._found: dict[tuple[str, str], None] = {}  # cluster and node, the oldest first
        self._suspicions: SimpleQueue[Suspicion] = SimpleQueue()
        self._logged: set[str] = set()

    def suspect(self, suspicion: Suspicion) -> None:
        """Look at a job's nodes before the next submission; asks SLURM nothing now, in any thread."""
        if self.active:
            self._suspicions.put(suspicion)

    def left_out(
        self, script: str, name: str, own: str, place: str, env: Mapping[str, str]
    ) -> list[str]:
        """The nodes that a script's jobs are kept from, with their rule's `own`; none if there are no others.

        `name` is the jobs', `env` what sbatch is called with. Asks SLURM.
        """
        failed = self._excluded(place)
        if not failed:
            return []
        with suppress(UnreachableError):
            already = nodes.host_names(own)
            kept = nodes.that_can_be_left_out(failed, already, script, env)
            self._log_given_up([node for node in failed if node not in kept], name, place)
            return [*already, *kept] if kept else []
        return []

    def _log_given_up(self, given_up: list[str], name: str, place: str) -> None:
        unknown: list[str] = []
        with suppress(UnreachableError):
            unknown = nodes.unknown(given_up, place) if given_up else []
        needed = ", ".join(node for node in given_up if node not in unknown)
        texts = [f"There is no node {node} to leave out." for node in unknown]
        if needed:
            texts.append(
                f"{name} may run on {needed} all the same: without it, no node would be left."
            )
        for text in texts:
            if text not in self._logged:
                self._logged.add(text)
                self.log(text)

    def judge(self, suspicion: Suspicion) -> bool:
        """Whether nodes failed; they are left out from now on. Raises UnreachableError."""
        names = nodes.host_names(suspicion.nodes)
        if not suspicion.certain or len(names) > 1:
            names = nodes.broken(names, suspicion.place)
        for node in names:
            if (suspicion.place, node) not in self._found:
                self._found[suspicion.place, node] = None
                self.log(
                    f"{suspicion.name} (job {suspicion.job_id}) was lost with its node {node}, which the "
                    "next attempts leave out."
                )
        return bool(names)

    def summary(self) -> str:
        """What the user should know at the end; empty where no node failed. Asks SLURM nothing."""
        with suppress(Empty):  # of jobs that were lost after the last submission
            while True:
                last = self._suspicions.get_nowait()
                if last.certain and not set(last.nodes) & set("[,"):
                    self._found |= {
                        (last.place, node): None for node in nodes.host_names(last.nodes)
                    }
        names = [node for _, node in self._found]
        if not names:
            return ""
        again = ",".join(dict.fromkeys([*self._named, *names]))
        return (
            f"Nodes on which jobs were lost: {', '.join(names)}. While they are not mended, the next run "
            f"leaves them out with --submitit-exclude-failed-nodes {again}"
        )

    def _excluded(self, place: str) -> list[str]:
        """The nodes in the order in which they would be given up; SLURM is asked about the suspected."""
        with suppress(UnreachableError):
            if self._given:
                self._named, self._given = nodes.host_names(self._given), ""
            self._judge_suspicions()
        found = [node for where, node in self._found if where == place]
        return [node for node in self._named if node not in found] + found

    def _judge_suspicions(self) -> None:
        while True:
            try:
                suspicion = self._suspicions.get_nowait()
            except Empty:
                return
            try:
                self.judge(suspicion)
            except UnreachableError:
                self._suspicions.put(suspicion)
                raise
