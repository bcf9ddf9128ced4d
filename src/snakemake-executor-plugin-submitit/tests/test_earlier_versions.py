"""Jobs that an earlier version submitted, and that start only now, find what they name."""

import pickle
import subprocess
import sys

from snakemake_executor_plugin_submitit.job.worker import Worker


def test_a_pickled_worker_is_found() -> None:
    old = pickle.dumps(Worker("0.json"), protocol=0).replace(b".job.worker\n", b".worker\n")
    assert b"submitit.worker\n" in old
    assert pickle.loads(old) == Worker("0.json")


def test_the_command_of_a_nested_job_starts() -> None:
    started = subprocess.run(
        [sys.executable, "-m", "snakemake_executor_plugin_submitit.nested", "-m", "platform"],
        capture_output=True,
        text=True,
    )
    assert started.returncode == 0 and started.stdout.strip(), started.stderr
