"""A full disk ends the controlling Snakemake, or keeps it from submitting; no job is lost or repeated."""

import time

import pytest

from tests.doctor.running import mounted
from tests.executor.workflow import Workflow

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

# `fill` is the controlling Snakemake's own job: it fills the disk while `long` runs.
RULES = """
    rule all:
        input: "long.txt", "second.txt"
    rule long:
        output: "long.txt"
        resources: runtime=5
        shell: "echo run >> RUNS/long; sleep 5; touch {output}"
    rule fill:
        output: touch("filled.txt")
        localrule: True
        shell:
            "until [ -e RUNS/long ]; do sleep 0.1; done; "
            "[ -e RUNS/fill ] || cat /dev/zero > DISK/filler || touch RUNS/fill"
    rule second:
        input: "filled.txt"
        output: "second.txt"
        resources: runtime=5
        shell: "echo run >> RUNS/second; touch {output}"
"""


@pytest.mark.parametrize("full", ["working directory", "registry"])
def test_a_full_disk_loses_no_job_and_repeats_none(workflow: Workflow, full: str) -> None:
    runs, disk = workflow.folder / "runs", workflow.folder / "disk"
    for folder in (runs, disk):
        folder.mkdir()
    other = workflow.folder / "other"
    registry = (other if full == "working directory" else disk) / "submitit"
    options = ("--submitit-folder", str(registry))
    with mounted(disk, "size=4m"):
        if full == "working directory":
            workflow.folder = disk
        workflow.write(RULES.replace("RUNS", str(runs)).replace("DISK", str(disk)))
        snakemake = workflow.start(*options)
        if full == "registry":
            workflow.wait_for(lambda: "could not be submitted" in workflow.output, "it is refused")
            # Its record finds no space yet.
            workflow.wait_for(lambda: (workflow.folder / "long.txt").exists(), "the other one ends")
            time.sleep(0.5)
            (disk / "filler").unlink()
        assert snakemake.wait(timeout=60) == 1, workflow.output
        assert ("stay in the queue" in workflow.output) == (full == "working directory")
        (disk / "filler").unlink(missing_ok=True)
        workflow.run("--unlock")
        done = workflow.run(*options)
        assert done.returncode == 0, done.stdout
        workflow.folder = runs
    assert ("is taken over" in done.stdout) == (full == "working directory")
    assert workflow.read("long").split() == workflow.read("second").split() == ["run"]
