"""Whatever SLURM's commands say or do not say of a job that runs, it is not started beside itself."""

import gzip
import re
from pathlib import Path

import pytest

from snakemake_executor_plugin_submitit.slurm import environment
from tests.cluster.cluster import SlurmCluster
from tests.executor.hidden_jobs import Case, trials
from tests.executor.variables import OF_ANOTHER_JOB, PAGES, PLACES

MANUALS = Path("/usr/share/man/man1")
CASES = (
    Case("variables, and another Snakemake", variables=True, restart=True),
    Case("no answer, and other rules", "nothing", restart=True, changed=True),
    Case("yesterday: not submitted yet", "yesterday"),
    Case("an old state", "NODE_FAIL"),
)


@pytest.mark.parametrize("page", PAGES)
def test_no_variable_of_a_manual_page_reaches_our_commands(
    page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_CONF", "here")
    for name, value in PAGES[page].items():
        monkeypatch.setenv(name, value)
    asked, submitted = environment.of_questions(), environment.of_submissions(["time"])
    assert asked["SLURM_CONF"] == submitted["SLURM_CONF"] == "here"
    for name, value in PAGES[page].items():
        assert asked.get(name) != value
        if name in PAGES["sbatch"] or name.startswith(environment.FOREIGN):
            assert (name in submitted) == (name in PLACES)


@pytest.mark.parametrize("page", [page for page in PAGES if page != "sbatch"])
def test_the_list_of_variables_is_that_of_the_manual(page: str) -> None:
    path = MANUALS / f"{page}.1.gz"
    if not path.exists():
        pytest.skip(f"{path}: SLURM's manual is not on this machine")
    text = re.sub(r"\\f[A-Z]|\\", "", gzip.decompress(path.read_bytes()).decode())
    sections = re.split(r'^\.SH "?', text, flags=re.MULTILINE)
    section = next(part for part in sections if part.startswith(("ENVIRONMENT", "INPUT ENV")))
    named = set(re.findall(r"^\.TP.*\n(S[A-Z]+_[A-Z0-9_]+)", section, flags=re.MULTILINE))
    assert named - {"SLURM_CONF"} == set(PAGES[page])


def test_what_a_rule_asks_for_is_not_overridden_by_a_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("SBATCH_PARTITION", "SBATCH_ACCOUNT", "SBATCH_TIMELIMIT", "SBATCH_MEM_PER_NODE"):
        monkeypatch.setenv(name, "theirs")
    for name, value in OF_ANOTHER_JOB.items():
        monkeypatch.setenv(name, value)
    left = environment.of_submissions(["partition", "mem-per-cpu"])
    assert left["SBATCH_ACCOUNT"] == left["SBATCH_TIMELIMIT"] == "theirs"
    assert not {"SBATCH_PARTITION", "SBATCH_MEM_PER_NODE", *OF_ANOTHER_JOB} & set(left)


@pytest.mark.cluster
@pytest.mark.slow(seconds=70)
def test_no_job_runs_beside_itself(slurm: SlurmCluster, tmp_path: Path) -> None:
    """The short form of `make hidden-jobs`."""
    options = ("--submitit-silence", "9", "--submitit-ask", "1")
    done = trials(tmp_path, slurm, CASES, seconds=24, queued=20, lie=35, options=options)
    for trial in done:
        told = f"{trial.row}\n{trial.workflow.output}"
        assert trial.code == 0, told
        assert trial.safe, told
        for name, life in trial.lives.items():
            # With other rules, what had begun makes room, and the new one begins after that.
            assert len(life.runs) in ((1, 2) if trial.case.changed else (1,)), f"{name}: {told}"
