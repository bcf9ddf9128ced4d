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
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.cluster import packages
from tests.cluster.cluster import SlurmCluster
from tests.cluster.layout import ClusterError
from tests.executor.workflow import Workflow


@dataclass(frozen=True)
class Work:
    """The process that does a job's work."""

    process: psutil.Process
    job_id: str
    notice: Path
    command: tuple[str, ...]

    @property
    def ended(self) -> bool:
        """Whether something ended it."""
        return not self.process.is_running()

    def stand_still(self) -> bool:
        """Stop it as a file system that hangs does; False when it has just ended."""
        with suppress(psutil.NoSuchProcess):
            self.process.suspend()
            return True
        return False

    def go_on(self) -> None:
        """Let it go on."""
        with suppress(psutil.NoSuchProcess):
            self.process.resume()


@dataclass
class Chaos:
    """Disturbances of the jobs of one cluster; `restart` kills and restarts the controlling process.

    `work` is in the command line of the processes that do the jobs' work. Those that are `almost_done`,
    by their command line, stand still while something is left to disturb them with.
    """

    cluster: SlurmCluster
    restart: Callable[[], None]
    dice: random.Random
    work: str
    almost_done: Callable[[list[str]], bool] = lambda _: False
    left: dict[str, int] = field(default_factory=dict)
    done: dict[str, int] = field(default_factory=dict)
    _stalled: dict[str, Work] = field(default_factory=dict)  # by node, until their limit ends them
    _told: list[Work] = field(default_factory=list)  # of their limit
    _held: list[Work] = field(default_factory=list)

    def rain(self, wanted: dict[str, int], running: Callable[[], bool], pause: float) -> None:
        """Disturb in random order until everything wanted has happened or nothing runs any more."""
        self.left, self.done = dict(wanted), dict.fromkeys(wanted, 0)
        try:
            while (any(self.left.values()) or self._stalled) and running():
                self._rest(self.dice.uniform(0.5, 1.5) * pause)
                kinds = [name for name, count in self.left.items() for _ in range(count)]
                kind = self.dice.choice(kinds) if kinds else ""
                if kind and getattr(self, kind)():
                    self.left[kind] -= 1
                    self.done[kind] += 1
        finally:
            for work in (*self._held, *self._stalled.values()):
                work.go_on()

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
        for work in self._at_work():
            if work.job_id == victim[0] and work.stand_still():
                self._held = [held for held in self._held if held != work]
                self._stalled[victim[1]] = work
                return True
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
        """Wait; let stalled jobs go on once they have their notice, and hold those that are almost done."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._see_limits()
            self._hold()
            time.sleep(0.2)

    def _see_limits(self) -> None:
        """Let stalled jobs go on once their limit is near; until they have ended nothing else hits them."""
        for node, work in list(self._stalled.items()):
            if work.ended:
                del self._stalled[node]
                if work not in self._told:  # something else ended it
                    self.left["time_limit"] += 1
                    self.done["time_limit"] -= 1
            elif work.notice.exists() and work not in self._told:
                self._told.append(work)
                work.go_on()

    def _hold(self) -> None:
        still = [work for work in self._held if not work.ended]
        self._held = []
        for work in still:
            if any(self.left.values()) and not work.notice.exists():
                self._held.append(work)
            else:
                work.go_on()
        if not any(self.left.values()):
            return
        known = [*self._held, *self._stalled.values()]
        for work in self._at_work():
            free = work not in known and not work.notice.exists()
            if free and self.almost_done(list(work.command)) and work.stand_still():
                self._held.append(work)

    def _at_work(self) -> Iterator[Work]:
        """The processes that do the work of this cluster's jobs."""
        for process in psutil.process_iter(["cmdline"]):
            line = process.info["cmdline"] or [""]
            if "python" not in line[0] or self.work not in " ".join(line):
                continue
            with suppress(psutil.NoSuchProcess, KeyError):
                environment = process.environ()
                if environment.get("SLURM_CONF") == str(self.cluster.layout.slurm_conf):
                    notice = Path(environment["SNAKEMAKE_JOB_NOTICE"])
                    yield Work(process, job_of(environment), notice, tuple(line))

    def _victim(self) -> tuple[str, str] | None:
        """A running job of the lower partition, with its node; nodes of stalled jobs are spared."""
        lines = self.cluster.run(
            "squeue", "--noheader", "--array", "--partition=main", "--states=R", "--format=%i %N"
        ).splitlines()
        jobs = [(line.split()[0], line.split()[1]) for line in lines]
        candidates = [job for job in jobs if job[1] not in self._stalled]
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

    workflow.hold.touch()
    workflow.start(*options)
    chaos = Chaos(cluster, restart, random.Random(seed), work="counting.py")
    chaos.rain(wanted, running, pause)
    workflow.hold.unlink()
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
