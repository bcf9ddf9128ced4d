"""What a user of snakemake-executor-plugin-slurm 2.8 is told, and gets, of every name there."""

import os
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from snakemake_executor_plugin_submitit import ExecutorSettings
from snakemake_executor_plugin_submitit.migrate.given import Given, given
from snakemake_executor_plugin_submitit.migrate.names import FLAGS, RESOURCES, Counterpart
from snakemake_executor_plugin_submitit.migrate.translate import translate


def words(text: str) -> list[str]:
    return text.split()


PAGE = Path(__file__).parents[1] / "docs/moving-from-slurm.md"
# The fields of the settings of version 2.8.0, and the resources that its code asks for.
THEIR_FLAGS = words("""
    array_jobs array_limit disable_memory_fudge logdir keep_successful_logs
    delete_logfiles_older_than init_seconds_before_status_checks requeue no_requeue
    exclude_failed_nodes no_account partition_config efficiency_report efficiency_report_path
    efficiency_threshold jobname_prefix status_command status_attempts qos reservation
    pass_command_as_script
""")
THEIR_RESOURCES = words("""
    cluster clusters constraint cpus_per_gpu cpus_per_task gpu gpu_model gres mem mem_mb
    mem_mb_per_cpu mpi nodes qos runtime slurm_account slurm_cluster slurm_extra slurm_partition
    slurm_requeue tasks tasks_per_gpu tasks_per_node threads
""")


def rows(heading: str) -> dict[str, tuple[str, str]]:
    """A table of the page: their name, ours, and what is said of it."""
    section = PAGE.read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    found = re.findall(r"^\| `([^`]+)` \| (?:`([^`]+)`)? ?\| ?(.*?) ?\|$", section, re.MULTILINE)
    return {theirs: (ours, note) for theirs, ours, note in found}


def test_every_flag_and_resource_of_theirs_is_known_and_stands_on_the_page() -> None:
    assert set(FLAGS) == {name.replace("_", "-") for name in THEIR_FLAGS}
    assert set(RESOURCES) == set(THEIR_RESOURCES)
    assert rows("Flags") == {
        f"--slurm-{name}": (f"--submitit-{found.ours}" if found.ours else "", found.note)
        for name, found in FLAGS.items()
    }
    assert rows("Resources") == {
        name: (found.ours, found.note) for name, found in RESOURCES.items()
    }


def test_what_is_named_instead_exists_and_the_rest_has_a_reason() -> None:
    ours = {setting.name.replace("_", "-") for setting in fields(ExecutorSettings)}
    for name, found in FLAGS.items():
        assert found.ours in ours if found.ours else found.note, name


PROFILE = """\
# Our cluster.
executor: slurm
jobs: 100
slurm-logdir: "logs/slurm"   # beside the results
slurm-keep-successful-logs: false
slurm-delete-logfiles-older-than: 30
slurm-efficiency-report: true
slurm-efficiency-report-path: reports/
slurm-array-jobs: >
  train,
  evaluate
slurm-exclude-failed-nodes: gr003,gr[007-009]
slurm-later: 3
?if True:
  slurm-requeue: true
default-resources:
  slurm_account: research
set-resources:
  train:
    slurm_extra: "--exclusive"
"""


def test_a_profile_is_translated_and_the_rest_of_it_stays() -> None:
    text = translate(PROFILE)
    assert yaml.safe_load(text) == {
        "executor": "submitit",
        "jobs": 100,
        "submitit-logdir": "logs/slurm",
        "submitit-keep-successful-logs": False,
        "submitit-delete-logfiles-older-than": 30,
        "submitit-efficiency": "reports/efficiency_report.csv",
        "submitit-exclude-failed-nodes": "gr003,gr[007-009]",
        "?if True": {"submitit-requeue": True},
        "default-resources": {"slurm_account": "research"},
        "set-resources": {"train": {"slurm_extra": "--exclusive"}},
    }
    assert '"logs/slurm"   # beside the results' in text and text.startswith("# Our cluster.\n")
    for kept in ("# slurm-array-jobs:", "#   train,", "# slurm-later: 3", "# slurm-efficiency-r"):
        assert f"\n{kept}" in text
    assert translate(text) == text, "there is nothing left to do"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("slurm-keep-successful-logs: true\nslurm-delete-logfiles-older-than: 9",
         {"submitit-keep-successful-logs": True}),
        ("slurm-efficiency-report: True", {"submitit-efficiency": "efficiency_report.csv"}),
        ("slurm-efficiency-report: false\nslurm-efficiency-report-path: x.csv", None),
        ("executor: local", {"executor": "local"}),
        ("\"slurm-qos\": long\n'executor': 'slurm'", {"submitit-qos": "long", "executor": "submitit"}),
    ],
)  # fmt: skip
def test_what_two_keys_say_together_is_kept(given: str, expected: dict[str, object]) -> None:
    assert yaml.safe_load(translate(given)) == expected


def test_a_profile_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(b"executor: slurm \xff\n")
    command = [sys.executable, "-m", "snakemake_executor_plugin_submitit.migrate", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"{path} cannot be read: ") and "Traceback" not in done.stderr


def test_profiles_are_looked_for_where_snakemake_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("here", "workflow/profiles/default", "usual"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "config.yaml").write_text(f"slurm-qos: {folder}\n#slurm-logdir: x\n")
    (tmp_path / "workflow/Snakefile").touch()
    default = Given("workflow/profiles/default/config.yaml", ["qos"])
    typed = ["--profile", "here", "--slurm-logdir=x", "--cores", "1"]
    assert given(typed, {"SNAKEMAKE_PROFILE": "usual"}) == [
        Given("the command line", ["logdir"]),
        Given("here/config.yaml", ["qos"]),
        default,
    ]
    usual = Given("usual/config.yaml", ["qos"])
    assert given([], {"SNAKEMAKE_PROFILE": "usual"}) == [usual, default]
    assert given(["--workflow-profile", "none", "--profile", "none"], {}) == []
    (tmp_path / "here/config.yaml").write_text("'slurm-qos': here\n")
    assert given(typed, {})[1] == Given("here/config.yaml", ["qos"])
    (tmp_path / "here/config.yaml").write_text("executor: slurm # ours\n")
    assert given(typed, {})[1] == Given("here/config.yaml", [], chosen=True)
    assert given([*typed, "-e", "submitit"], {})[1:] == [default]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A workflow with a profile that was written for the slurm executor."""
    (tmp_path / "Snakefile").write_text(
        "rule one:\n    output: 'one'\n    shell: 'touch {output}'\n"
    )
    (tmp_path / "p").mkdir()
    (tmp_path / "p/config.yaml").write_text(
        PROFILE.replace("executor: slurm", "executor: submitit")
    )
    return tmp_path


def snakemake(folder: Path, *arguments: str, plugins: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "snakemake", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(plugins), *sys.path])},
        capture_output=True,
        text=True,
    )


@pytest.mark.slow
def test_where_snakemake_refuses_their_keys_ours_stand_below(folder: Path) -> None:
    done = snakemake(folder, "--profile", "p", plugins=folder)
    assert done.returncode == 2
    refused, _, told = done.stderr.partition("unrecognized arguments: --slurm-logdir=")
    assert refused and "p/config.yaml:\n    slurm-logdir -> submitit-logdir" in told
    assert "slurm-array-jobs -> leave it out: all ready jobs" in told
    assert "migrate p/config.yaml" in told
    done = snakemake(folder, "-e", "slurm", "-j1", plugins=folder)
    assert "invalid choice: 'slurm'" in done.stderr
    assert done.stderr.rstrip().endswith("executor: slurm -> executor: submitit")
    done = snakemake(folder, "-e", "local", "-c1", "--no-such-flag", plugins=folder)
    assert done.returncode == 2 and "slurm executor is not installed" not in done.stderr


THEIR_PLUGIN = """
from dataclasses import dataclass, field, make_dataclass
from typing import Optional
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor as Executor
from snakemake_interface_executor_plugins.settings import CommonSettings, ExecutorSettingsBase

common_settings = CommonSettings(True, implies_no_shared_fs=False, job_deploy_sources=False)
ExecutorSettings = make_dataclass(
    "ExecutorSettings",
    [(name, Optional[str], field(default=None, metadata={"help": name})) for name in NAMES],
    bases=(ExecutorSettingsBase,),
)
"""


@pytest.mark.slow
def test_where_snakemake_takes_their_keys_the_executor_says_that_they_do_nothing(
    folder: Path,
) -> None:
    """The flags alone of their plugin: Snakemake knows no more of it where another executor runs."""
    plugin = folder / "snakemake_executor_plugin_slurm"
    plugin.mkdir()
    names = [*THEIR_FLAGS, "later"]
    (plugin / "__init__.py").write_text(f"NAMES = {names!r}\n{THEIR_PLUGIN}")
    done = snakemake(folder, "--profile", "p", "--submitit-cluster", "local", plugins=folder)
    assert done.returncode == 0, done.stderr
    assert "Keys of the slurm executor do nothing here:" in done.stderr
    assert "    slurm-qos" not in done.stderr
    assert "    slurm-logdir -> submitit-logdir" in done.stderr
    translated = folder / "translated.yaml"
    command = [sys.executable, "-m", "snakemake_executor_plugin_submitit.migrate", "p"]
    with translated.open("w") as stream:
        subprocess.run(command, cwd=folder, check=True, stdout=stream, stderr=subprocess.DEVNULL)
    profile = ("--profile", str(translated), "--submitit-cluster", "local", "--forceall")
    done = snakemake(folder, *profile, "--submitit-efficiency", "", plugins=folder)
    assert done.returncode == 0, done.stderr
    assert "slurm executor" not in done.stderr
    assert list((folder / "logs/slurm").glob("*/*_log.out"))


def test_a_name_has_a_counterpart_or_a_reason() -> None:
    assert all(found != Counterpart() for found in (FLAGS | RESOURCES).values())
