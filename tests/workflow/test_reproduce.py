"""What a run says of how to make it again makes it again."""

import json
import re
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from bakeoff.tracking.journal import NAME, read
from tests.tracking.stored import open_store, runs
from tests.workflow.conftest import Workflow, git

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

    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", str(finished.folder), str(clone))
    fresh = Workflow(clone, {})
    done = subprocess.run(
        ["bash", "-e", "-c", script],
        cwd=clone,
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


def test_a_configuration_that_git_does_not_know_is_said(finished: Workflow) -> None:
    run = finished.results / "runs/conv/seed-0"
    said = json.loads((run / "run.json").read_text())["provenance"]
    assert said["git_commit"] == git(finished.folder, "rev-parse", "HEAD").strip()
    assert said["git_dirty"] and said["not_in_commit"] == ["config.yaml: not tracked by git"]
    report = (finished.results / "report.html").read_text()
    assert "with uncommitted changes" in report and "config.yaml: not tracked by git" in report
    store = open_store(finished.environment["MLFLOW_TRACKING_URI"])
    (sent,) = runs(store, "small", journal=read(run / NAME)[0].journal)
    assert sent.tags["not_in_commit"] == "config.yaml: not tracked by git"
