"""The record of looks at the test split, through real runs, and what the report says of it."""

import json
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from bakeoff.cli import cli
from bakeoff.config.experiment import Experiment
from bakeoff.evaluation.comparison import write_comparison
from bakeoff.evaluation.looks import counted, read_looks, record_look
from bakeoff.layout import Layout
from bakeoff.report.document import render
from bakeoff.report.evidence import Evidence, read_evidence
from bakeoff.report.looks_at_test import looks_at_test
from bakeoff.task.binary import BinaryTask
from tests.training.conftest import Prepare, phantoms, prepare, values  # noqa: F401

pytestmark = pytest.mark.slow(seconds=10)


def evaluated(config: dict[str, Any], folder: Path, *variants: str, seed: int = 0) -> None:
    """Train and evaluate by the command line."""
    file = folder / "config.yaml"
    file.write_text(yaml.safe_dump(config))
    for variant in variants:
        for stage in ("train", "evaluate"):
            asked = [stage, "--config", str(file), "--variant", variant, "--seed", str(seed)]
            found = CliRunner().invoke(cli, asked, catch_exceptions=False)
            assert found.exit_code == 0, found.output


def evidence_of(layout: Layout, *variants: str) -> Evidence:
    expected = [(variant, (0,)) for variant in variants]
    write_comparison(layout.root, expected)
    return read_evidence(layout.root, expected)


@pytest.fixture
def made(prepare: Prepare, tmp_path: Path) -> tuple[dict[str, Any], Layout]:  # noqa: F811
    prepare.values["training"] |= {"epochs": 1, "seeds": [0]}
    _, layout = prepare()
    prepare.values["results"] = str(layout.root.parent)
    evaluated(prepare.values, tmp_path, "conv", "conv_bn")
    return prepare.values, layout


def test_a_first_look_is_recorded_and_nothing_is_said_of_it(
    made: tuple[dict[str, Any], Layout],
) -> None:
    _, layout = made
    looks = read_looks(layout.looks)
    assert [(look.variant, look.seed, look.metric) for look in looks] == [
        ("conv", 0, "auroc"),
        ("conv_bn", 0, "auroc"),
    ]
    metrics = json.loads((layout.run("conv", 0).path / "metrics.json").read_text())
    assert (
        looks[0].test_figure == metrics["test"]["auroc"] and looks[0].val == metrics["val"]["auroc"]
    )
    found = looks_at_test(evidence_of(layout, "conv", "conv_bn"))
    assert found is not None and found.earlier == () and found.sentence == "" and found.now == 2


def test_what_was_evaluated_before_a_change_is_named_with_what_differed(
    made: tuple[dict[str, Any], Layout], tmp_path: Path
) -> None:
    config, layout = made
    evaluated(config, tmp_path, "conv")  # again: the same model
    config["training"]["lr"] = 1e-2
    config["variants"]["wide"] = config["variants"].pop("conv_bn")
    evaluated(config, tmp_path, "conv", "wide")
    evidence = evidence_of(layout, "conv", "wide")
    found = looks_at_test(evidence)
    assert found is not None
    assert [(one.variant, one.differs, one.runs, one.evaluations) for one in found.earlier] == [
        ("conv", ("training.lr 0.001 -> 0.01",), 1, 2),
        ("conv_bn", (), 1, 1),
    ]
    assert found.now == 2 and found.elsewhere == 0
    assert found.sentence.startswith(
        "2 other configurations of this experiment were evaluated on this test split (3 evaluations)."
    )
    page = render(evidence)
    assert page.index("Looked at before") < page.index("<h1>")
    assert "training.lr 0.001 -&gt; 0.01" in page and "no longer a variant" in page


def test_how_many_runs_share_a_job_is_no_other_configuration() -> None:
    one, eight = ({"training": {"lr": 1e-3, "pack": pack, "seeds": [0]}} for pack in (1, 8))
    assert counted(one) == counted(eight) == {"training": {"lr": 1e-3}}


def test_seeds_that_were_dropped_and_another_metric_are_looks_too(
    made: tuple[dict[str, Any], Layout], tmp_path: Path
) -> None:
    config, layout = made
    config["training"]["seeds"] = [0, 1]
    evaluated(config, tmp_path, "conv", seed=1)
    expected = [("conv", (0,)), ("conv_bn", (0,))]
    write_comparison(layout.root, expected)
    found = looks_at_test(read_evidence(layout.root, expected))
    assert found is not None and found.now == 2
    assert [(one.variant, one.differs) for one in found.earlier] == [
        ("conv", ("a seed that is not compared now",))
    ]
    accuracy = BinaryTask().metric("accuracy")
    write_comparison(layout.root, expected, BinaryTask(), accuracy)
    found = looks_at_test(read_evidence(layout.root, expected, metric="accuracy"))
    assert found is not None and found.now == 0
    assert {one.differs[0] for one in found.earlier} == {"compare.metric auroc -> accuracy"}


def test_the_command_prints_a_table_for_a_paper_or_writes_it(
    made: tuple[dict[str, Any], Layout], tmp_path: Path
) -> None:
    asked = ["report", "--config", str(tmp_path / "config.yaml")]
    refused = CliRunner().invoke(cli, [*asked, "--format", "md"])
    assert "Run `bakeoff compare` first" in str(refused.exception)
    evidence_of(made[1], "conv", "conv_bn")
    printed = CliRunner().invoke(cli, [*asked, "--format", "md"], catch_exceptions=False)
    assert printed.output.startswith("| Variant | AUROC") and "| conv_bn |" in printed.output
    out = tmp_path / "table.tex"
    CliRunner().invoke(
        cli, [*asked, "--format", "latex", "--out", str(out)], catch_exceptions=False
    )
    assert "\\bottomrule" in out.read_text()
    assert CliRunner().invoke(cli, [*asked, "--out", str(out)]).exit_code == 2


def test_looks_at_another_test_split_are_counted_apart(
    made: tuple[dict[str, Any], Layout], tmp_path: Path
) -> None:
    config, layout = made
    file = tmp_path / "config.yaml"
    config["split"]["seed"] = 5
    file.write_text(yaml.safe_dump(config))
    for stage in (["split"], ["pack", "--size", "80"]):
        found = CliRunner().invoke(cli, [*stage, "--config", str(file)], catch_exceptions=False)
        assert found.exit_code == 0, found.output
    evaluated(config, tmp_path, "conv", "conv_bn")
    looked = looks_at_test(evidence_of(layout, "conv", "conv_bn"))
    assert looked is not None and looked.earlier == ()
    assert (looked.now, looked.elsewhere) == (2, 2)


def test_a_damaged_record_is_named_and_no_record_says_nothing(
    made: tuple[dict[str, Any], Layout],
) -> None:
    _, layout = made
    layout.looks.write_text('{"when": "today"}\n')
    evidence = evidence_of(layout, "conv", "conv_bn")
    assert looks_at_test(evidence) is None
    assert "looks.jsonl: cannot be read (line 1" in evidence.unread[0]
    layout.looks.unlink()
    assert looks_at_test(evidence_of(layout, "conv", "conv_bn")) is None


def test_training_and_packing_do_not_look_at_test_labels(
    made: tuple[dict[str, Any], Layout], tmp_path: Path
) -> None:
    """With other test labels the same weights come out; only the evaluation notices."""
    config, layout = made
    weights = layout.run("conv", 0).best.read_bytes()
    packed = (layout.packed(80) / "images.npy").read_bytes()
    table = layout.split("test").read_text()
    flipped = table.replace(",0\n", ",x\n").replace(",1\n", ",0\n").replace(",x\n", ",1\n")
    assert flipped != table
    layout.split("test").write_text(flipped)
    file = tmp_path / "config.yaml"
    for stage in (
        ["pack", "--size", "80"],
        ["train", "--variant", "conv", "--seed", "0", "--fresh"],
    ):
        found = CliRunner().invoke(cli, [*stage, "--config", str(file)], catch_exceptions=False)
        assert found.exit_code == 0, found.output
    assert layout.run("conv", 0).best.read_bytes() == weights
    assert (layout.packed(80) / "images.npy").read_bytes() == packed
    before = read_looks(layout.looks)[0]
    evaluated(config, tmp_path, "conv")
    after = read_looks(layout.looks)[-1]
    assert after.weights == before.weights and after.test != before.test
    assert after.test_figure == pytest.approx(1 - before.test_figure)
    assert after.val == before.val


def _look(arguments: tuple[Any, ...]) -> None:
    record_look(*arguments)


def test_two_processes_that_look_at_once_leave_whole_lines(
    made: tuple[dict[str, Any], Layout],
    prepare: Prepare,  # noqa: F811
) -> None:
    experiment, layout = Experiment.parse(made[0], "test"), made[1]
    looks = [(experiment, experiment.run("conv", 0), layout)] * 16
    before = len(read_looks(layout.looks))
    with ProcessPoolExecutor(4) as pool:
        list(pool.map(_look, looks))
    assert len(read_looks(layout.looks)) == before + 16
