"""Jobs that SLURM's commands hide while they run: none is started a second time beside itself.

    python -m tests.executor.hidden_jobs --seconds 420 --lie 600 --table benchmarks/hidden_jobs.md

runs workflows on a cluster of its own, each under another lie: variables of the environment that hide
jobs, and squeue, sacct and scontrol that answer nothing, a part, or an old state. Every job traces who
runs it, second by second, so that two at once are seen whatever the reason.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests.cluster import packages
from tests.cluster.cluster import SlurmCluster
from tests.executor.variables import HIDING, PLACES
from tests.executor.workflow import Workflow

# Liars in the place of SLURM's commands, first on the PATH of Snakemake and of its jobs. Yesterday's
# state is the real one without the jobs of today, or with today's jobs in a state of an earlier run.
LIAR = r"""#!/bin/bash
name=${0##*/}; here=${0%/*}/..
lie=$(cat "$here/lie" 2> /dev/null)
if [ "$name" = scancel ]; then
    [ "${lie#*+}" = scancel ] && exit 0
    exec /usr/bin/scancel "$@"
fi
lie=${lie%+*}
if [ "$name" = scontrol ] && [[ " $* " != *" show job "* ]]; then exec /usr/bin/scontrol "$@"; fi
case "$lie" in
    "") exec "/usr/bin/$name" "$@" ;;
    nothing) exit 0 ;;
    part) "/usr/bin/$name" "$@" | awk 'NR % 2 == 0'; exit 0 ;;
    yesterday)
        if [ "$name" = scontrol ]; then
            echo "slurm_load_jobs error: Invalid job id specified" >&2; exit 1
        fi
        "/usr/bin/$name" "$@" | awk -F'[|_ ]' -v today="$(cat "$here/first")" '$1 < today'
        exit 0 ;;
    *)
        live='RUNNING|PENDING|COMPLETING|CONFIGURING|REQUEUED'
        "/usr/bin/$name" "$@" | sed -E "s/(\||JobState=)($live)(\||[[:space:]])/\1$lie\3/"
        exit 0 ;;
esac
"""

# What a job does: it says every second that it runs, and who it is.
TRACE = r"""#!/bin/bash
trap 'exit 1' TERM
for second in $(seq "$2"); do
    echo "${SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}.$SLURM_JOB_ID.$$ $(date +%s.%N)" >> "$1.trace"
    sleep 1 & wait $!
done
"""

SNAKEFILE = """
    rule all:
        input: "running.txt", "queued.txt", expand("many-{i}.txt", i=range(2))
    rule running:
        output: "running.txt"
        retries: 2
        resources: runtime=60
        shell: "./trace.sh running SECONDS; touch {output}"
    rule queued:
        output: "queued.txt"
        retries: 2
        resources: runtime=60, slurm_extra="--begin=now+BEGIN"
        shell: "./trace.sh queued SECONDS; touch {output}"
    rule many:
        output: "many-{i}.txt"
        retries: 2
        resources: runtime=9, cpus_per_task=1
        shell: "./trace.sh many-{wildcards.i} SECONDS; touch {output}"
"""
JOBS = ("running", "queued", "many-0", "many-1")


@dataclass(frozen=True)
class Case:
    """One lie; `restart` kills Snakemake under it, `changed` changes the rules before the next start."""

    name: str
    lie: str = ""
    variables: bool = False
    restart: bool = False
    changed: bool = False


CASES = (
    Case("variables that hide jobs, from the start", variables=True),
    Case("variables that hide jobs, and another Snakemake", variables=True, restart=True),
    Case("variables, and other rules", variables=True, restart=True, changed=True),
    Case("no answer, exit code 0", "nothing"),
    Case("no answer, and another Snakemake", "nothing", restart=True),
    Case("no answer, and other rules", "nothing", restart=True, changed=True),
    Case("every second line", "part"),
    Case("yesterday: not submitted yet", "yesterday"),
    Case("yesterday, and another Snakemake", "yesterday", restart=True),
    Case("yesterday, other rules, scancel does nothing", "yesterday+scancel", True, True, True),
    Case("an old state: NODE_FAIL", "NODE_FAIL"),
    Case("an old state: CANCELLED", "CANCELLED"),
    Case("an old state: COMPLETED", "COMPLETED"),
    Case("an old state: FAILED, and another Snakemake", "FAILED", restart=True),
)


@dataclass
class Life:
    """Everybody who ran one job: first and last sign of each, in order."""

    runs: dict[str, tuple[float, float]] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> "Life":
        """From a job's trace."""
        life = cls()
        for line in path.read_text().splitlines() if path.exists() else []:
            who, _, when = line.partition(" ")
            first, _ = life.runs.get(who, (float(when), 0.0))
            life.runs[who] = (first, float(when))
        return life

    @property
    def at_once(self) -> int:
        """How many ran at the same time, at most."""
        return max(
            (
                sum(first <= begin <= last for first, last in self.runs.values())
                for begin, _ in self.runs.values()
            ),
            default=0,
        )


@dataclass
class Trial:
    """A workflow under a lie."""

    case: Case
    workflow: Workflow
    seconds: int  # that a job takes
    queued: int  # seconds for which one of them waits in the queue
    options: tuple[str, ...]
    lied: float = 0.0  # seconds for which the lie was told
    code: int | None = None
    lives: dict[str, Life] = field(default_factory=dict)  # by job, once it has ended

    def run(self, lie: float, first: str) -> "Trial":
        """From the first start of Snakemake to its end, with `lie` seconds of lies once jobs run."""
        self._begin()
        self.workflow.wait_for(lambda: self._running, f"{self.case.name}: jobs run", seconds=400)
        self._lie(first)
        deadline = time.monotonic() + lie
        while time.monotonic() < deadline and self._process.poll() is None:
            time.sleep(0.5)
        self.lied = lie - max(0.0, deadline - time.monotonic())
        (self.workflow.folder / "lie").unlink(missing_ok=True)
        self.code = self._process.wait(timeout=3 * self.seconds + 300)
        self.lives = self._read()
        return self

    @property
    def _process(self) -> "subprocess.Popen[str]":
        assert self.workflow.process is not None
        return self.workflow.process

    def _begin(self) -> None:
        folder = self.workflow.folder
        (folder / "bin").mkdir()
        for name in ("squeue", "sacct", "scontrol", "scancel"):
            liar = folder / "bin" / name
            liar.write_text(LIAR)
            liar.chmod(0o755)
        (folder / "trace.sh").write_text(TRACE)
        (folder / "trace.sh").chmod(0o755)
        self._write(self.queued, "")
        path = f"{folder}/bin:{self.workflow.env['PATH']}"
        self.workflow.hiding = {"PATH": path}
        if self.case.variables and self.case.restart:
            # Submitted to the cluster by its name, as on a site that has several.
            self.workflow.hiding["SLURM_CLUSTERS"] = "bakeoff"
        if self.case.variables and not self.case.restart:
            hidden = {name: value for name, value in HIDING.items() if name not in PLACES}
            self.workflow.hiding |= hidden
        self.workflow.start(*self.options)

    def _lie(self, first: str) -> None:
        folder = self.workflow.folder
        (folder / "first").write_text(first)
        if self.case.restart:
            self.workflow.end()
        if self.case.lie:
            (folder / "lie").write_text(self.case.lie)
        if not self.case.restart:
            return
        if self.case.changed:
            self._write(1, " # changed")
        if self.case.variables:
            # Where nothing is submitted anew, the place may be another, too.
            hidden = [name for name in HIDING if not (self.case.changed and name in PLACES)]
            del self.workflow.hiding["SLURM_CLUSTERS"]
            self.workflow.hiding |= {name: HIDING[name] for name in hidden}
        self.workflow.run("--unlock")
        self.workflow.start(*self.options)

    def _write(self, queued: int, comment: str) -> None:
        text = SNAKEFILE.replace("SECONDS", str(self.seconds)).replace("BEGIN", str(queued))
        self.workflow.write(text.replace("touch {output}", f"touch {{output}}{comment}"))

    def _read(self) -> dict[str, Life]:
        return {name: Life.read(self.workflow.folder / f"{name}.trace") for name in JOBS}

    @property
    def _running(self) -> bool:
        lives = self._read()
        return all(lives[name].runs for name in JOBS if name != "queued")

    @property
    def safe(self) -> bool:
        """Whether each was started once, or its successor only after its last sign."""
        begun = [life for life in self.lives.values() if life.runs]
        return bool(begun) and all(life.at_once == 1 for life in begun)

    @property
    def row(self) -> str:
        """A line of the table."""
        lives = self.lives.values()
        started = ", ".join(str(len(life.runs)) for life in lives)
        at_once = max(life.at_once for life in lives)
        return f"| {self.case.name} | {self.lied:.0f} | {started} | {at_once} | {self.code} |"


def trials(
    folder: Path, cluster: SlurmCluster, cases: Sequence[Case], *, seconds: int, queued: int,
    lie: float, options: tuple[str, ...], stagger: float = 0.0,
) -> list[Trial]:  # fmt: skip
    """All cases at once, each with a Snakemake of its own."""
    yesterday = cluster.run("sbatch", "--parsable", "--wrap=sleep 9999", "--output=/dev/null")
    first = str(int(yesterday) + 1)
    made = []
    for index, case in enumerate(cases):
        place = folder / f"case-{index}"
        place.mkdir()
        workflow = Workflow(place, "slurm", cluster.env)
        made.append(Trial(case, workflow, seconds, queued, options))
    try:
        with ThreadPoolExecutor(len(made)) as pool:
            pending = []
            for trial in made:
                pending.append(pool.submit(trial.run, lie, first))
                time.sleep(stagger)
            return [future.result() for future in pending]
    finally:
        for trial in made:
            trial.workflow.end()
        cluster.run("scancel", yesterday, check=False)


TABLE = """# Jobs that SLURM's commands hide

Made by `make hidden-jobs` ({when}, {minutes:.0f} minutes, {version}). Each line is a workflow with four jobs
of {seconds} s: one in an `srun` step, one that waits in the queue for {queued} s, two in an array; all with
`retries: 2`. Once they run, the lie is told to everybody, Snakemake and jobs, for {lie:.0f} s or until the
workflow ends. Every job notes each second who runs it. Where the rules are other ones, each job has to be
started twice, and the second not before the last sign of the first. `--submitit-silence` is {silence:g}.
A job that had not begun, and of which squeue, sacct and scontrol all say by its id that it was cancelled
or has completed, is believed to have ended without a result: it fails (exit code 1), and is cancelled first.

| the lie | told for (s) | starts of the four jobs | most at once | exit code |
|---|---|---|---|---|
"""


def main() -> int:
    """Run the long form on a cluster of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=420, help="that a job takes")
    parser.add_argument("--queued", type=int, default=90, help="seconds that one waits")
    parser.add_argument("--lie", type=float, default=600, help="seconds")
    parser.add_argument("--silence", type=float, default=60, help="--submitit-silence")
    parser.add_argument("--table", type=Path, help="file to write the table to")
    options = parser.parse_args()
    reason = packages.obstacle()
    if reason:
        raise SystemExit(reason)
    packages.install()
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bakeoff-hidden-") as folder:
        cluster = SlurmCluster.up(Path(folder) / "c")
        try:
            version = cluster.run("scontrol", "--version")
            done = trials(
                Path(folder), cluster, CASES, seconds=options.seconds, queued=options.queued,
                lie=options.lie, stagger=3,
                options=("--submitit-silence", str(options.silence), "--submitit-poll", "1"),
            )  # fmt: skip
        finally:
            cluster.down()
    text = TABLE.format(
        when=time.strftime("%Y-%m-%d"), minutes=(time.monotonic() - begin) / 60, version=version,
        **vars(options),
    ) + "".join(f"{trial.row}\n" for trial in done)  # fmt: skip
    print(text)
    if options.table:
        options.table.write_text(text)
    return 0 if all(trial.safe for trial in done) else 1


if __name__ == "__main__":
    sys.exit(main())
