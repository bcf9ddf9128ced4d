"""Coloured shapes are the first job of a bake-off on class folders, whatever folders there were before."""

from pathlib import Path

import pandas as pd
import pytest

from bakeoff.data.synthesis.shapes.plan import CLASSES
from tests.workflow.conftest import CONFIG, Workflow, small

pytestmark = pytest.mark.slow(seconds=25)

SPLIT = "results/small/splits/audit.json"
DATA = {
    "source": "synthetic",
    "layout": "folders",
    "images": "shapes",
    "synthetic": {"kind": "shapes", "images": 96, "size": 32},
}


def seeded(workflow: Workflow, seed: int) -> Workflow:
    """With shapes of another seed."""
    return workflow.with_config(data={**DATA, "synthetic": {**DATA["synthetic"], "seed": seed}})  # type: ignore[dict-item]


def test_shapes_are_made_once_and_again_for_another_seed(tmp_path: Path) -> None:
    changes = {"split": {"given": "folders", "val": 18}, "task": {"kind": "multiclass"}}
    workflow = seeded(Workflow(small(tmp_path / "shapes").folder, {**CONFIG, **changes}), 0)
    assert (
        "shapes/labels.csv will be made by the first job"
        in workflow.bakeoff("plan", "--config", "config.yaml").stdout
    )
    first = workflow.would_run()
    assert (first["synthesize"], first["split"]) == (1, 1)
    workflow.snakemake("--cores", "1", SPLIT)
    rows = pd.read_csv(workflow.results / "splits/test.csv")
    assert sorted(set(rows["label"])) == sorted(CLASSES)
    assert workflow.would_run("--until", "split") == {}
    other = seeded(workflow, 1)
    assert other.would_run("--until", "split") == {"synthesize": 1, "split": 1}
    other.snakemake("--cores", "1", SPLIT)
    again = pd.read_csv(workflow.results / "splits/test.csv")
    assert sorted(again["Image Index"]) != sorted(rows["Image Index"])
    assert all((workflow.folder / "shapes" / image).is_file() for image in again["Image Index"])
    assert other.would_run("--until", "split") == {}
