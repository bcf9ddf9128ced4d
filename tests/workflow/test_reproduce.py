"""What a run says of how to make it again makes it again."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from bakeoff.tracking.journal.journal import NAME, read
from bakeoff.tracking.presentation.notes import NOTE
from tests.tracking.stored import open_store, runs
from tests.workflow.conftest import CONFIG, Workflow, git

pytestmark = pytest.mark.slow(seconds=40)


def test_the_commands_in_mlflow_make_a_run_again_bit_for_bit_in_a_fresh_clone(
    finished: Workflow, tmp_path: Path
) -> None:
    made = finished.results / "runs/conv_bn/seed-0"
    store = open_store(finished.environment["MLFLOW_TRACKING_URI"])
    (run,) = runs(store, "small", journal=read(made / NAME)[0].journal)
    note = run.tags["mlflow.note.content"]
    (script,) = re.findall(r"```\n(.*?)\n```", note, flags=re.DOTALL)
    assert ("config.yaml", (made / "config.yaml").stat().st_size) in store.files(run.id, "")

    fresh = cloned(finished, tmp_path)
    done = subprocess.run(
        ["bash", "-e", "-c", script],
        cwd=fresh.folder,
        env=fresh.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    again = fresh.results / "runs/conv_bn/seed-0"
    for name in ("best.safetensors", "predictions/val.csv", "predictions/test.csv", "config.yaml"):
        assert (again / name).read_bytes() == (made / name).read_bytes(), name
    histories = (pd.read_csv(at / "history.csv").drop(columns="seconds") for at in (made, again))
    assert next(histories).equals(next(histories))


def test_a_configuration_that_git_does_not_track_is_reported(finished: Workflow) -> None:
    run = finished.results / "runs/conv/seed-0"
    said = json.loads((run / "run.json").read_text())["provenance"]
    assert said["git_commit"] == git(finished.folder, "rev-parse", "HEAD").strip()
    assert said["git_dirty"] and said["not_in_commit"] == ["config.yaml: not tracked by git"]
    report = (finished.results / "report.html").read_text()
    assert "with uncommitted changes" in report and "config.yaml: not tracked by git" in report
    store = open_store(finished.environment["MLFLOW_TRACKING_URI"])
    (sent,) = runs(store, "small", journal=read(run / NAME)[0].journal)
    assert sent.tags["not_in_commit"] == "config.yaml: not tracked by git"


def test_the_command_of_the_whole_is_right_in_the_report_and_in_mlflow(
    finished: Workflow, tmp_path: Path
) -> None:
    page = (finished.results / "report.html").read_text()
    experiment = open_store(finished.environment["MLFLOW_TRACKING_URI"]).experiment("small")
    assert experiment is not None
    note = experiment.tags[NOTE]
    (script,) = re.findall(r"```\n(.*?)\n```", note, flags=re.DOTALL)
    assert script == in_the_report(page)
    for said in (page, note):
        assert "Not in the commit, and needed: config.yaml: not tracked by git." in said
    clone = cloned(finished, tmp_path)
    clone.write_config()  # what the commit does not hold
    assert planned(clone, script)["train"] == 2


def test_the_reports_command_has_the_overrides_and_is_quoted(
    copied: Workflow, tmp_path: Path
) -> None:
    copied.write_config()
    (copied.folder / "config.yaml").rename(copied.folder / "my c.yaml")
    written = (
        "training={seeds: [0,1,2], epochs: 3}",
        "training.lr=1e-3",
        "variants.conv.norm=none",
    )
    overrides = [word for one in written for word in ("--set", one)]
    copied.bakeoff("report", "--config", "my c.yaml", *overrides)
    script = in_the_report((copied.results / "report.html").read_text())
    clone = cloned(copied, tmp_path)
    shutil.copy(copied.folder / "my c.yaml", clone.folder)
    assert planned(clone, script)["train"] == 6


def in_the_report(page: str) -> str:
    """The commands that the report gives to make it again."""
    (script,) = re.findall(r"To make it again.*?<pre[^>]*>(.*?)</pre>", page, flags=re.DOTALL)
    return html.unescape(script)


def cloned(workflow: Workflow, folder: Path) -> Workflow:
    """A fresh clone of its repository."""
    git(folder, "clone", "--quiet", str(workflow.folder), str(folder / "clone"))
    return Workflow(folder / "clone", CONFIG)


def planned(clone: Workflow, script: str) -> dict[str, int]:
    """How many jobs of each rule the commands would run there."""
    done = subprocess.run(
        ["bash", "-e", "-c", f"{script} -n --quiet rules"],
        cwd=clone.folder,
        env=clone.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    rows = re.findall(r"^(\w+) +(\d+)$", done.stdout, flags=re.MULTILINE)
    return {rule: int(count) for rule, count in rows}
