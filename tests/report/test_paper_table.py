import io
import re

import pandas as pd
import pytest

from bakeoff.errors import EvaluationError
from bakeoff.evaluation.comparison import write_comparison
from bakeoff.report.evidence import read_evidence
from bakeoff.report.paper_table import paper_table
from tests.report.answers import BOTH, evidence_of
from tests.report.several import EXPECTED as SEVERAL


def test_markdown_has_a_row_per_variant_and_a_caption_that_says_how(bakeoff):
    evidence = evidence_of(bakeoff)
    lines = paper_table(evidence, "md").splitlines()
    table = pd.read_csv(bakeoff / "comparison.csv").set_index("variant")
    assert lines[0].startswith("| Variant | AUROC (95 % interval) | Seeds | Group |")
    first, second = table.loc["broad"], table.loc["narrow"]
    assert lines[2].startswith(
        f"| broad | {first['test_auroc_mean']:.3f} ({first['test_auroc_low']:.3f} to "
        f"{first['test_auroc_high']:.3f}) | 2 | a | – | – |"
    )
    p = evidence.conclusion.pairs[0].p
    assert f"| {second['difference_to_best']:.3f} | {p:.3f} |".replace("-", "−") in lines[3]
    assert len(lines) == 6 and "75 test images of 25 patients" in lines[5]
    assert "this test set cannot tell which" in lines[5]


def test_of_single_seeds_the_caption_speaks_of_trained_models(bakeoff):
    assert ", means over seeds; " in paper_table(evidence_of(bakeoff), "md")
    text = paper_table(evidence_of(bakeoff, [("broad", (0,)), ("narrow", (1,))]), "md")
    assert "means over seeds" not in text
    assert "Of these trained models the best is broad" in text


def test_latex_escapes_names_and_has_as_many_cells_in_every_row(bakeoff):
    folder = bakeoff / "runs"
    (folder / "narrow").rename(folder / "odd_50%&more")
    write_comparison(bakeoff, expected := [("odd_50%&more", (0, 1)), ("broad", (0, 1))])
    text = paper_table(read_evidence(bakeoff, expected), "latex")
    assert "odd\\_50\\%\\&more" in text and "\\begin{tabular}{lrrrrrr}" in text
    rows = [line for line in text.splitlines() if line.endswith("\\\\")]
    assert len(rows) == 3
    assert {len(re.findall(r"(?<!\\)&", row)) for row in rows} == {6}
    assert not re.search(r"(?<!\\)[%#_](?! needs)", text.replace("% needs", "", 1))


def test_csv_has_the_numbers_in_full(bakeoff):
    evidence = evidence_of(bakeoff)
    table = pd.read_csv(io.StringIO(paper_table(evidence, "csv")))
    whole = pd.read_csv(bakeoff / "comparison.csv")[:2]
    assert list(table["variant"]) == ["broad", "narrow"]
    assert table["auroc"].to_numpy() == pytest.approx(
        whole["test_auroc_mean"].to_numpy(), abs=1e-15
    )
    assert table["p_to_best"][1] == evidence.conclusion.pairs[0].p
    assert table["difference_to_best"].isna()[0] and table["seeds"].tolist() == [2, 2]


@pytest.mark.slow(seconds=5)
def test_the_table_speaks_of_the_metric_and_its_direction(made):
    text = paper_table(read_evidence(made("log_loss"), SEVERAL), "md")
    assert "| Log loss (95 % interval) |" in text and "(lower is better)" in text


def test_without_a_comparison_it_says_what_to_run(bakeoff):
    (bakeoff / "conclusion.json").unlink()
    with pytest.raises(EvaluationError, match="Run `bakeoff compare` first"):
        paper_table(read_evidence(bakeoff, BOTH), "md")
