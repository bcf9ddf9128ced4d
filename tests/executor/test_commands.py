"""SLURM's commands when they are missing, barred, silent or talk nonsense: told apart, and soon over."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from submitit.core.utils import FailedSubmissionError

from snakemake_executor_plugin_submitit.backends.slurm import SlurmBackend
from snakemake_executor_plugin_submitit.job.slurm_job import InsideJob
from snakemake_executor_plugin_submitit.job.worker import Worker
from snakemake_executor_plugin_submitit.resources.sbatch_options import translate
from snakemake_executor_plugin_submitit.settings import ExecutorSettings
from snakemake_executor_plugin_submitit.slurm import commands, sbatch
from snakemake_executor_plugin_submitit.slurm import queries as slurm
from snakemake_executor_plugin_submitit.slurm.commands import UnreachableError
from tests.executor.workflow import Workflow, stand_in

pytestmark = pytest.mark.slow(seconds=2)

GARBAGE = r"printf '\377\376\000\001\233garbage\n'"
# How a command is broken, and what the one sentence about it says.
FAULTS = {
    "missing": (None, "command not found"),
    "barred": ("barred", "it cannot be executed (Permission denied)"),
    "no program": (GARBAGE, "it cannot be executed (Exec format error)"),
    "no interpreter": ("#!/no/such/shell\n", "the interpreter of {path} is missing"),
    "needs another": ("#!/bin/bash\nexit 127", "exit code 127: it needs a command that was not found"),
    "killed": ("#!/bin/bash\nkill -9 $$", "killed by SIGKILL"),
    "fails": ("#!/bin/bash\necho 'no such luck' >&2; exit 1", "no such luck"),
    "fails in bytes": (f"#!/bin/bash\n{GARBAGE} >&2; exit 1", "garbage"),
    "silent": ("#!/bin/bash\nsleep 1000 & sleep 1000", "no answer after 1 s"),
}  # fmt: skip
# Questions to SLURM, and how each answers what makes no sense.
QUESTIONS: dict[str, Callable[[], object]] = {
    "squeue": slurm.queue,
    "scontrol": lambda: slurm.controller("7"),
}


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that is all of the PATH but the shell's own commands; nothing is left running."""
    shell = tmp_path / "shell"
    shell.mkdir()
    for name in ("sleep", "bash", "cat"):
        (shell / name).symlink_to(f"/bin/{name}")
    folder = tmp_path / "commands"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{shell}")
    commands.begin()
    before = psutil.Process().children(recursive=True)
    yield folder
    commands.begin()
    left = [child for child in psutil.Process().children(recursive=True) if child not in before]
    assert left == [], "no process is left, not even a zombie"


def place(folder: Path, name: str, script: str | None) -> Path:
    """A command of these words; none, or one that nobody may execute."""
    path = folder / name
    if script is not None:
        path.write_text("#!/bin/bash\n" if script == "barred" else script)
        path.chmod(0o644 if script == "barred" else 0o755)
    return path


@pytest.mark.parametrize("fault", FAULTS)
def test_every_way_of_failing_is_told_in_a_sentence_of_its_own(broken: Path, fault: str) -> None:
    script, said = FAULTS[fault]
    path = place(broken, "squeue", script)
    begin = time.monotonic()
    with pytest.raises(UnreachableError) as caught:
        commands.run("squeue", timeout=1)
    assert str(caught.value).startswith("squeue: ")
    assert said.format(path=path) in str(caught.value)
    assert time.monotonic() - begin < 5


@pytest.mark.parametrize("name", QUESTIONS)
@pytest.mark.parametrize("answer", ["echo '<html>Not found</html>'", GARBAGE, "echo 7; echo 8"])
def test_an_answer_that_makes_no_sense_is_none(broken: Path, name: str, answer: str) -> None:
    place(broken, name, f"#!/bin/bash\n{answer}")
    with pytest.raises(UnreachableError, match=f"^{name}: .*(expected|no word of job)"):
        QUESTIONS[name]()


def test_a_controller_that_says_nothing_does_not_say_that_a_job_is_gone(broken: Path) -> None:
    place(broken, "scontrol", "#!/bin/bash\nexit 0")
    with pytest.raises(UnreachableError, match="no word of job 7"):
        slurm.controller("7")
    place(broken, "scontrol", "#!/bin/bash\necho JobId=8 JobState=RUNNING")
    with pytest.raises(UnreachableError, match="no word of job 7"):
        slurm.controller("7")
    gone = "echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1"
    place(broken, "scontrol", f"#!/bin/bash\n{gone}")
    assert slurm.controller("7") is None


@pytest.mark.parametrize("answer", ["echo hello", GARBAGE, "true"])
def test_sbatch_that_names_no_job_is_not_believed(broken: Path, answer: str) -> None:
    place(broken, "sbatch", f"#!/bin/bash\n{answer}")
    with pytest.raises(FailedSubmissionError, match=r"^expected 'Submitted batch job <id>'"):
        sbatch._submit("script.sh", os.environ)


@pytest.mark.parametrize(
    ("script", "state"),
    [
        ("sleep 0; exit 3", None),
        (GARBAGE, None),
        (r"printf 'JobState=RUNNING Comment=caf\351\n'", "RUNNING"),
        ('[ -n "$SLURM_CLUSTERS$SLURM_TIME_FORMAT" ] || echo JobState=RUNNING', "RUNNING"),
    ],
)
def test_a_job_asks_slurm_as_carefully_as_snakemake_does(
    broken: Path, monkeypatch: pytest.MonkeyPatch, script: str, state: str | None
) -> None:
    variables = {"SUBMITIT_EXECUTOR": "slurm", "SLURM_JOB_ID": "7"}
    hiding = {"SLURM_CLUSTERS": "elsewhere", "SLURM_TIME_FORMAT": "%a"}
    for name, value in (variables | hiding).items():
        monkeypatch.setenv(name, value)
    place(broken, "scontrol", f"#!/bin/bash\n{script}")
    assert InsideJob().describe().get("JobState") == state


def test_a_submission_waits_while_a_command_is_away(broken: Path, tmp_path: Path) -> None:
    for name in ("sbatch", "squeue", "scancel", "scontrol"):
        place(broken, name, "#!/bin/bash\ntrue")
    backend = SlurmBackend(ExecutorSettings())
    with pytest.raises(UnreachableError, match="SLURM's srun is not on the PATH"):
        backend.submit(tmp_path, [Worker("0.json")], "name", translate({}, 1))


def test_all_commands_end_when_the_end_is_asked_for(broken: Path) -> None:
    place(broken, "squeue", "#!/bin/bash\nsleep 1000 & sleep 1000")
    begin = time.monotonic()
    commands.end(after=0.5)
    with pytest.raises(UnreachableError, match="not waited for any more"):
        slurm.queue()
    with pytest.raises(UnreachableError, match="not asked any more"):
        slurm.queue()
    assert time.monotonic() - begin < 3


ONE = """
    rule one:
        output: "out.txt"
        resources: runtime=5
        shell: "touch {output}"
"""
SILENT = "sleep 1000 & sleep 1000"


@pytest.fixture
def without_slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workflow]:
    """A workflow for SLURM where there is none: what is called so is what a test puts there."""
    folder = tmp_path / "usual"
    folder.mkdir()
    for name in ("bash", "sh", "cat", "sleep", "touch", "true", "git"):
        if Path("/usr/bin", name).exists():
            (folder / name).symlink_to(f"/usr/bin/{name}")
    monkeypatch.setenv("PATH", str(folder))
    workflow = Workflow(tmp_path, "slurm")
    workflow.write(ONE)
    yield workflow
    workflow.end()


def test_without_slurm_one_sentence_says_so_and_nothing_is_left_behind(
    without_slurm: Workflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):  # the second start is like the first
        done = without_slurm.run(timeout=60)
        assert done.returncode == 1
        assert "Traceback" not in done.stdout
        assert "SLURM's sbatch, squeue, scancel, scontrol, srun are not on the PATH" in done.stdout
        assert "module load slurm" in done.stdout and "--submitit-cluster local" in done.stdout
        assert not (without_slurm.folder / ".snakemake" / "submitit").exists()
    for name in ("sbatch", "squeue", "scancel", "scontrol", "srun"):
        stand_in(without_slurm.folder, name, "true", monkeypatch)
    squeue = without_slurm.folder / "bin" / "squeue"
    squeue.chmod(0o644)
    done = without_slurm.run(timeout=60)
    assert done.returncode == 1 and "Traceback" not in done.stdout
    assert f"SLURM's squeue cannot be executed: {squeue} lacks the permission" in done.stdout


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (GARBAGE, "expected 'Submitted batch job <id>' from sbatch, found"),
        ("exit 127", "exit code 127: it needs a command that was not found"),
    ],
)
def test_an_sbatch_that_is_broken_fails_the_job_with_its_words(
    without_slurm: Workflow, monkeypatch: pytest.MonkeyPatch, script: str, said: str
) -> None:
    for name in ("squeue", "scancel", "scontrol", "srun"):
        stand_in(without_slurm.folder, name, "true", monkeypatch)
    stand_in(without_slurm.folder, "sbatch", script, monkeypatch)
    done = without_slurm.run(timeout=60)
    assert done.returncode == 1 and "Traceback" not in done.stdout
    assert f"one is refused by sbatch: {said}" in done.stdout
    assert list((without_slurm.folder / ".snakemake/submitit/registry").iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_ends_snakemake_at_once_whatever_slurm_does(
    without_slurm: Workflow, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    for name in ("sbatch", "squeue", "scancel", "scontrol", "srun"):
        stand_in(without_slurm.folder, name, SILENT, monkeypatch)
    snakemake = without_slurm.start()
    without_slurm.wait_for(
        lambda: "SLURM is slow to answer (s" in without_slurm.output, "the user is told"
    )
    snakemake.send_signal(number)
    time.sleep(2)
    assert snakemake.poll() is None, "the first signal is answered politely"
    begin = time.monotonic()
    snakemake.send_signal(number)
    assert snakemake.wait(timeout=30) == 1, without_slurm.output
    assert time.monotonic() - begin < 12
    assert "Traceback" not in without_slurm.output
    assert "it may still run" in without_slurm.output
    assert "The next start of Snakemake takes care of them" in without_slurm.output
    left = [
        process
        for process in psutil.process_iter()
        if _belongs_to(process, str(without_slurm.folder))
    ]
    assert left == []


def _belongs_to(process: psutil.Process, folder: str) -> bool:
    try:
        return process.environ().get("PATH", "").startswith(folder)
    except psutil.Error:
        return False
