"""What the controlling Snakemake costs while 1,000 jobs wait in the queue, and while they run.

    python -m benchmarks.executor_thousand

Needs root (see tests/cluster). Writes benchmarks/executor_thousand.md.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.executor_comparison import requests
from tests.cluster import packages
from tests.cluster.cluster import SlurmCluster

TABLE = Path(__file__).with_suffix(".md")
SNAKEFILE = """
rule all:
    input: expand("out/{i}", i=range(COUNT))
rule one:
    output: "out/{i}"
    resources: runtime=5, mem_mb=100, slurm_extra="--hold"
    shell: "touch {output}"
"""
# When the last job is in the queue, the watching is sampled in two halves, to see a slope.
HALF = 45


@dataclass(frozen=True)
class Watched:
    """What one number of queued jobs costs."""

    jobs: int
    submitted: float  # seconds from the start of Snakemake to the last id
    memory: tuple[float, float]  # MB at the beginning and at the end of watching
    cpu: tuple[float, float]  # seconds of CPU per minute in both halves of watching
    requests: float  # of SLURM per minute


def watch(cluster: SlurmCluster, jobs: int) -> Watched:
    """Queue held jobs and watch the process that waits for them."""
    cluster.clear()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "Snakefile").write_text(SNAKEFILE.replace("COUNT", str(jobs)))
        begin = time.monotonic()
        with (Path(folder) / "output.txt").open("w") as output:
            snakemake = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "snakemake",
                    "-e",
                    "submitit",
                    "-j",
                    str(jobs),
                    "-q",
                    "rules",
                ],
                cwd=folder,
                env=cluster.env | {"PYTHONPATH": os.pathsep.join(sys.path)},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            while queued(cluster) < jobs:
                if snakemake.poll() is not None:
                    raise SystemExit((Path(folder) / "output.txt").read_text()[-3000:])
                time.sleep(0.5)
            submitted = time.monotonic() - begin
            time.sleep(5)
            cluster.run("sdiag", "--reset")
            samples = [sample(snakemake.pid)]
            for _ in range(2):
                time.sleep(HALF)
                samples.append(sample(snakemake.pid))
            asked = requests(cluster.run("sdiag"))
        finally:
            snakemake.terminate()
            snakemake.kill()
            snakemake.wait()
            cluster.clear()
    memory = [memory for memory, _ in samples]
    spent = [cpu for _, cpu in samples]
    return Watched(
        jobs,
        submitted,
        (memory[0], memory[-1]),
        ((spent[1] - spent[0]) * 60 / HALF, (spent[2] - spent[1]) * 60 / HALF),
        asked * 60 / (2 * HALF),
    )


def queued(cluster: SlurmCluster) -> int:
    """The jobs in the queue, array members counted one by one."""
    return len(cluster.run("squeue", "--noheader", "--array", "--format=%i").split())


def sample(pid: int) -> tuple[float, float]:
    """Memory in MB and CPU in seconds, the commands that it ran included."""
    process = psutil.Process(pid)
    times = process.cpu_times()
    cpu = times.user + times.system + times.children_user + times.children_system
    return process.memory_info().rss / 1e6, cpu


def main() -> int:
    """Measure a hundred and a thousand jobs, and write the table."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    reason = packages.obstacle()
    if reason:
        raise SystemExit(reason)
    packages.install()
    with tempfile.TemporaryDirectory(prefix="bakeoff-benchmark-") as folder:
        cluster = SlurmCluster.up(Path(folder) / "c")
        try:
            measured = [watch(cluster, jobs) for jobs in (1, 100, 1000)]
        finally:
            cluster.down()
    lines = [
        "# The controlling Snakemake while jobs wait",
        "",
        f"Held jobs, watched for {2 * HALF} s with default settings; CPU with the commands it runs. "
        "Written by `benchmarks/executor_thousand.py`.",
        "",
        "| jobs | all in the queue after, s | memory, MB (start, end) | CPU, s a minute (halves) "
        "| requests a minute |",
        "|---|---|---|---|---|",
    ]
    for run in measured:
        lines.append(
            f"| {run.jobs} | {run.submitted:.1f} | {run.memory[0]:.0f}, {run.memory[1]:.0f} "
            f"| {run.cpu[0]:.2f}, {run.cpu[1]:.2f} | {run.requests:.1f} |"
        )
    TABLE.write_text("\n".join(lines) + "\n")
    print(TABLE.read_text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
