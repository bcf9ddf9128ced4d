"""A bake-off that adds seeds round by round, through Snakemake: it ends, and is finished then."""

import json
import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bakeoff.training.job import JOBS_LOG
from tests.waiting import eventually
from tests.workflow.conftest import Workflow, copy, small

pytestmark = pytest.mark.slow(seconds=150)

REPORT = ("results/small/report.html",)
CONCLUSION = ("results/small/conclusion.json",)


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


def conclusion(workflow: Workflow) -> dict[str, Any]:
    return json.loads((workflow.results / "conclusion.json").read_text())


def trained(workflow: Workflow) -> dict[Path, str]:
    """The runs that are trained, as folders in the results, and when which jobs began to."""
    results = workflow.results
    return {
        file.parent.relative_to(results): (file.parent / "checkpoints" / JOBS_LOG).read_text()
        for file in results.glob("runs/*/seed-*/run.json")
    }


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


def test_the_test_images_take_no_part_in_a_decision(adaptive: Workflow, tmp_path: Path) -> None:
    turned = copy(adaptive, tmp_path / "turned")
    before = rounds(turned)
    for path in turned.results.glob("runs/*/*/predictions/test.csv"):
        frame = pd.read_csv(path)
        path.write_text(frame.assign(score=1 - frame["score"]).to_csv(index=False))
    for one in before:
        file = turned.results / f"rounds/{one['number']}.json"
        file.unlink()
        turned.bakeoff("round", "--config", "config.yaml", "--number", str(one["number"]))
    assert rounds(turned) == before


def before_its_rounds(adaptive: Workflow, folder: Path) -> Workflow:
    """The same bake-off elsewhere, when nothing but its first seeds has run."""
    early = copy(adaptive, folder)
    first = rounds(early)[0]["seeds"]
    for run in trained(early):
        if int(run.name.removeprefix("seed-")) not in first[run.parent.name]:
            shutil.rmtree(early.results / run)
    shutil.rmtree(early.results / "rounds")
    for name in ("comparison.csv", "conclusion.json"):
        (early.results / name).unlink()
    return early


@pytest.mark.slow(seconds=60)
def test_one_that_is_killed_between_its_rounds_ends_like_an_undisturbed_one(
    adaptive: Workflow, tmp_path: Path
) -> None:
    killed = before_its_rounds(adaptive, tmp_path / "killed")
    done = trained(killed)
    first = len(done)
    said = killed.folder / "said.txt"

    def one_added_is_trained_and_the_next_begun() -> bool:
        assert process.poll() is None, said.read_text()
        done.update(trained(killed))
        return first < len(done) < len(list(killed.results.glob("runs/*/seed-*/train.log")))

    killed.write_config()
    command = [sys.executable, "-m", "snakemake", "--configfile", "config.yaml", "--cores", "1"]
    with said.open("w") as out:
        process = subprocess.Popen(
            [*command, "--", *CONCLUSION],
            cwd=killed.folder,
            env=killed.environment,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        eventually(one_added_is_trained_and_the_next_begun)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert rounds(killed) == rounds(adaptive)[:1]

    killed.snakemake("--unlock")
    killed.snakemake("--cores", "2", "--", *CONCLUSION)
    assert rounds(killed) == rounds(adaptive)
    assert conclusion(killed) == conclusion(adaptive)
    after = trained(killed)
    assert after.keys() == trained(adaptive).keys()
    assert {run: after[run] for run in done} == done, "what was trained is not trained again"
