"""What makes the bake-off quick on a cluster: none of its jobs starts a Snakemake of its own."""

from pathlib import Path

import pytest

from snakemake_executor_plugin_submitit.direct.command import command_of
from tests.executor.graph import jobs_of

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("config", ["demo", "zoo", "lab5"])
def test_every_command_is_known_before_its_job_runs(config: str, tmp_path: Path) -> None:
    with jobs_of(ROOT / "Snakefile", tmp_path, [ROOT / f"config/{config}.yaml"]) as jobs:
        commands = [command_of(job) for job in jobs if job.is_shell]
    assert any("} bakeoff train" in command for command in commands)
