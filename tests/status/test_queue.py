"""What status says of jobs that SLURM has, when it answers, when it does not, and under variables."""

import re
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bakeoff.cli import status
from bakeoff.layout import Layout, RunFolder
from bakeoff.status import queue
from bakeoff.status.queue import RECORDS, Queue, identity, queued
from snakemake_executor_plugin_submitit.layout import Layout as PluginLayout
from snakemake_executor_plugin_submitit.registry.identity import identity_of_outputs
from snakemake_executor_plugin_submitit.registry.registry import Entry, Registry
from tests.cluster.cluster import SlurmCluster
from tests.executor.variables import HIDING, PLACES
from tests.status.planned import Planned
from tests.test_commands import FAULTS, place

RULES = Path(__file__).parents[2] / "workflow/rules"
MORE = {
    "not about jobs": (
        "#!/bin/bash\necho Welcome to the cluster",
        "found 'Welcome to the cluster'",
    ),
    "half about jobs": ("#!/bin/bash\necho '8|RUNNING|None'; echo '<html>'", "found '<html>'"),
}


@pytest.fixture
def planned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Planned:
    """A bake-off of which two jobs were handed over: the pretraining is 7_0, a run is 7_1."""
    monkeypatch.chdir(tmp_path)
    planned = Planned(tmp_path)
    folders = [planned.layout.pretraining("own"), planned.layout.run("resnet", 0)]
    registry = Registry(PluginLayout.create(tmp_path / RECORDS.parent))
    assert registry.layout.registry.samefile(tmp_path / RECORDS)
    for index, folder in enumerate(folders):
        registry.write(entry(folder, f"7_{index}"))
    return planned


def entry(folder: RunFolder, job_id: str) -> Entry:
    return Entry(
        identity=identity(folder),
        key=job_id,
        name="a job",
        digest="",
        cluster="slurm",
        folder=str(folder.path),
        index=0,
        array=True,
        submitted=time.time(),
        job_id=job_id,
    )


def commands(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of the PATH."""
    path = folder / "commands"
    path.mkdir()
    monkeypatch.setenv("PATH", str(path))
    return path


@pytest.mark.parametrize("fault", [fault for fault in [*FAULTS, *MORE] if fault != "missing"])
def test_of_a_slurm_that_does_not_answer_nothing_is_claimed(
    planned: Planned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.setattr(queue, "PATIENCE", 0.5)
    folder = commands(tmp_path, monkeypatch)
    if fault in FAULTS:
        place(folder, "squeue", fault)
    else:
        (folder / "squeue").write_text(MORE[fault][0])
        (folder / "squeue").chmod(0o755)
    words = (FAULTS | MORE)[fault][1]
    log = planned.layout.run("resnet", 0).path / "train.log"
    log.parent.mkdir(parents=True)
    log.write_text("bakeoff: error: the disk is full.\n")  # of the job before this one

    done, rows = planned.status(), planned.rows()
    said = " ".join(done.output.split())
    assert said.count("SLURM did not answer: squeue: ") == 1 and words in said
    assert done.exit_code == 3  # nothing is known to have failed
    assert all(row["unanswered"] == "" for row in rows.values() if row["variant"] == "vit")
    own, resnet = rows["pretraining/own"], rows["resnet"]
    for row in (own, resnet):
        assert row["state"] == "unknown" and words in row["unanswered"]
    assert own["note"] == "SLURM job 7_0"
    assert resnet["note"] == "SLURM job 7_1; before: failed, the disk is full."
    assert rows["vit"]["state"] == "not started"  # SLURM never had a job for it


def test_where_there_is_no_slurm_the_folders_are_believed(
    planned: Planned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a laptop with a copy, or after a run that was finished without the executor."""
    commands(tmp_path, monkeypatch)
    log = planned.layout.run("resnet", 0).path / "train.log"
    log.parent.mkdir(parents=True)
    log.write_text("bakeoff: error: the disk is full.\n")
    done, rows = planned.status("--watch"), planned.rows()
    own, resnet = rows["pretraining/own"], rows["resnet"]
    assert (own["state"], own["unanswered"]) == ("not started", "")
    assert own["note"] == "SLURM cannot be asked here about job 7_0 (no squeue)"
    assert resnet["state"] == "failed"
    assert resnet["note"] == f"the disk is full.; {own['note'].replace('7_0', '7_1')}"
    assert rows["vit"]["note"] == ""
    assert done.exit_code == 1


def test_a_slurm_that_stays_silent_is_not_watched_for_ever(
    planned: Planned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = commands(tmp_path, monkeypatch)
    (folder / "squeue").write_text("#!/bin/bash\necho . >> asked; echo no such luck >&2; exit 1")
    (folder / "squeue").chmod(0o755)
    monkeypatch.setattr(status, "AGAIN", 0.01)
    monkeypatch.setattr(status, "SILENT", 3)
    done = planned.status("--watch")
    assert done.exit_code == 3 and "not looked at any more" in done.output
    assert (tmp_path / "asked").read_text().count(".") == 3


def test_what_slurm_does_say_is_believed_beside_what_is_strange(
    planned: Planned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = commands(tmp_path, monkeypatch)
    (folder / "squeue").write_text(
        "#!/bin/bash\necho 'CLUSTER: big'; echo '7_0|PENDING|Priority'; echo '7_1|COMPLETING|None'\n"
    )
    (folder / "squeue").chmod(0o755)
    rows = planned.rows()
    assert rows["pretraining/own"]["state"] == "queued"
    assert rows["pretraining/own"]["note"] == "PENDING: Priority, SLURM job 7_0"
    assert rows["resnet"]["state"] == "not started"
    assert not any(row["unanswered"] for row in rows.values())
    with (folder / "squeue").open("a") as stream:
        stream.write("echo '<html>'\n")
    rows = planned.rows()
    assert rows["pretraining/own"]["state"] == "queued"
    assert rows["resnet"]["state"] == "not started"  # it is in the answer


def test_jobs_of_this_machine_are_none_of_slurms(
    planned: Planned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands(tmp_path, monkeypatch)
    registry = Registry(PluginLayout.create(tmp_path / RECORDS.parent))
    for folder in (planned.layout.pretraining("own"), planned.layout.run("resnet", 0)):
        registry.write(replace(entry(folder, "4711"), cluster="local"))
    assert {row["state"] for row in planned.rows().values()} == {"not started"}


@pytest.mark.parametrize("rule", ["train", "pretrain"])
def test_what_is_trained_is_known_by_what_its_rule_makes(rule: str) -> None:
    """The executor calls a job by all the outputs that the rule declares, and by no others."""
    text = (RULES / f"{rule}.smk").read_text().partition(f"rule {rule}:")[2]
    output = text.partition("    output:")[2].partition("    log:")[0]
    made = [
        f"results/mine/{file}".format(variant="conv", seed=3, pretraining="own")
        for file in re.findall(r'=RESULTS / "(.*)"', output)
    ]
    assert len(made) == output.count("=")
    layout = Layout(Path("results/mine"))
    folder = layout.run("conv", 3) if rule == "train" else layout.pretraining("own")
    assert identity(folder) == identity_of_outputs(made)


def test_runs_whose_pack_waits_are_queued_and_one_that_waits_by_itself_is_so_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = commands(tmp_path, monkeypatch)
    (folder / "squeue").write_text("#!/bin/bash\necho '8|PENDING|Priority'; echo '9|RUNNING|None'")
    (folder / "squeue").chmod(0o755)
    registry = Registry(PluginLayout.create(tmp_path))
    layout = Layout(Path("results/mine"))
    pack, runs = layout.train_pack(1), [layout.run("conv", seed) for seed in range(3)]
    text = (RULES / "train.smk").read_text().partition("checkpoint train_pack:")[2]
    made = re.findall(r'ended=RESULTS / "(.*)"', text)
    assert [f"results/mine/{one}".format(pack=1) for one in made] == [str(pack)]
    known = replace(entry(runs[0], "8"), identity=identity_of_outputs([str(pack)]))
    registry.write(known)
    registry.write(entry(runs[1], "9"))
    registry.write(entry(runs[2], "7"))  # which SLURM has forgotten
    found = queued(runs, registry.layout.registry, dict.fromkeys(runs[:2], pack))
    assert found.descriptions == {
        runs[0]: "PENDING: Priority, SLURM job 8",
        runs[1]: "RUNNING, SLURM job 9",
    }
    both = queued(runs, registry.layout.registry, dict.fromkeys(runs, pack)).descriptions
    assert both[runs[2]] == both[runs[0]]


@pytest.mark.cluster
def test_a_job_that_waits_in_slurm_is_queued_whatever_the_shell_hides(
    slurm: SlurmCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = slurm.run(
        "sbatch", "--hold", "--array=0-1", "--wrap=true", f"--output={tmp_path}/%a.log"
    )
    job_id = said.split()[-1]
    registry = Registry(PluginLayout.create(tmp_path))
    mine, other = Layout(Path("results/mine")), Layout(Path("results/other"))
    jobs: dict[RunFolder, Any] = {mine.run("conv", 0): f"{job_id}_0"}
    jobs[other.pretraining("own")] = f"{job_id}_1"
    for folder, job in jobs.items():
        registry.write(entry(folder, job))
    asked = [*jobs, mine.run("conv", 1)]
    try:
        with monkeypatch.context() as shell:
            for name, value in HIDING.items():
                if name not in PLACES:
                    shell.setenv(name, value)
            found = queued(asked, registry.layout.registry)
        said = {each: f"PENDING: JobHeldUser, SLURM job {job}" for each, job in jobs.items()}
        assert found == Queue(said, {}, "", {})
    finally:
        slurm.run("scancel", job_id)
    assert queued(asked, registry.layout.registry) == Queue({}, {}, "", {})
