"""How Snakemake starts: what it reads, what it says of a configuration, and which machine it uses."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from bakeoff.config.invocation import runs_here, takes_all_cores
from tests.workflow.conftest import CONFIG, PROJECT, Workflow, small

pytestmark = pytest.mark.slow(seconds=3)

BIN = Path(sys.executable).parent


def environment(**over: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if key != "SNAKEMAKE_PROFILE"}
    return kept | {"PATH": f"{BIN}:{os.environ['PATH']}"} | over


def snakemake(folder: Path, *arguments: str, **over: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "snakemake", *arguments],
        cwd=folder,
        env=environment(**over),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--configfile", "demo.yaml"], "demo.yaml: cannot be read (No such file or directory)."),
        (["--configfile", "BROKEN"], "broken.yaml: is not YAML: line 3, column 2: expected"),
        (["--config", "training.epochs=3"], "--config 'training={epochs: 3}'"),
        (["--config", "training"], "--config training: expected KEY=VALUE"),
    ],
)
def test_a_configuration_that_cannot_be_read_is_a_sentence(
    tmp_path: Path, arguments: list[str], said: str
) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("experiment: a\ndata: {labels: [x\nb: 1\n")
    given = [str(broken) if argument == "BROKEN" else argument for argument in arguments]
    done = snakemake(PROJECT, "-n", *given)
    assert done.returncode == 1
    assert said in done.stderr and "Traceback" not in done.stderr
    assert "\nbakeoff: error: " in done.stderr


@pytest.mark.slow(seconds=15)
def test_nested_values_reach_every_job(tmp_path: Path) -> None:
    """Of three files and a command line: in this process, in a nested Snakemake, in the stages."""
    workflow = small(tmp_path / "workflow")
    keys = list(CONFIG)
    for number, part in enumerate((keys[:2], keys[2:4], keys[4:])):
        values = {key: CONFIG[key] for key in part}
        (workflow.folder / f"{number}.yaml").write_text(yaml.safe_dump(values))
    options = "split --executor submitit --submitit-cluster local --submitit-direct never --jobs 1"
    files = [f"{number}.yaml" for number in range(3)]
    entries = [
        "split={'train': 15, val: 8, 'test': 7}",
        'data={"patient_column": "Patient ID", "rows": 30, synthetic: {"images": 31}}',
        'experiment="2024"',
        "training={lr: 1e-3, seeds: [3, 4]}",
    ]
    command = ["snakemake", *options.split(), "--configfile", *files, "--config", *entries]
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=workflow.folder,
        env=workflow.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "2024: 4 training runs" in done.stderr
    assert "No GPU is asked for by conv, conv_bn" in done.stderr  # it is no local executor
    splits = workflow.folder / "results/2024/splits"
    tables = ((splits / f"{name}.csv").read_text() for name in ("train", "val", "test"))
    assert [len(table.splitlines()) - 1 for table in tables] == [15, 8, 7]


def foreign(folder: Path) -> Path:
    """Somebody else's workflow: a job that asks for 64 threads and says how many it got."""
    folder.mkdir()
    (folder / "Snakefile").write_text(
        'rule all:\n    output: "said"\n    threads: 64\n    shell: "echo {threads} > {output}"\n'
    )
    return folder


def test_a_bare_snakemake_uses_this_machines_cores_and_a_cluster_is_not_capped_by_them(
    tmp_path: Path,
) -> None:
    folder = foreign(tmp_path / "ours")
    shutil.copytree(PROJECT / "profiles", folder / "profiles")
    assert snakemake(folder).returncode == 0
    assert int((folder / "said").read_text()) == min(64, len(os.sched_getaffinity(0)))
    assert snakemake(folder, "--force", "-j", "1").returncode == 0
    assert int((folder / "said").read_text()) == 1
    cluster = ("--executor", "submitit", "--submitit-cluster", "local", "--jobs", "1")
    done = snakemake(folder, "--force", *cluster)
    assert done.returncode == 0, done.stderr
    assert int((folder / "said").read_text()) == 64


@pytest.mark.parametrize(
    ("arguments", "variable", "expected"),
    [
        (["--configfile", "a.yaml", "b.yaml", "--config", "a=1"], "", True),
        (["-n", "-p", "all"], "", True),
        (["--profile", "slurm"], "", False),
        (["--profile=slurm"], "", False),
        ([], "slurm", False),
        (["--executor", "slurm"], "", False),
        (["-e", "slurm"], "", False),
    ],
)
def test_a_profile_or_an_executor_is_a_choice(
    arguments: list[str], variable: str, expected: bool
) -> None:
    assert runs_here(arguments, {"SNAKEMAKE_PROFILE": variable}) is expected


@pytest.mark.parametrize("jobs", [["-j", "1"], ["-j1"], ["--jobs", "1"], ["--jobs=1"]])
def test_a_number_of_jobs_is_one_of_cores_where_nothing_else_is_chosen(jobs: list[str]) -> None:
    assert runs_here(jobs, {}) and not takes_all_cores(jobs, {})
    assert takes_all_cores(["-n", "report"], {})


def test_the_environment_changes_no_other_workflow(tmp_path: Path) -> None:
    """`make setup` takes out of an older environment what set a profile for everybody's workflows."""
    project = tmp_path / "project"
    (project / ".venv/bin").mkdir(parents=True)
    shutil.copytree(PROJECT / "profiles", project / "profiles")
    executor = "src/snakemake-executor-plugin-submitit/pyproject.toml"
    (project / executor).parent.mkdir(parents=True)
    for name in ("Makefile", "requirements.lock", "pyproject.toml", executor):
        shutil.copy(PROJECT / name, project / name)
    (project / ".venv/.installed").touch()
    activate = project / ".venv/bin/activate"
    activate.write_text(
        f"export PATH={BIN}:$PATH\n"
        f'export SNAKEMAKE_PROFILE="${{SNAKEMAKE_PROFILE:-{project}/profiles/local}}"\n'
    )
    home = environment(XDG_CONFIG_HOME=str(tmp_path / "home"))
    subprocess.run(["make", "setup"], cwd=project, env=home, check=True, capture_output=True)
    assert activate.read_text() == f"export PATH={BIN}:$PATH\n"
    command = f"source {activate} && snakemake"
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=foreign(tmp_path / "theirs"),
        env=home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0 and "cores" in done.stderr  # as Snakemake is without us


def test_what_snakemake_reads_is_what_a_stage_reads(tmp_path: Path) -> None:
    """A key given twice: Snakemake's own reader takes the last without a word."""
    workflow = Workflow(PROJECT, CONFIG)
    twice = tmp_path / "twice.yaml"
    twice.write_text("experiment: a\nexperiment: b\n")
    done = snakemake(workflow.folder, "-n", "--configfile", str(twice))
    assert done.returncode == 1 and "key 'experiment' is given twice" in done.stderr


def test_what_is_not_watched_is_plain_lines(tmp_path: Path) -> None:
    """Bars are for a terminal; a log file and a program that reads get Snakemake's own lines."""
    folder = foreign(tmp_path / "ours")
    shutil.copytree(PROJECT / "profiles", folder / "profiles")
    done = snakemake(folder, "-n", "--quiet", "rules")
    assert re.search(r"^all +1$", done.stdout + done.stderr, flags=re.MULTILINE)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (
            "runs/convv/seed-0/best.safetensors",
            "variant 'convv': not in experiment 'small', which has conv, conv_bn. Did you mean 'conv'?",
        ),
        ("pretraining/mae/weights.safetensors", "pretraining 'mae': experiment 'small' has none."),
    ],
)
def test_a_target_of_a_name_that_is_none_is_told_the_names(
    tmp_path: Path, target: str, said: str
) -> None:
    """The rules take any name, so that Snakemake need not search all of them for every file."""
    done = small(tmp_path / "small").snakemake("-n", f"results/small/{target}", check=False)
    assert done.returncode == 1
    assert said in done.stdout + done.stderr
