"""Everything that goes wrong on a cluster, at random moments, to whatever runs there.

    python -m tests.executor.chaos --preemptions 20 --requeues 5 --node-failures 2 --kills 3

runs a workflow of counting jobs on a cluster of its own under this fire and checks that it ends like
an undisturbed one without repeating a saved step. `Chaos` can be let loose on any other workflow.
"""

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.cluster import packages
from tests.cluster.cluster import SlurmCluster
from tests.cluster.layout import ClusterError
from tests.executor.workflow import Workflow


@dataclass(frozen=True)
class Stalled:
    """A job whose work stands still until its notice comes."""

    job_id: str
    node: str
    process: psutil.Process
    notice: Path


@dataclass
class Chaos:
    """Disturbances of the jobs of one cluster; `restart` kills and restarts the controlling process.

    `work` is in the command line of the processes that do the jobs' work.
    """

    cluster: SlurmCluster
    restart: Callable[[], None]
    dice: random.Random
    work: str
    left: dict[str, int] = field(default_factory=dict)
    done: dict[str, int] = field(default_factory=dict)
    _stalled: list[Stalled] = field(default_factory=list)

    def rain(self, wanted: dict[str, int], running: Callable[[], bool], pause: float) -> None:
        """Disturb in random order until everything wanted has happened or nothing runs any more."""
        self.left, self.done = dict(wanted), dict.fromkeys(wanted, 0)
        while (any(self.left.values()) or self._stalled) and running():
            self._rest(self.dice.uniform(0.5, 1.5) * pause)
            kinds = [name for name, count in self.left.items() for _ in range(count)]
            kind = self.dice.choice(kinds) if kinds else ""
            if kind and getattr(self, kind)():
                self.left[kind] -= 1
                self.done[kind] += 1

    def preempt(self) -> bool:
        """A job of a higher partition takes a node from a running one."""
        victim = self._victim()
        if victim is None:
            return False
        node = victim[1]
        self.cluster.run(
            *("sbatch", "--partition=high", "--cpus-per-task=48", f"--nodelist={node}"),
            *("--output=/dev/null", "--job-name=intruder", "--wrap=sleep 1"),
        )
        return True

    def requeue(self) -> bool:
        """An administrator requeues a job."""
        victim = self._victim()
        if victim is None:
            return False
        try:
            self.cluster.run("scontrol", "requeue", victim[0])
        except ClusterError:  # it has just ended
            return False
        return True

    def time_limit(self) -> bool:
        """A job stands still, as on a file system that hangs, until its time limit is near.

        So the limit comes whatever else happens, and however fast this machine is.
        """
        victim = self._victim()
        if victim is None:
            return False
        for process in psutil.process_iter(["cmdline"]):
            line = process.info["cmdline"] or [""]
            if "python" not in line[0] or self.work not in " ".join(line):
                continue
            try:
                environment = process.environ()
                if job_of(environment) == victim[0] and self._is_here(environment):
                    process.suspend()
                    notice = Path(environment["SNAKEMAKE_JOB_NOTICE"])
                    self._stalled.append(Stalled(*victim, process, notice))
                    return True
            except psutil.NoSuchProcess:
                continue
        return False  # it has not begun yet, or has just ended

    def fail_node(self) -> bool:
        """A node loses its power, and comes back."""
        victim = self._victim()
        if victim is None:
            return False
        node = victim[1]
        self.cluster.kill_node(node)
        self.cluster.run("scontrol", "update", f"nodename={node}", "state=down", "reason=power")
        time.sleep(1)
        self.cluster.start_node(node)
        return True

    def kill(self) -> bool:
        """The controlling process is killed and started again."""
        self.restart()
        return True

    def _rest(self, seconds: float) -> None:
        """Wait, and let stalled jobs go on once they have their notice."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for job in list(self._stalled):
                if not job.process.is_running():
                    self._stalled.remove(job)  # something else ended it
                    self.left["time_limit"] += 1
                    self.done["time_limit"] -= 1
                elif job.notice.exists():
                    self._stalled.remove(job)
                    job.process.resume()
            time.sleep(0.1)

    def _is_here(self, environment: dict[str, str]) -> bool:
        return environment.get("SLURM_CONF") == str(self.cluster.layout.slurm_conf)

    def _victim(self) -> tuple[str, str] | None:
        """A running job of the lower partition, with its node; nodes of stalled jobs are spared."""
        lines = self.cluster.run(
            "squeue", "--noheader", "--array", "--partition=main", "--states=R", "--format=%i %N"
        ).splitlines()
        spared = {job.node for job in self._stalled}
        jobs = [(line.split()[0], line.split()[1]) for line in lines]
        candidates = [job for job in jobs if job[1] not in spared]
        return self.dice.choice(candidates) if candidates else None


def job_of(environment: dict[str, str]) -> str:
    """The id of a process's job as squeue shows it; empty outside a job."""
    array, index = environment.get("SLURM_ARRAY_JOB_ID"), environment.get("SLURM_ARRAY_TASK_ID")
    return f"{array}_{index}" if array else environment.get("SLURM_JOB_ID", "")


SNAKEFILE = """
    rule all:
        input: expand("{i}.txt", i=range(JOBS))
    rule count:
        output: "{i}.txt"
        resources: runtime=RUNTIME, cpus_per_task=24
        shell: "COUNT {wildcards.i} STEPS 0.1; cp {wildcards.i}.done {output}"
"""


def let_loose(
    workflow: Workflow, cluster: SlurmCluster, wanted: dict[str, int], jobs: int, steps: int,
    seed: int, runtime: int = 60, pause: float = 2.0,
) -> Chaos:  # fmt: skip
    """Run counting jobs under fire; AssertionError when a saved step was repeated or one is missing."""
    text = SNAKEFILE.replace("JOBS", str(jobs)).replace("STEPS", str(steps))
    workflow.write(text.replace("RUNTIME", str(runtime)))
    options = ("--submitit-ask", "2", "--submitit-notice", "15", "--submitit-step", "always")

    def restart() -> None:
        workflow.end()
        workflow.run("--unlock")
        workflow.start(*options)

    def running() -> bool:
        return workflow.process is not None and workflow.process.poll() is None

    workflow.start(*options)
    chaos = Chaos(cluster, restart, random.Random(seed), work="counting.py")
    chaos.rain(wanted, running, pause)
    assert workflow.process is not None
    assert workflow.process.wait(timeout=600) == 0, workflow.output[-5000:]
    for index in range(jobs):
        check(workflow, str(index), steps)
    return chaos


def check(workflow: Workflow, name: str, steps: int) -> None:
    """Every step was made, and none again that had been saved."""
    saved, made = 0, set()
    for line in workflow.read(f"{name}.notes").splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "step":
            step = int(rest)
            assert step >= saved, f"{name}: step {step} was repeated, although {saved} were saved"
            made.add(step)
        elif kind == "saved":
            saved = int(rest.split()[0])
    assert made == set(range(steps)), f"{name}: steps are missing"
    assert workflow.read(f"{name}.txt") == f"{steps}\n"


def main() -> int:
    """Run the long form on a cluster of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preemptions", type=int, default=20)
    parser.add_argument("--requeues", type=int, default=5)
    parser.add_argument("--node-failures", type=int, default=2)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=6)
    parser.add_argument("--steps", type=int, default=900, help="each takes 0.1 s")
    parser.add_argument("--runtime", type=int, default=1, help="minutes: the time limit")
    parser.add_argument("--seed", type=int, default=random.randrange(1000))
    options = parser.parse_args()
    reason = packages.obstacle()
    if reason:
        raise SystemExit(reason)
    packages.install()
    wanted = {
        "preempt": options.preemptions, "requeue": options.requeues,
        "fail_node": options.node_failures, "kill": options.kills,
    }  # fmt: skip
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="bakeoff-chaos-") as folder:
        cluster = SlurmCluster.up(Path(folder) / "c")
        try:
            work = Path(folder) / "work"
            work.mkdir()
            workflow = Workflow(work, "slurm", cluster.env)
            chaos = let_loose(
                workflow, cluster, wanted, options.jobs, options.steps, options.seed,
                options.runtime, pause=4.0,
            )  # fmt: skip
            limits = sum(
                line.endswith("time limit")
                for index in range(options.jobs)
                for line in workflow.notes(str(index), "saved")
            )
        finally:
            cluster.down()
    print(f"survived {chaos.done} and {limits} time limits; no saved step was repeated")
    return 0


if __name__ == "__main__":
    sys.exit(main())
