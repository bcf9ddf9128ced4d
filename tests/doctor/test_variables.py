"""What people set for their own use of SLURM's commands does not reach the doctor's."""

from pathlib import Path

import pytest

from bakeoff.doctor import probing, slurm
from bakeoff.doctor.requests import job_requests
from bakeoff.doctor.site import Site
from snakemake_executor_plugin_submitit.slurm import environment
from tests.executor.variables import HIDING, OF_ANOTHER_JOB, PAGES, PLACES

# Each answers as SLURM's does; of the doctor's job they say that it failed.
ANSWERS = {
    "scontrol ping": "Slurmctld(primary) at here is UP",
    "scontrol show config": "SLURM_VERSION = 22",
    "scontrol --all show partition": "PartitionName=main State=UP",
    "scontrol show job": "JobId=7 JobState=FAILED ExitCode=1:0",
    "sinfo": "n1|main*|idle|4|9|(null)|(null)",
    "sacctmgr": "research",
    "sbatch --test-only": "",
    "sbatch --parsable": "7",
    "scancel": "",
    "squeue": "",
}
TELL = """#!/bin/bash
said="${0##*/} $*"
/usr/bin/env -0 > "${0%/*}/../told/$$"; echo -n "$said" > "${0%/*}/../told/$$.command"
case "$said" in
CASES
esac
"""


def asked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, str]]:
    """The environment of each command that the doctor calls, by its first words."""
    (folder / "bin").mkdir()
    (folder / "told").mkdir()
    cases = "\n".join(f"*'{words}'*) echo -n '{said}' ;;" for words, said in ANSWERS.items())
    for name in {words.partition(" ")[0] for words in ANSWERS}:
        (folder / "bin" / name).write_text(TELL.replace("CASES", cases))
        (folder / "bin" / name).chmod(0o755)
    for name, value in HIDING.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SLURM_CONF", "here")
    monkeypatch.setenv("PATH", str(folder / "bin"))
    assert slurm.reachable().level == "ok"
    (light,) = job_requests(None, {"runtime": 5, "mem_mb": 1000}, "", "")
    accepted, findings = slurm.judge(Site.read(), [light])
    assert accepted == [light], findings
    probed = probing.run(
        light, folder, {}, python="python", setup="", timeout=20, notify=lambda _: None
    )
    assert (probed.state, probed.exit_code, probed.cancel_error) == ("FAILED", 1, "")
    found = {}
    for file in (folder / "told").glob("*.command"):
        told = file.with_suffix("").read_text().split("\0")
        command = next(words for words in ANSWERS if file.read_text().startswith(words))
        found[command] = dict(line.split("=", 1) for line in told if line)
    return found


def test_no_variable_that_hides_jobs_reaches_the_doctors_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = asked(tmp_path, monkeypatch)
    assert found.keys() == ANSWERS.keys() - {"squeue"}
    named = {name for page in (*PAGES.values(), OF_ANOTHER_JOB) for name in page}
    for command, variables in found.items():
        assert variables["SLURM_CONF"] == "here", command
        for name in named - set(PLACES):
            if not command.startswith("sbatch"):
                assert variables.get(name) != HIDING[name], f"{command}: {name}"
            elif name in PAGES["sbatch"] or name.startswith(environment.FOREIGN):
                assert name not in variables, f"{command}: {name}"


def test_sbatch_judges_a_request_as_the_executor_makes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Variables are defaults for what it leaves open, and nothing beside what it asks for."""
    for name in ("SBATCH_ACCOUNT", "SBATCH_TIMELIMIT", "SBATCH_MEM_PER_CPU"):
        monkeypatch.setenv(name, "theirs")
    found = asked(tmp_path, monkeypatch)
    for command in ("sbatch --test-only", "sbatch --parsable"):
        assert found[command]["SBATCH_ACCOUNT"] == "theirs"
        assert not {"SBATCH_TIMELIMIT", "SBATCH_MEM_PER_CPU"} & found[command].keys()
