"""The overview of several splits: its first sentence, and a page whose numbers are in report.json."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from bakeoff.config.schema.split import SeveralWays
from bakeoff.errors import EvaluationError
from bakeoff.evaluation.several.overview import write_overview
from bakeoff.report.several.document import write_overview_report
from bakeoff.task.binary import BinaryTask
from bakeoff.task.classification import Metric
from tests.evaluation.several.results import ALONE, SHARED, write_part

TASK = BinaryTask()
pytestmark = pytest.mark.slow(seconds=2)

FAR = {"conv_bn": [3.0, 3.1, 3.2], "conv": [0.3, 0.4, 0.2]}
LEVEL = {"conv_bn": [1.0, 1.1, 0.9], "conv": [1.0, 0.9, 1.1]}


def reported(
    root: Path,
    several: SeveralWays,
    names: tuple[str, ...],
    gaps: dict[str, list[float]],
    metric: Metric | None = None,
) -> tuple[dict, str]:
    """report.json and the page of parts with those gaps, the second of which leaks."""
    metric = metric or TASK.metric()
    parts = []
    for at, name in enumerate(names):
        overlap = SHARED if at else ALONE
        expected = write_part(root / name, gaps, np.arange(60) + 20 * at, at, overlap, metric)
        parts.append((name, root / name, expected))
    write_overview(root, several, parts, TASK, metric)
    write_overview_report(root, "lab5", metric, "snakemake --configfile lab5.yaml")
    page = (root / "report.html").read_text()
    return json.loads((root / "report.json").read_text()), page.replace("<wbr>", "")


def test_the_first_sentence_says_which_helped_and_what_the_leak_was_worth(tmp_path: Path) -> None:
    report, page = reported(tmp_path, "designs", ("patients", "rows"), FAR)
    gap = r"[+−]\d\.\d{3}"
    assert re.fullmatch(
        rf"conv_bn is better than conv on split patients: {gap} in AUROC \({gap} to {gap}\); "
        rf"the leak of split rows was worth {gap} \({gap} to {gap}\)",
        report["headline"],
    )
    assert f"<h1>{report['headline']}</h1>" in page
    told = " ".join(report["sentences"])
    assert "On split rows conv_bn is better than conv: " in told
    assert (
        "25 % are of patients that are trained on as well, of those of split patients none" in told
    )
    for name in ("patients", "rows"):
        assert f'href="{name}/report.html"' in page


def test_what_cannot_be_told_is_said_so(tmp_path: Path) -> None:
    report, _ = reported(tmp_path, "designs", ("patients", "rows"), LEVEL)
    assert report["headline"].startswith("Whether conv")
    assert "is better cannot be told on split patients" in report["headline"]


def test_over_repeats_the_interval_is_the_corrected_one(tmp_path: Path) -> None:
    names = ("repeat-1", "repeat-2", "repeat-3", "repeat-4")
    report, page = reported(tmp_path, "repeats", names, FAR)
    assert report["headline"].startswith("conv_bn is better than conv over 4 repeats: +")
    pair = report["resplits"]["pairs"][0]
    assert f"(+{pair['low']:.3f} to +{pair['high']:.3f})" in report["headline"]
    assert "1/4 + 0.33" in report["sentences"][0] and "corrected for repeats that overlap" in page


@pytest.mark.parametrize("several", ["designs", "folds"])
def test_every_number_of_the_page_is_in_report_json(tmp_path: Path, several: SeveralWays) -> None:
    names = {"designs": ("patients", "rows"), "folds": ("fold-1", "fold-2", "fold-3")}[several]
    report, page = reported(tmp_path, several, names, FAR)
    body = re.sub(r"<(style|script|pre|svg).*?</\1>", "", page, flags=re.S)
    known = {f"{abs(value):.3f}" for value in numbers(report)} | {"0.000"}
    shown = re.findall(r"(?<![\d.])\d\.\d{3}(?!\d)", re.sub(r"<[^>]+>", " ", body))
    assert len(shown) > 20 and not [one for one in shown if one not in known and one != "0.001"]


def test_of_a_loss_a_negative_difference_is_for_the_better(tmp_path: Path) -> None:
    report, _ = reported(tmp_path, "repeats", ("repeat-1", "repeat-2"), FAR, TASK.metric("brier"))
    assert " in Brier score" in report["headline"] and ": −" in report["headline"]
    assert [one["name"] for one in report["resplits"]["variants"]] == ["conv_bn", "conv"]


def test_single_seeds_compare_trained_models(tmp_path: Path) -> None:
    single = {name: gaps[:1] for name, gaps in FAR.items()}
    report, _ = reported(tmp_path, "designs", ("patients", "rows"), single)
    assert report["headline"].startswith("Of these trained models: conv_bn is better than conv")
    assert any("trained models, not variants" in one for one in report["sentences"])


def test_three_variants_are_a_set(tmp_path: Path) -> None:
    three = {**FAR, "vit": [3.1, 3.0, 3.2]}
    report, _ = reported(tmp_path, "designs", ("patients", "rows"), three)
    assert re.match(r"The best is (conv_bn or vit|vit or conv_bn): which", report["headline"])
    assert "conv is worse; the leak of split rows was worth" in report["headline"]


def test_without_an_overview_it_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(
        EvaluationError, match=r"overview.json: is not there. Run `bakeoff compare`"
    ):
        write_overview_report(tmp_path, "lab5", TASK.metric(), "")
    (tmp_path / "overview.json").write_text("{}")
    with pytest.raises(EvaluationError, match=r"overview.json: cannot be read"):
        write_overview_report(tmp_path, "lab5", TASK.metric(), "")


def numbers(value: object) -> list[float]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [number for one in value for number in numbers(one)]
    return [float(value)] if isinstance(value, int | float) and not isinstance(value, bool) else []
