"""A bake-off on classes with odd names, and one on findings of which test lacks one, run to their reports."""

import shutil
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from bakeoff.evaluation.predictions import read_predictions
from bakeoff.files import read_json
from bakeoff.layout import Layout
from bakeoff.task.kinds import recorded_task
from tests.cluster.cluster import SlurmCluster
from tests.drawn import ODD
from tests.workflow.chaos import PROFILE, names_of, outcome
from tests.workflow.conftest import Workflow, copy

pytestmark = pytest.mark.slow(seconds=60)


def test_a_bake_off_of_any_kind_runs_to_its_report_and_is_finished(of_a_kind: Workflow) -> None:
    layout = Layout(of_a_kind.results)
    task = recorded_task(layout.audit)
    assert task is not None and task.kind == of_a_kind.config["task"]["kind"]
    if task.kind == "multiclass":
        assert set(task.scored) == set(ODD)
    table = pd.read_csv(layout.comparison, keep_default_na=False)
    primary = task.metric().name
    variants = table[table.kind == "variant"]
    assert set(variants.variant) == {"plain", "augmented"} and set(table.metric) == {primary}
    for variant in ("plain", "augmented"):
        folder = layout.run(variant, 0)
        metrics = read_json(folder.path / "metrics.json")
        read = read_predictions(folder.predictions("test"), task)
        assert read.scores.shape == (12, len(task.scored))
        assert metrics["test"]["classes"].keys() == set(task.scored)
        (row,) = variants[variants.variant == variant].to_dict("records")
        assert float(row[f"test_{primary}_mean"]) == metrics["test"][primary]
        assert (folder.path / "figures/index.json").exists()
    for made in ("report.html", "registered.json"):
        assert (of_a_kind.results / made).is_file()
    assert of_a_kind.would_run() == {}


def test_the_report_names_what_was_told_apart_and_says_nothing_of_a_disease(
    of_a_kind: Workflow,
) -> None:
    report = (of_a_kind.results / "report.html").read_text(encoding="utf-8")
    several = of_a_kind.config["task"]["kind"] == "multiclass"
    names = ("Bœuf, rôti", "nan") if several else ("Mass", "Rare")
    assert all(name in report for name in names) and "Disease" not in report


def test_the_captions_of_snakemakes_own_report_speak_of_the_metric(of_a_kind: Workflow) -> None:
    of_a_kind.snakemake("--report", "snakemake.zip")
    with zipfile.ZipFile(of_a_kind.folder / "snakemake.zip") as packed:
        page = packed.read("snakemake/report.html").decode().replace("\\n", " ")
    several = of_a_kind.config["task"]["kind"] == "multiclass"
    assert f"Test {'accuracy' if several else 'macro AUROC'} by variant: every seed a dot" in page
    assert ("Circles are where the thresholds" in page) != several
    scored = "the class that it calls" if several else "the finding"
    assert f"with its estimated probability of {scored}." in page


@pytest.mark.cluster
@pytest.mark.slow(seconds=90)
def test_on_slurm_it_ends_as_on_this_machine(
    of_a_kind: Workflow, tmp_path: Path, slurm: SlurmCluster
) -> None:
    there = copy(of_a_kind, tmp_path / "workflow")
    shutil.rmtree(there.results / "runs")
    for made in ("comparison.csv", "report.html"):
        (there.results / made).unlink()
    there.snakemake(*PROFILE, "results/small/report.html")
    for run in names_of(there):
        assert outcome(there.results, run) == outcome(of_a_kind.results, run)
        assert read_json(there.results / "runs" / run / "run.json")["provenance"]["slurm_job_id"]
    ours, theirs = (one.results / "comparison.csv" for one in (of_a_kind, there))
    assert theirs.read_bytes() == ours.read_bytes()
    assert (there.results / "report.html").is_file()
