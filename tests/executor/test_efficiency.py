"""The report at the end of real runs: on SLURM with its accounting and without, and on this machine."""

import csv
import re
import signal
import sys
import time
from pathlib import Path

import pytest
import yaml
from snakemake_interface_common.exceptions import WorkflowError

from snakemake_executor_plugin_submitit.efficiency.report import Efficiency
from snakemake_executor_plugin_submitit.settings import ExecutorSettings
from tests.cluster.cluster import SlurmCluster
from tests.executor.workflow import Workflow, stand_in

pytestmark = [pytest.mark.cluster, pytest.mark.slow(seconds=75)]

HOLD = f"{sys.executable} {Path(__file__).with_name('hold.py')}"
# `moved` is requeued while it runs; `killed` takes more memory than it asked for.
RULES = """
    SECONDS = config.get("seconds", 11)
    rule all:
        input: "wasteful.0", "wasteful.1", "wasteful.2", "busy", "moved", "killed"
    rule wasteful:
        output: "wasteful.{i}"
        threads: 4
        resources: mem_mb=3000, runtime=120
        params: seconds=SECONDS
        shell: "HOLD 200 {params.seconds}; touch {output}"
    rule busy:
        output: "busy"
        resources: mem_mb=500, runtime=5
        shell: "HOLD 10 0 3; touch {output}"
    rule moved:
        output: "moved"
        resources: mem_mb=1000, runtime=5
        shell:
            "if [ ! -e again ]; then touch again; HOLD 400 2; "
            "scontrol requeue $SLURM_JOB_ID; sleep 60; fi; sleep 1; touch {output}"
    rule killed:
        output: "killed"
        resources: mem_mb=300, runtime=5
        params: seconds=SECONDS
        shell: "HOLD 500 {params.seconds}; touch {output}"
""".replace("HOLD", HOLD)
SMALL = """
    rule all:
        input: "one"
    rule one:
        output: "one"
        resources: mem_mb=3000, runtime=5
        params: seconds=config.get("seconds", 1)
        shell: "HOLD 200 {params.seconds}; touch {output}"
""".replace("HOLD", HOLD)


def sheet(path: Path) -> dict[str, list[dict[str, str]]]:
    """The rows by rule."""
    rows: dict[str, list[dict[str, str]]] = {}
    with path.open(newline="") as stream:
        for row in csv.DictReader(stream):
            rows.setdefault(row["rule"], []).append(row)
    return rows


def told(output: str) -> list[str]:
    """The lines of the report."""
    lines = output[output.index("Efficiency of ") :].splitlines()
    end = next(at for at, line in enumerate(lines) if " written to " in line)
    return lines[: end + 1]


def profile_of(report: list[str]) -> str:
    """What it says to write into a profile."""
    begin = next(at for at, line in enumerate(report) if line.startswith("For the profile"))
    return "\n".join(report[begin + 1 : -1])


def test_waste_is_named_and_its_lines_make_a_profile_that_asks_for_less(workflow: Workflow) -> None:
    workflow.write(RULES)
    done = workflow.run("--submitit-efficiency", "out/efficiency.csv", "--keep-going", timeout=180)
    assert done.returncode == 1 and "Efficiency of 6 jobs" in done.stdout, done.stdout
    report = told(done.stdout)
    assert len(report) <= 24, done.stdout
    rows = sheet(workflow.folder / "out" / "efficiency.csv")

    assert len(rows["wasteful"]) == 3
    for row in rows["wasteful"]:
        assert row["source"] == "sacct+job"
        assert 190 < float(row["mem_used_mb_per_node"]) < 400
        assert float(row["cpu_efficiency"]) < 0.2
        assert 10 < float(row["elapsed_s"]) < 60
    (busy,) = rows["busy"]
    assert 3 <= float(busy["cpu_s"]) < 8
    assert float(busy["cpus_busy"]) == pytest.approx(
        float(busy["cpu_s"]) / float(busy["elapsed_s"]), abs=0.001
    )
    assert float(rows["wasteful"][0]["cpu_s"]) < 2.5
    (moved,) = rows["moved"]
    assert moved["attempts"] == "2" and moved["state"] == "done"
    assert float(moved["mem_used_mb_per_node"]) > 380, "of the attempt that was requeued"
    (killed,) = rows["killed"]
    assert killed["state"] == "out of memory"

    (waste,) = [line for line in report if line.startswith("Waste in wasteful")]
    assert "of 3 GB of memory" in waste and "of 4 CPUs busy" in waste and "of 2:00 h" in waste
    assert "Danger in killed (1 job only): 1 job ended out of memory, of 300 MB." in report

    # The lines, as they are, make a profile; with it the jobs ask for what it says.
    profile = workflow.folder / "less" / "config.yaml"
    profile.parent.mkdir()
    profile.write_text(profile_of(report))
    lines = yaml.safe_load(profile.read_text())
    assert lines["set-threads"] == {"wasteful": 1}
    assert 600 <= lines["set-resources"]["killed"]["mem_mb"] <= 800, "twice as much, or more"
    again = workflow.run(
        *("--profile", "less", "--config", "seconds=1", "--submitit-efficiency", "again.csv"),
        *("--forcerun", "wasteful", "--until", "wasteful", "killed"),
    )
    assert again.returncode == 0, again.stdout
    rows = sheet(workflow.folder / "again.csv")
    for row in rows["wasteful"]:
        assert row["cpus_asked"] == "1"
        assert float(row["mem_asked_mb_per_node"]) == lines["set-resources"]["wasteful"]["mem_mb"]
        assert float(row["time_asked_s"]) == 600
    assert [row["state"] for row in rows["killed"]] == ["done"], "it has enough now"
    assert "Waste in" not in again.stdout


def test_without_accounting_the_jobs_themselves_know(
    workflow: Workflow, slurm: SlurmCluster
) -> None:
    workflow.write(SMALL)
    with slurm.without_accounting():
        done = workflow.run("--submitit-efficiency", "efficiency.csv")
    assert done.returncode == 0, done.stdout
    assert "Efficiency of 1 job, as the jobs measured themselves" in done.stdout
    (row,) = sheet(workflow.folder / "efficiency.csv")["one"]
    assert row["source"] == "job"
    assert 190 < float(row["mem_used_mb_per_node"]) < 400
    assert "Waste in one (1 job only)" in done.stdout


def test_on_this_machine_the_report_is_the_same(local_workflow: Workflow) -> None:
    local_workflow.write(SMALL)
    done = local_workflow.run("--submitit-efficiency", "efficiency.csv")
    assert done.returncode == 0, done.stdout
    (row,) = sheet(local_workflow.folder / "efficiency.csv")["one"]
    assert row["source"] == "job" and 190 < float(row["mem_used_mb_per_node"]) < 400
    assert "set-resources:\n  one:  # seen in 1 job only\n    mem_mb:" in done.stdout
    quiet = local_workflow.run("--forceall")
    assert quiet.returncode == 0
    assert not re.search("Efficiency of|--submitit-efficiency", quiet.stdout), "nobody asked"


def test_what_cannot_be_done_is_refused_before_anything_runs(tmp_path: Path) -> None:
    other = tmp_path / "samples.csv"
    other.write_text("sample\na\n")
    with pytest.raises(WorkflowError, match=r"--submitit-efficiency: .*is no efficiency report"):
        Efficiency(str(other), 0.5, True, print).check()
    Efficiency("", 0.5, True, print).check()
    Efficiency("-", 0.5, True, print).check()
    with pytest.raises(
        WorkflowError, match="efficiency-threshold 50: expected a share from 0 to 1"
    ):
        ExecutorSettings(efficiency_threshold=50)


def test_an_accounting_that_hangs_costs_seconds_and_ctrl_c_ends_the_report_alone(
    workflow: Workflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    workflow.write(SMALL)
    hangs = (
        'case "$*" in *TRESUsageInTot*) touch asked; sleep 1000;; esac; exec /usr/bin/sacct "$@"'
    )
    stand_in(workflow.folder, "sacct", hangs, monkeypatch)
    process = workflow.start("--submitit-efficiency", "efficiency.csv")
    workflow.wait_for((workflow.folder / "asked").exists, "the accounting is asked")
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 0, workflow.output
    assert time.monotonic() - began < 8
    assert "The efficiency report is left out." in workflow.output
    assert (workflow.folder / "one").exists()

    began = time.monotonic()
    again = workflow.run("--submitit-efficiency", "efficiency.csv", "--forceall", timeout=60)
    assert again.returncode == 0, again.stdout
    assert re.search(r"The accounting does not tell .* no answer after 1?\d s", again.stdout)
    assert sheet(workflow.folder / "efficiency.csv")["one"][0]["source"] == "job"


def test_ctrl_c_while_jobs_run_asks_nothing(
    workflow: Workflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    workflow.write(SMALL)
    notes = 'case "$*" in *TRESUsageInTot*) touch asked;; esac; exec /usr/bin/sacct "$@"'
    stand_in(workflow.folder, "sacct", notes, monkeypatch)
    process = workflow.start("--submitit-efficiency", "efficiency.csv", "--config", "seconds=60")
    workflow.wait_for(lambda: any(workflow.folder.rglob("*.beat")), "the job runs")
    process.send_signal(signal.SIGINT)
    process.wait(timeout=60)
    assert not (workflow.folder / "asked").exists()
    assert "Efficiency of" not in workflow.output
