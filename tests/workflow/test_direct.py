"""What makes the bake-off quick on a cluster: none of its jobs starts a Snakemake of its own."""

from pathlib import Path

import pytest
import yaml

from snakemake_executor_plugin_submitit.direct.command import command_of
from tests.executor.graph import jobs_of

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("config", ["demo", "zoo", "lab5"])
def test_every_command_is_known_before_its_job_runs(config: str, tmp_path: Path) -> None:
    with jobs_of(ROOT / "Snakefile", tmp_path, [ROOT / f"config/{config}.yaml"]) as jobs:
        commands = [command_of(job) for job in jobs if job.is_shell]
    assert any("} bakeoff train" in command for command in commands)


def test_the_command_of_a_pack_is_known_too_and_it_asks_for_what_one_run_asks(
    tmp_path: Path,
) -> None:
    config = yaml.safe_load((ROOT / "config/demo.yaml").read_text())
    config["training"] |= {"pack": 16, "seeds": [0, 1, 2]}
    config["resources"] = {"gpu": 1, "mem_mb": 5000}
    file = tmp_path / "packed.yaml"
    file.write_text(yaml.safe_dump(config))
    with jobs_of(ROOT / "Snakefile", tmp_path, [file]) as jobs:
        by_rule = {job.rule.name: job for job in jobs if job.is_shell}
        command = command_of(by_rule["train_pack"])
        command_of(by_rule["evaluate"])
    runs = 3 * len(config["variants"])
    assert command.count(" --run ") == runs
    asked = by_rule["train_pack"].resources
    assert (asked.gpu, asked.mem_mb, asked.get("tasks")) == (1, 5000, None)
    assert "train" not in by_rule, "they are trained by their pack"
