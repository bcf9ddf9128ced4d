"""A bake-off that adds seeds round by round, through Snakemake: it ends, and is finished then."""

import json

import pandas as pd
import pytest

from tests.workflow.conftest import Workflow, small

pytestmark = pytest.mark.slow(seconds=150)

REPORT = ("results/small/report.html",)


@pytest.fixture(scope="module")
def adaptive(tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    """Three variants of which one learns nothing; at most three seeds each."""
    workflow = small(tmp_path_factory.mktemp("rounds") / "rounds")
    variants = {
        "conv": {"model": "conv"},
        "conv_bn": {"model": "conv", "norm": "batch"},
        "still": {"model": "conv", "training": {"lr": 1e-12}},
    }
    changed = workflow.with_config(
        variants=variants,
        training={"epochs": 1, "batch_size": 8, "lr": 1e-3, "seeds": [0, 1]},
        compare={"until": "separated", "max_seeds": 3},
        split={"train": 40, "val": 20, "test": 20},
        tracking={"live": False},
    )
    changed.snakemake("--cores", "2", "--", *REPORT)
    return changed


def rounds(workflow: Workflow) -> list[dict]:
    files = sorted((workflow.results / "rounds").glob("*.json"))
    return [json.loads(file.read_text()) for file in files]


def test_it_ends_with_the_seeds_that_its_rounds_added(adaptive: Workflow) -> None:
    found = rounds(adaptive)
    assert [one["number"] for one in found] == list(range(1, len(found) + 1))
    assert found[-1]["ended"] in ("separated", "max_seeds") and not found[-1]["added"]
    assert found[0]["seeds"] == {name: [0, 1] for name in ("conv", "conv_bn", "still")}
    ran = {
        name: sorted(int(p.name[5:]) for p in (adaptive.results / "runs" / name).glob("seed-*"))
        for name in ("conv", "conv_bn", "still")
    }
    expected = {name: [0, 1] for name in ran}
    for one in found:
        for name, seeds in one["added"].items():
            assert name in one["in_the_set"]
            expected[name] += seeds
    assert ran == expected and max(map(len, ran.values())) <= 3
    table = pd.read_csv(adaptive.results / "comparison.csv").set_index("variant")
    for name, seeds in ran.items():
        assert table.loc[name, "seeds_finished"] == table.loc[name, "seeds_expected"] == len(seeds)
    assert "Rounds" in (adaptive.results / "report.html").read_text()


def test_it_is_finished(adaptive: Workflow) -> None:
    assert adaptive.would_run("--", *REPORT) == {}


def test_the_test_images_take_no_part_in_a_decision(adaptive: Workflow) -> None:
    before = rounds(adaptive)
    for path in adaptive.results.glob("runs/*/*/predictions/test.csv"):
        frame = pd.read_csv(path)
        path.write_text(frame.assign(score=1 - frame["score"]).to_csv(index=False))
    for one in before:
        file = adaptive.results / f"rounds/{one['number']}.json"
        file.unlink()
        adaptive.bakeoff("round", "--config", "config.yaml", "--number", str(one["number"]))
    assert rounds(adaptive) == before
