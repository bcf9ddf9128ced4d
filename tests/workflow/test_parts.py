"""Data that is split several ways, through Snakemake: its parts, and what they say together."""

import json
import re
import shutil
import subprocess

import pandas as pd
import pytest

from tests.cluster.cluster import SlurmCluster
from tests.workflow.chaos import PROFILE
from tests.workflow.conftest import Workflow, small

pytestmark = pytest.mark.slow(seconds=100)

DESIGNS = {"patients": {}, "rows": {"group_by": None, "stratify": False}}


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workflow, str]:
    """Two variants of one seed on two designs, run to the end; and what Snakemake said."""
    workflow = small(tmp_path_factory.mktemp("parts") / "parts").with_config(
        split={"train": 40, "val": 20, "test": 20, "designs": DESIGNS},
        training={"epochs": 1, "batch_size": 8, "lr": 1e-3, "seeds": [0]},
        tracking={"live": False},
    )
    done = workflow.snakemake("--cores", "2")
    return workflow, done.stdout + done.stderr


def test_one_command_makes_every_part_and_what_they_say_together(
    several: tuple[Workflow, str],
) -> None:
    workflow, said = several
    for part in DESIGNS:
        folder = workflow.results / part
        for made in ("report.html", "conclusion.json", "tracked.json", "registered.json"):
            assert (folder / made).exists(), made
        assert len(list(folder.glob("runs/*/seed-0/metrics.json"))) == 2
    assert "small: 8 training runs" not in said and "small: 4 training runs" in said
    assert "2 splits: patients, rows" in said and "small: 4 of 4 runs finished." in said
    page = (workflow.results / "report.html").read_text()
    report = json.loads((workflow.results / "report.json").read_text())
    assert (
        re.sub("<wbr>", "", page).count(report["headline"]) == 2
    )  # its title, and its first words
    assert 'href="rows/report.html"' in page
    table = pd.read_csv(workflow.results / "comparison.csv")
    own = pd.read_csv(workflow.results / "rows/comparison.csv").set_index("variant")
    rows = table[table["split"] == "rows"].set_index("name")
    for name in ("conv", "conv_bn"):
        assert rows.loc[name, "mean"] == own.loc[name, "test_auroc_mean"]
    audit = json.loads((workflow.results / "patients/splits/audit.json").read_text())
    assert all(one["patients"] == 0 for one in audit["overlaps"])


def test_it_is_finished_then_and_a_change_of_one_design_leaves_the_other(
    several: tuple[Workflow, str],
) -> None:
    workflow, _ = several
    assert workflow.would_run() == {}
    designs = {**DESIGNS, "rows": {**DESIGNS["rows"], "seed": 1}}
    changed = workflow.with_config(split={**workflow.config["split"], "designs": designs})
    again = changed.would_run()
    assert {"rows_split", "rows_train", "rows_compare", "compare", "report"} <= again.keys()
    assert not [rule for rule in again if rule.startswith("patients")]
    changed.config["split"]["part"] = "patients"
    assert changed.would_run() == {}  # as an experiment by itself, it is there


def test_a_repeat_is_trained_as_the_same_split_by_itself(several: tuple[Workflow, str]) -> None:
    """The design without a key of its own is the plain split: moved there, nothing is trained again."""
    workflow, _ = several
    run = json.loads((workflow.results / "patients/runs/conv/seed-0/run.json").read_text())
    assert run["config"]["split"].keys() >= {"train", "seed"} and "designs" not in str(
        run["config"]
    )


def test_commands_know_the_parts(several: tuple[Workflow, str]) -> None:
    workflow, _ = several
    shown = workflow.bakeoff("status", "--config", "config.yaml", "--json").stdout
    rows = json.loads(shown)
    assert sorted((one["part"], one["variant"]) for one in rows) == sorted(
        (part, name) for part in DESIGNS for name in ("conv", "conv_bn")
    )
    assert {one["state"] for one in rows} == {"done"}
    planned = workflow.bakeoff("plan", "--config", "config.yaml").stdout
    assert "4 training runs (2 variants x 2 splits: patients, rows)" in planned
    part = ("--config", "config.yaml", "--set", "split.part=rows")
    assert "0 new events" in workflow.bakeoff("sync", *part).stdout
    refused = subprocess.run(
        ["bakeoff", "baselines", "--config", "config.yaml"],
        cwd=workflow.folder,
        env=workflow.environment,
        capture_output=True,
        text=True,
    )
    assert refused.returncode == 1
    assert "--set split.part=patients or rows" in refused.stderr


def test_sizes_that_one_design_cannot_have_are_refused_before_anything_runs(
    several: tuple[Workflow, str],
) -> None:
    workflow, _ = several
    designs = {**DESIGNS, "rows": {"train": 4000}}
    changed = workflow.with_config(split={**workflow.config["split"], "designs": designs})
    done = changed.snakemake("-n", check=False)
    assert done.returncode == 1
    assert "split rows: " in done.stdout + done.stderr and "4040 rows" in done.stdout + done.stderr
    workflow.write_config()


@pytest.mark.cluster
def test_on_slurm_one_part_is_trained_and_what_follows_from_it_made(
    several: tuple[Workflow, str], slurm: SlurmCluster
) -> None:
    workflow, _ = several
    before = (workflow.results / "patients/report.html").stat().st_mtime_ns
    shutil.rmtree(workflow.results / "rows/runs/conv")
    done = workflow.snakemake(*PROFILE)
    record = json.loads((workflow.results / "rows/runs/conv/seed-0/run.json").read_text())
    assert record["provenance"]["slurm_job_id"]
    assert (workflow.results / "patients/report.html").stat().st_mtime_ns == before
    assert "small: 4 of 4 runs finished." in done.stdout + done.stderr
    assert workflow.would_run() == {}


def test_a_run_that_fails_on_every_part_is_missing_in_what_they_say_together(
    several: tuple[Workflow, str],
) -> None:
    workflow, _ = several
    gpu = {"model": "conv", "training": {"device": "cuda"}}  # there is none
    changed = workflow.with_config(variants={**workflow.config["variants"], "more": gpu})
    done = changed.snakemake("--cores", "2", "--keep-going", check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 1 and "small: 4 of 6 runs finished; 2 jobs failed." in said, said
    assert "failed  rows_train variant=more seed=0: " in said
    report = json.loads((workflow.results / "report.json").read_text())
    told = " ".join(report["sentences"])
    assert "Missing: more on split patients (seeds 0) and more on split rows (seeds 0)." in told
    assert "more" in (workflow.results / "patients/report.html").read_text()
