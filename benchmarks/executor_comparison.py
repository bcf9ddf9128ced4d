"""This executor against snakemake-executor-plugin-slurm 2.8.0 with its best settings.

Three workflows of jobs that do nothing, on the same real SLURM, one after the other: what is measured
is the executors. Needs root (see tests/cluster) and a Python that has the other plugin:

    python -m venv /tmp/reference
    /tmp/reference/bin/pip install snakemake==9.27.1 snakemake-executor-plugin-slurm==2.8.0
    python -m benchmarks.executor_comparison /tmp/reference/bin/python

Writes benchmarks/executor_comparison.md and its numbers as JSON; `--only` measures some rows anew.
"""

import argparse
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.cluster import packages
from tests.cluster.cluster import SlurmCluster

TABLE = Path(__file__).with_suffix(".md")
NUMBERS = Path(__file__).with_suffix(".json")
RESOURCES = 'resources: runtime=5, mem_mb=1000, slurm_account="research", slurm_partition="main"'

WORKFLOWS = {
    "50 jobs": f"""
rule all:
    input: expand("out/{{i}}", i=range(50))
rule one:
    output: "out/{{i}}"
    {RESOURCES}
    shell: "touch {{output}}"
""",
    "1 job": f"""
rule all:
    input: "out/0"
rule one:
    output: "out/0"
    {RESOURCES}
    shell: "touch {{output}}"
""",
    "chain of 4": "rule all:\n    input: 'out/4'\n"
    + "\n".join(
        f"""
rule link{i}:
    output: "out/{i}"
    {f'input: "out/{i - 1}"' if i > 1 else ""}
    {RESOURCES}
    shell: "touch {{output}}"
"""
        for i in range(1, 5)
    ),
}

# The other plugin at its best: arrays, no search for an account, the shortest waits it accepts.
TUNED = [
    *("--executor", "slurm", "--slurm-array-jobs=all", "--slurm-no-account"),
    *("--slurm-init-seconds-before-status-checks", "1", "--seconds-between-status-checks", "1"),
    *("--max-status-checks-per-second", "10"),
]
CONTENDERS = {
    "plugin-slurm, tuned": (False, TUNED),
    "plugin-slurm, default": (False, ["--executor", "slurm"]),
    "submitit": (True, ["--executor", "submitit"]),
    "submitit, nested only": (True, ["--executor", "submitit", "--submitit-direct", "never"]),
}


@dataclass(frozen=True)
class Measured:
    """One run: wall time, requests that slurmctld served, CPU time of the controlling Snakemake."""

    seconds: float
    requests: int
    cpu: float


def environment(cluster: SlurmCluster, ours: bool) -> dict[str, str]:
    """The cluster's environment.

    The other plugin forgets SLURM_CONF inside its jobs, which only a cluster in /etc/slurm forgives:
    its srun gets it back. Ours finds the sources of this repository.
    """
    if ours:
        return cluster.env | {"PYTHONPATH": os.pathsep.join(sys.path)}
    srun = cluster.layout.root / "bin" / "srun"
    if not srun.exists():
        srun.parent.mkdir(exist_ok=True)
        real = shutil.which("srun")
        conf = cluster.layout.slurm_conf
        srun.write_text(f'#!/bin/sh\nSLURM_CONF={conf} exec {real} "$@"\n')
        srun.chmod(0o755)
    return cluster.env | {"PATH": f"{srun.parent}:{cluster.env['PATH']}"}


def measure(cluster: SlurmCluster, python: str, arguments: list[str], snakefile: str) -> Measured:
    """Run one workflow from an empty folder."""
    cluster.clear()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "Snakefile").write_text(snakefile)
        cluster.run("sdiag", "--reset")
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        begin = time.monotonic()
        done = subprocess.run(
            [python, "-m", "snakemake", *arguments, "--jobs", "100", "--latency-wait", "5"],
            cwd=folder,
            env=environment(cluster, "submitit" in arguments),
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.monotonic() - begin
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode != 0:
            raise SystemExit(f"{arguments}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
        cpu = after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime
        # The last jobs' epilogues belong to the run.
        time.sleep(2)
        return Measured(seconds, requests(cluster.run("sdiag")), cpu)


def requests(text: str) -> int:
    """The requests by message type, without the nodes' own heartbeats and sdiag's own."""
    section = text.partition("statistics by message type")[2].partition("statistics by user")[0]
    counts = re.findall(r"(\w+)\s*\(\s*\d+\)\s*count:(\d+)", section)
    own = ("NODE_REGISTRATION", "PING", "STATS_INFO", "PARTITION_INFO", "NODE_INFO")
    return sum(int(count) for name, count in counts if not any(word in name for word in own))


def main() -> int:
    """Measure everything and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("reference", help="a Python with snakemake-executor-plugin-slurm")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=list(WORKFLOWS), choices=WORKFLOWS)
    parser.add_argument("--skip-default", action="store_true", help="its default takes minutes")
    options = parser.parse_args()
    reason = packages.obstacle()
    if reason:
        raise SystemExit(reason)
    packages.install()
    with tempfile.TemporaryDirectory(prefix="bakeoff-benchmark-") as folder:
        cluster = SlurmCluster.up(Path(folder) / "c")
        try:
            results = measure_all(cluster, options)
        finally:
            cluster.down()
    numbers = json.loads(NUMBERS.read_text()) if NUMBERS.exists() else {}
    for (workflow, contender), run in results.items():
        numbers.setdefault(workflow, {})[contender] = asdict(run) | {"of": options.repeats}
    NUMBERS.write_text(json.dumps(numbers, indent=2) + "\n")
    TABLE.write_text(table(numbers))
    print(TABLE.read_text())
    return 0


def measure_all(
    cluster: SlurmCluster, options: argparse.Namespace
) -> dict[tuple[str, str], Measured]:
    """The fastest of some repeats for every workflow and contender."""
    results = {}
    for workflow in options.only:
        snakefile = WORKFLOWS[workflow]
        for contender, (ours, arguments) in CONTENDERS.items():
            if options.skip_default and "default" in contender:
                continue
            python = sys.executable if ours else options.reference
            count = 1 if "default" in contender else options.repeats
            runs = [measure(cluster, python, arguments, snakefile) for _ in range(count)]
            results[workflow, contender] = min(runs, key=lambda run: run.seconds)
            print(workflow, contender, results[workflow, contender], flush=True)
    return results


def table(numbers: dict[str, dict[str, dict[str, float]]]) -> str:
    """The results as Markdown; ratios are to the tuned plugin."""
    lines = [
        "# Executors on jobs that do nothing",
        "",
        f"On {os.cpu_count()} CPU cores that SLURM's daemons, all jobs and Snakemake share. The "
        "fastest of some runs; the other plugin's default was run once. Requests are those that "
        "slurmctld counts (`sdiag`), without the nodes' heartbeats. CPU is that of the controlling "
        "Snakemake. Written by `benchmarks/executor_comparison.py`.",
        "",
        "| workflow | executor | runs | seconds | of tuned | requests | of tuned | CPU, s |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for workflow, contenders in numbers.items():
        base = contenders["plugin-slurm, tuned"]
        for contender, run in contenders.items():
            lines.append(
                f"| {workflow} | {contender} | {1 if 'default' in contender else run['of']} "
                f"| {run['seconds']:.1f} | {run['seconds'] / base['seconds']:.2f} "
                f"| {run['requests']} | {run['requests'] / base['requests']:.2f} "
                f"| {run['cpu']:.1f} |"
            )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
