"""The model card says what the results say of the variant to take, and invents nothing."""

import json
from dataclasses import replace

import pandas as pd
import pytest

from bakeoff.evaluation.comparison import write_comparison
from bakeoff.report.diagnostics import Diagnostic
from bakeoff.report.document import sections, write_report
from bakeoff.report.model_card import model_card
from tests.report.answers import BOTH, blur, change_scores, evidence_of
from tests.report.digits import EXPECTED
from tests.report.several import EXPECTED as SEVERAL

SECTIONS = [
    "Model details",
    "Intended use",
    "Factors",
    "Metrics",
    "Evaluation data",
    "Training data",
    "Quantitative analyses",
    "Ethical considerations",
    "Caveats and recommendations",
]


def card_of(results, expected, out):
    write_report(results, out / "report.html", expected)
    return (out / "model_card.md").read_text()


def test_it_is_of_the_variant_that_validation_chooses(bakeoff, tmp_path):
    for seed in (0, 1):
        change_scores(bakeoff / "runs" / "broad" / f"seed-{seed}", blur(0.5), splits=["val"])
    write_comparison(bakeoff, BOTH)
    text = card_of(bakeoff, BOTH, tmp_path)
    assert text.startswith("# Model card: narrow, of the bake-off digits\n")
    assert [line[3:] for line in text.splitlines() if line.startswith("## ")] == SECTIONS
    row = pd.read_csv(bakeoff / "comparison.csv").set_index("variant").loc["narrow"]
    between = f"{row['test_auroc_low']:.3f} to {row['test_auroc_high']:.3f}"
    assert f"| AUROC | {row['test_auroc_mean']:.3f} | {between} |" in text
    assert "75 test images of 25 patients, held out." in text
    assert "- train: 150 images of 50 patients." in text
    assert "chosen by validation among 2" in text
    assert text.count("write it here") == 2


def test_every_metric_that_has_an_interval_on_the_page_has_it_there(bakeoff, tmp_path):
    evidence_of(bakeoff, BOTH)
    text = card_of(bakeoff, BOTH, tmp_path)
    content = json.loads((tmp_path / "report.json").read_text())
    name = content["conclusion"]["choice"]["validation"]
    for low, high in content["intervals_of_other_metrics"][name].values():
        assert f"| {low:.3f} to {high:.3f} |" in text


def test_a_caveat_is_of_the_variant_that_it_names(bakeoff):
    evidence = evidence_of(bakeoff, BOTH)
    contents = sections(evidence)
    name = evidence.conclusion.choice.validation
    found = [
        Diagnostic(f"Seen of {text}.", "", "")
        for text in (f"{name}_bn", f"x-{name} (0.5)", f"{name}.2 and more", name, f"{name} (0.5)")
    ]
    contents["diagnostics"] = replace(contents["diagnostics"], found=found)
    said = [one for one in model_card(evidence, contents).caveats if one.startswith("Seen of")]
    assert said == [f"Seen of {name}.", f"Seen of {name} (0.5)."]


def test_what_limits_the_figures_is_a_caveat(bakeoff, tmp_path):
    path = bakeoff / "splits" / "audit.json"
    audit = json.loads(path.read_text())
    audit["split"] |= {"given": "fold", "allow_leaks": True}
    path.write_text(json.dumps({**audit, "leaks": ["12 of 75 test rows are of patients in train"]}))
    for run in bakeoff.rglob("run.json"):
        record = json.loads(run.read_text())
        record["config"]["data"] |= {"source": "synthetic"}
        run.write_text(json.dumps(record))
    text = card_of(bakeoff, EXPECTED, tmp_path)
    assert "- A program drew the images" in text
    assert "- The split leaks: 12 of 75 test rows are of patients in train." in text


@pytest.mark.parametrize("name", ["three", "findings"])
@pytest.mark.slow(seconds=5)
def test_every_kind_of_task_has_one(name, made, tmp_path):
    text = card_of(made(name), SEVERAL, tmp_path)
    assert "# Model card: " in text and "nan" not in text.lower().split()
    assert not any(brace in text for brace in ("{{", "{%", "None"))


def test_without_a_conclusion_it_says_that_there_is_none(bakeoff, tmp_path):
    evidence_of(bakeoff)
    (bakeoff / "conclusion.json").write_text("null")
    assert "There is none yet" in card_of(bakeoff, BOTH, tmp_path)
