"""A change of code, of configuration or of neither: what is said of finished runs, and which can be kept.

Snakemake itself says what it would train; the runs are those that an earlier commit finished.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bakeoff.cli import cli
from bakeoff.config.accepted import TOLERANCE
from bakeoff.files import read_json, write_json
from tests.tracking.stored import open_store, runs
from tests.workflow.conftest import Workflow, copy

pytestmark = pytest.mark.slow(seconds=70)

STATES = "torch.stack(states, dim=1)"
RECURRENT = "src/bakeoff/models/recurrent.py"
ALIKE, SCALED, OTHER = "torch.stack(states, 1)", f"(1.000001 * {STATES})", f"{STATES}.neg()"
"""What computes the same, nearly the same, and something else."""

RUN = "runs/rnn/seed-0"
RNN = ("rnn", "birnn", "rnn_attention")  # whose code is in that file


def of_few_variants(kept: Workflow) -> Workflow:
    """Another list is another report, and no reason to train."""
    return kept.with_config(
        variants={name: kept.config["variants"][name] for name in (*RNN, "conv")}
    )


@pytest.fixture
def small_kept(kept: Workflow, tmp_path: Path) -> Workflow:
    """The kept bake-off, of few variants, for a test of its own."""
    return of_few_variants(copy(kept, tmp_path / "workflow"))


def edited(workflow: Workflow, file: str, before: str, after: str) -> Workflow:
    code = (workflow.folder / file).read_text()
    assert before in code
    (workflow.folder / file).write_text(code.replace(before, after))
    return workflow


def said(workflow: Workflow, *arguments: str, status: int = 0) -> str:
    """What a command of bakeoff says there, on one line, and that it ends with that exit code."""
    workflow.write_config()
    command, *others = arguments
    done = subprocess.run(
        ["bakeoff", command, "--config", "config.yaml", *others],
        cwd=workflow.folder,
        env={**workflow.environment, "COLUMNS": "80"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return re.sub(r"\s+", " ", done.stdout + done.stderr)


def scored_here(workflow: Workflow, variant: str, *seeds: int) -> None:
    """Evaluate runs of a variant again: another processor than that of the kept scores may add in another
    order, and outputs are the same bit for bit on one alone.
    """
    for seed in seeds:
        said(workflow, "evaluate", "--variant", variant, "--seed", str(seed))


def without_metadata(provenance: dict[str, Any]) -> dict[str, Any]:
    """As the versions wrote it that noted no command."""
    return {key: value for key, value in provenance.items() if key != "command"}


def with_variant(name: str, **over: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda config: {
        "variants": {**config["variants"], name: {**config["variants"][name], **over}}
    }


def with_section(name: str, **over: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda config: {name: {**config.get(name, {}), **over}}


def status_of(workflow: Workflow, monkeypatch: pytest.MonkeyPatch, *options: str) -> str:
    """What `bakeoff status` says of the configuration, by the code of this process."""
    monkeypatch.chdir(workflow.folder)
    workflow.write_config()
    done = CliRunner().invoke(cli, ["status", "--config", "config.yaml", *options])
    assert done.exit_code == 0, done.output
    return re.sub(r"\s+", " ", done.output)


@pytest.mark.parametrize(
    ("change", "trains", "told"),
    [
        (with_section("resources", mem_mb=9000), 0, ""),
        (with_section("training", lr=2e-3), 4, "conv, seed 0: training.lr 0.01 -> 0.002 "),
        (with_section("split", seed=1), 6, "rnn, seeds 0, 1: split.seed 0 -> 1 "),
    ],
)
def test_what_snakemake_would_train_again_is_said_with_the_reason(
    kept: Workflow, monkeypatch: pytest.MonkeyPatch, change: Any, trains: int, told: str
) -> None:
    few = of_few_variants(kept)
    changed = few.with_config(**change(few.config))
    assert changed.would_run().get("train", 0) == trains
    words = status_of(changed, monkeypatch)
    assert told in words and "bakeoff accept" not in words
    assert (f"The next snakemake trains {trains} finished runs again; they" in words) is (
        trains > 0
    )


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            with_variant("rnn", hidden=9),
            "2 finished runs again; they took 0 s: rnn, seeds 0, 1: hidden 8 -> 9",
        ),
        (with_variant("rnn", training={"seeds": [0, 1, 2]}), ""),
        (with_section("image", size=64, rotate={}), "conv, seed 0: image.size 32 -> 64 "),
        (
            with_section("training", threads=2, clip=1.0),
            "training.clip null -> 1.0; training.threads 1 -> 2 ",
        ),
        (
            lambda _: {"variants": {"conv": {"model": "rnn", "patch": 8}}},
            "conv, seed 0: model conv -> rnn ",
        ),
        (
            with_section("data", negative=["Nothing", "No Finding"]),
            "rnn_attention, seed 0: data.negative",
        ),
    ],
)
def test_each_key_that_was_edited_is_named_with_its_values(
    kept: Workflow, monkeypatch: pytest.MonkeyPatch, change: Any, told: str
) -> None:
    few = of_few_variants(kept)
    changed = few.with_config(**change(few.config))
    changed.write_config()
    monkeypatch.chdir(changed.folder)
    done = CliRunner().invoke(cli, ["status", "--config", "config.yaml"])
    words = re.sub(r"\s+", " ", done.output)
    assert told in words and ("again; they took" in words) is bool(told)


def test_plan_says_it_too(kept: Workflow, monkeypatch: pytest.MonkeyPatch) -> None:
    few = of_few_variants(kept)
    changed = few.with_config(**with_variant("rnn", hidden=9)(few.config))
    changed.write_config()
    monkeypatch.chdir(changed.folder)
    said = CliRunner().invoke(cli, ["plan", "--config", "config.yaml"]).output
    assert "\n  rnn, seeds 0, 1: hidden 8 -> 9\n" in said


def test_another_pretraining_is_the_reason_of_its_variants(kept: Workflow, tmp_path: Path) -> None:
    masked = {**kept.config["pretraining"]["masked"], "masked": 0.3}
    changed = copy(kept, tmp_path / "workflow").with_config(
        variants={"vit_masked": kept.config["variants"]["vit_masked"]},
        pretraining={"masked": masked},
    )
    would_run = changed.would_run()
    assert would_run["pretrain"] == would_run["train"] == 1
    words = said(changed, "status")
    assert "pretraining/masked: masking.masked 0.15 -> 0.3" in words
    assert "vit_masked, seed 0: it starts from pretraining/masked, which would be made" in words
    refused = said(changed, "accept", "vit_masked", status=1)
    assert "refused vit_masked, seed 0: not only code changed, but it starts from" in refused


def test_code_that_computes_the_same_is_accepted_and_nothing_is_trained(
    small_kept: Workflow,
) -> None:
    scored_here(small_kept, "rnn", 0, 1)
    before = edited(small_kept, RECURRENT, STATES, ALIKE)
    assert before.would_run()["train"] == 5
    words = said(before, "status")
    assert "rnn, seeds 0, 1: the code of model rnn changed (trained by bakeoff 0.1.0 at" in words
    assert "this keeps them: bakeoff accept --config config.yaml" in words
    scores = (before.folder / f"results/kept/{RUN}/predictions/test.csv").read_bytes()

    told = said(before, "accept")
    assert "accepted rnn, seed 1: 40 outputs, bit for bit." in told and "refused" not in told
    # The list of variants is another one here, and so is what is compared and reported.
    after = before.would_run()
    assert after.pop("pictures") == 2, "of the runs that were scored here, and of no other"
    assert after.keys() <= {"compare", "report", "track", "register"}
    assert "The next snakemake" not in said(before, "status")

    said(before, "evaluate", "--variant", "rnn", "--seed", "0")
    assert (before.folder / f"results/kept/{RUN}/predictions/test.csv").read_bytes() == scores
    (accepted,) = read_json(before.folder / f"results/kept/{RUN}/accepted.json")["accepted"]
    assert accepted["difference"] == 0 and accepted["tolerance"] == TOLERANCE
    # Trained again by hand, it is found trained, for its checkpoint counts too.
    again = said(before, "train", "--variant", "rnn", "--seed", "0")
    assert "Trained before: its results are published again" in again
    stated_in = before.folder / f"results/kept/{RUN}/run.json"
    stated = read_json(stated_in)["provenance"]
    assert stated["accepted"].startswith(f"trained under digest {accepted['trained_under']}, ")
    assert stated["git_commit"].startswith("8c6db3b") and "8c6db3b" in stated["reproduce"]

    for other in set((before.folder / "results/kept/runs").iterdir()) - {stated_in.parents[1]}:
        shutil.rmtree(other)
    said(before, "sync")
    store = open_store(before.environment["MLFLOW_TRACKING_URI"])
    (sent,) = runs(store, "kept", variant="rnn", seed="0")
    assert sent.tags["accepted"] == stated["accepted"]
    # What is edited later is planned with a digest that nobody accepted.
    edited(before, RECURRENT, ALIKE, OTHER)
    assert "rnn, seeds 0, 1: the code of model rnn changed" in said(before, "status", status=3)


def test_code_that_computes_something_else_is_refused_and_leaves_no_record(
    small_kept: Workflow,
) -> None:
    changed = edited(small_kept, RECURRENT, STATES, OTHER)
    files = {file: file.read_bytes() for file in (changed.folder / "results").rglob("*.json*")}
    lost = Path("results/kept/runs/rnn/seed-1/predictions/val.csv")
    (changed.folder / lost).unlink()
    told = said(changed, "accept", "rnn", status=1)
    assert re.search(
        r"refused rnn, seed 0: it computes something else now: \S+ scores 0\.\d+, in \S+csv 0\.\d+\. "
        r"The largest difference is 0\.\d+, the tolerance 1e-05\. .*\(git checkout 8c6db3b70c48\)",
        told,
    )
    assert f"refused rnn, seed 1: {lost}: cannot be read" in told
    assert {file: file.read_bytes() for file in files} == files
    assert not list(changed.folder.rglob("accepted.json"))
    assert changed.would_run()["train"] == 5


def test_a_tolerance_decides_what_counts_as_the_same(small_kept: Workflow) -> None:
    changed = edited(small_kept, RECURRENT, STATES, SCALED)
    assert "refused" in said(changed, "accept", "rnn/seed-0", "--tolerance", "0", status=1)
    told = said(changed, "accept", "rnn/seed-0")
    assert re.search(r"accepted rnn, seed 0: 40 outputs, largest difference \d\S*e-0\d\.", told)


def test_code_and_configuration_changed_together_are_both_said_and_refused(
    small_kept: Workflow,
) -> None:
    changed = edited(small_kept, RECURRENT, STATES, ALIKE)
    changed = changed.with_config(**with_variant("rnn", hidden=9)(changed.config))
    assert "rnn, seeds 0, 1: hidden 8 -> 9; the code of model rnn changed (trained" in said(
        changed, "status"
    )
    assert "not only code changed, but hidden 8 -> 9" in said(changed, "accept", "rnn", status=1)


def test_another_trainer_is_said_and_may_be_accepted(small_kept: Workflow) -> None:
    scored_here(small_kept, "conv", 0)
    changed = edited(small_kept, "src/bakeoff/config/digest.py", "TRAINER = 1\n", "TRAINER = 2\n")
    assert "conv, seed 0: the trainer changed, version 1 -> 2" in said(changed, "status")
    told = said(changed, "accept", "conv")
    # Outputs of stored weights are the same whatever a trainer does.
    unseen = "the trainer changed, version 1 -> 2, of which outputs show nothing"
    assert re.search(rf"accepted conv, seed 0: \d+ outputs, bit for bit; {unseen}\.", told)
    assert "Outputs do not show how weights come to be" in told
    stated = read_json(changed.folder / "results/kept/runs/conv/seed-0/run.json")
    assert "training itself was not compared" in stated["provenance"]["accepted"]
    assert "conv" not in said(changed, "status").partition("The next snakemake")[2]


def test_of_a_run_that_notes_nothing_what_snakemake_keeps_is_enough(small_kept: Workflow) -> None:
    file = small_kept.folder / f"results/kept/{RUN}/run.json"
    stated = read_json(file)
    write_json(file, {**stated, "provenance": without_metadata(stated["provenance"])})
    assert "again" not in said(small_kept, "status")
    changed = edited(small_kept, RECURRENT, STATES, ALIKE)
    assert "rnn, seeds 0, 1: the code of model rnn changed" in said(changed, "status")


def test_a_record_that_cannot_be_read_is_named(small_kept: Workflow) -> None:
    file = Path("results/kept") / RUN / "accepted.json"
    (small_kept.folder / file).write_text("{")
    assert f"bakeoff: error: {file}: is no record of acceptances" in said(
        small_kept, "status", status=1
    )


def test_the_reasons_are_in_the_json_of_status(
    kept: Workflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = of_few_variants(kept)
    changed = few.with_config(**with_variant("conv", norm="none")(few.config))
    told = json.loads(status_of(changed, monkeypatch, "--json"))
    assert {one["variant"]: one["again"] for one in told} == {
        **dict.fromkeys(("rnn", "birnn-lr-0.01", "birnn-lr-0.001", "rnn_attention"), ""),
        "conv": "norm batch -> none",
    }
