"""The report of several classes, of findings, and by a metric of which less is better."""

import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import confusion_matrix, roc_auc_score

from bakeoff.evaluation.metrics import evaluate_predictions
from bakeoff.report import learning_curves
from bakeoff.report.comparison_table import comparison_table
from bakeoff.report.confusion import confusions
from bakeoff.report.diagnostics import diagnose, ranking, scores, thresholds
from bakeoff.report.each_class import each_class
from bakeoff.report.evidence import read_evidence
from bakeoff.report.figures import FIGURES, write_figures
from bakeoff.report.numbers import figure
from bakeoff.report.samples import choose_samples
from bakeoff.report.verdict import judge
from bakeoff.task.kinds import recorded_task
from tests.report.answers import change_scores, evidence_of
from tests.report.several import EXPECTED, FINDINGS, SEEDS
from tests.report.test_document import report_on

pytestmark = pytest.mark.slow(seconds=60)


@pytest.fixture(scope="session")
def page(made):
    pages = {}

    def show(name):
        if name not in pages:
            pages[name] = report_on(made(name), EXPECTED, command="snakemake")
        return pages[name]

    return show


@pytest.fixture
def copied(made, tmp_path):
    return lambda name: shutil.copytree(made(name), tmp_path / name)


def metrics_of(results, variant, seed):
    return json.loads((results / f"runs/{variant}/seed-{seed}/metrics.json").read_text())


def rescore(results, variant, change):
    """Change the scores of a variant's runs, columns of the task, and evaluate them again."""
    task = recorded_task(results / "splits/audit.json")
    for seed in SEEDS:
        run = results / f"runs/{variant}/seed-{seed}"
        for split in ("val", "test"):
            path = run / f"predictions/{split}.csv"
            frame = pd.read_csv(path)
            columns = list(task.score_columns)
            frame[columns] = change(frame[columns].to_numpy(), frame)
            frame.to_csv(path, index=False)
        evaluate_predictions(run, task)


@pytest.mark.parametrize(
    ("name", "metric", "words"),
    [
        ("three", "accuracy", "accuracy"),
        ("twelve", "accuracy", "accuracy"),
        ("findings", "macro_auroc", "macro AUROC"),
        ("log_loss", "log_loss", "log loss"),
    ],
)
def test_the_page_speaks_of_the_metric_that_variants_are_compared_by(
    page, made, name, metric, words
):
    table = pd.read_csv(made(name) / "comparison.csv").set_index("variant")
    best = table.iloc[0]
    shown, html = page(name)
    mean = figure(best[f"test_{metric}_mean"])
    assert f"{best.name} leads on test with a mean {words} of {mean} over 2 seeds" in shown.text
    assert (
        f"looks at no image ({words} {figure(table.loc['metadata', f'test_{metric}_mean'])})"
        in (shown.text)
    )
    head = words[0].upper() + words[1:]
    assert f"{head} 95 % interval The best?" in shown.text and f"{head} on validation" in shown.text
    assert f"best validation {words}" in shown.text
    assert any(alt.startswith(f"Test {words} by variant") for alt in shown.alts)
    drawn = re.findall(r">([^<]* on test[^<]*)</text>", html)
    assert f"{words} on test" in {text.removesuffix(" (lower is better)") for text in drawn}
    verdict = shown.text[: shown.text.index("What to ask about")]
    assert ("AUROC" in verdict) == ("AUROC" in words)
    assert "isease" not in html and "nan" not in shown.text.lower().split()
    assert len(shown.ids) == len(set(shown.ids)) and all(shown.alts)


def test_where_less_is_better_the_least_leads_and_beats_the_baselines(made):
    evidence = read_evidence(made("log_loss"), EXPECTED)
    table = pd.read_csv(made("log_loss") / "comparison.csv").set_index("variant")
    means = table["test_log_loss_mean"]
    best, second = means.index[:2]
    assert means[best] < means[second] < means["metadata"]
    verdict = judge(evidence)
    words = " ".join(verdict.sentences)
    conclusion = evidence.conclusion
    assert [one.name for one in conclusion.contenders] == [best, second]
    assert conclusion.pairs[0].difference == pytest.approx(means[second] - means[best])
    assert best in conclusion.best
    lead = means[second] - means[best]
    assert f"{figure(lead)} ahead of {second} (paired interval " in words
    told = {pair.first: pair.difference for pair in conclusion.baseline}
    for variant in (best, second):
        assert told[variant] == pytest.approx(means["metadata"] - means[variant])
    validation = table.loc[[best, second], "val_log_loss_mean"].idxmin()
    assert (validation == best) == (f"chooses {best}, too: take it" in words)
    assert evidence.best_run(evidence.variants[best]).seed == min(
        SEEDS, key=lambda seed: metrics_of(made("log_loss"), best, seed)["val"]["log_loss"]
    )


def test_where_less_is_better_what_is_behind_the_baseline_is_the_headline(copied):
    results = copied("log_loss")
    for variant in ("broad", "narrow"):
        for seed in SEEDS:
            change_scores(results / f"runs/{variant}/seed-{seed}", lambda frame: 1 - frame["score"])
    verdict = judge(evidence_of(results, EXPECTED, "log_loss"))
    assert verdict.headline == "No variant beats the metadata baseline"
    assert " behind the metadata baseline, which looks at no image (log loss " in " ".join(
        verdict.sentences
    )


def test_a_tie_is_at_the_metric_in_words(copied):
    results = copied("three")
    for seed in SEEDS:
        for split in ("val", "test"):
            path = f"seed-{seed}/predictions/{split}.csv"
            shutil.copy(results / "runs/broad" / path, results / "runs/narrow" / path)
        evaluate_predictions(
            results / f"runs/narrow/seed-{seed}", recorded_task(results / "splits/audit.json")
        )
    evidence = evidence_of(results, EXPECTED)
    mean = evidence.comparison["test_accuracy_mean"][0]
    assert judge(evidence).headline == f"narrow and broad tie at an accuracy of {mean:.3f}"


def test_the_second_table_has_the_tasks_other_metrics(made, page):
    heads = {
        name: [m.head for m in comparison_table(read_evidence(made(name), EXPECTED)).others]
        for name in ("three", "twelve", "findings", "log_loss")
    }
    three = ["Balanced accuracy", "Macro AUROC", "Macro F1", "Log loss"]
    assert heads["three"] == three
    assert heads["twelve"] == [*three, "Top-5 accuracy"]
    assert heads["findings"] == [
        "Macro average precision",
        "Macro balanced accuracy",
        "Accuracy over all labels",
        "Log loss",
    ]
    assert heads["log_loss"] == [
        "AUROC", "Accuracy", "Balanced accuracy", "Sensitivity", "Specificity", "PR-AUC", "Brier",
    ]  # fmt: skip
    assert "Log loss and Brier: lower is better. A positive difference is for the worse." in (
        page("log_loss")[0].text
    )
    assert "Log loss: lower is better. An image is called what" in page("three")[0].text
    assert "positive difference" not in page("three")[0].text


@pytest.mark.parametrize("name", ["three", "findings"])
def test_each_class_or_finding_has_its_figures_with_intervals(made, page, name):
    results = made(name)
    evidence = read_evidence(results, EXPECTED)
    best = next(iter(dict(evidence.finished())))
    each = each_class(evidence)
    macro = metrics_of(results, best, each.run.seed)["test"]
    shown, _ = page(name)
    task = evidence.task
    assert [row.name for row in each.rows] == [n for n in task.scored if n not in macro["left_out"]]
    for row in each.rows:
        own = macro["classes"][row.name]
        ends = own["intervals"]["auroc"]
        told = row.figures[0][1] if ends is None else f"{ends[0]:.3f} to {ends[1]:.3f}"
        assert f"{row.name} {own['n']} {own['auroc']:.3f} {told} " in shown.text
        by_hand = []
        for run in evidence.variants["narrow"]:
            (view,) = [
                view
                for view in task.one_vs_rest(run.test.labels, run.test.scores)
                if view.name == row.name
            ]
            by_hand.append(roc_auc_score(view.labels, view.scores))
        assert row.variants[each.variants.index("narrow")] == f"{np.mean(by_hand):.3f}"
    low, high = macro["intervals"]["macro_auroc"]
    assert f"mean {macro['macro_auroc']:.3f} {low:.3f} to {high:.3f}" in shown.text
    noun = task.label_noun
    assert f"{best}, the leader on test, each {noun}" in shown.text
    assert "best variant" not in shown.text
    assert any(alt.startswith(f"Test AUROC of each {noun} in {best}, seed") for alt in shown.alts)
    panels = [alt for alt in shown.alts if alt.startswith("ROC curves of ")]
    assert len(panels) == len(each.rows)


def test_a_finding_that_no_test_image_has_is_left_out_by_name(made, page):
    splits = json.loads((made("findings") / "splits/audit.json").read_text())["splits"]
    assert splits["train"]["counts"]["Torn"] == 1
    assert "Left out of the figures and their means: Torn (too few: no test image is of it)." in (
        page("findings")[0].text
    )
    assert "Left out" not in page("three")[0].text


def test_the_confusion_of_each_variant_counts_every_seed(made, page):
    evidence = read_evidence(made("twelve"), EXPECTED)
    names = evidence.task.classes
    shown, html = page("twelve")
    found = confusions(evidence)
    assert [one.variant for one in found] == [name for name, _ in evidence.finished()]
    for own, (_, runs) in zip(found, evidence.finished(), strict=True):
        counted = sum(
            confusion_matrix(run.test.labels, run.test.scores.argmax(axis=1), labels=range(12))
            for run in runs
        )
        assert own.counts == counted.tolist() and own.seeds == 2
        np.fill_diagonal(counted, 0)
        label, called = np.unravel_index(counted.argmax(), counted.shape)
        assert own.most[0] == f"{names[label]} called {names[called]} ({counted.max()})"
        assert f"Most often confused: {own.most[0]}" in shown.text
        assert f'aria-label="Confusion matrix of {own.variant}"' in html
    assert html.count('class="right"') == 2 * 12
    assert "<summary>What the other variant calls them</summary>" in html
    assert confusions(read_evidence(made("findings"), EXPECTED)) == []
    for name in ("findings", "log_loss"):
        assert "Most often confused" not in page(name)[0].text


def test_the_audit_counts_every_class_or_finding_in_every_split(page, made):
    for name in ("three", "findings"):
        splits = json.loads((made(name) / "splits/audit.json").read_text())["splits"]
        shown, _ = page(name)
        for label in splits["test"]["counts"]:
            counts = [part["counts"][label] for part in splits.values()]
            shares = [counts[at] / part["rows"] for at, part in enumerate(splits.values())]
            cells = [f"{n} {100 * s:.1f} %" for n, s in zip(counts, shares, strict=True)]
            if name == "findings":
                assert f"{label} {' '.join(cells)}" in shown.text
            else:
                assert all(cell in shown.text for cell in cells)
    assert "The classes: one, two, zero." in page("three")[0].text
    assert "or none (No Finding)." in page("findings")[0].text


def test_samples_are_the_surest_right_and_wrong_ones_of_each_class(made, page):
    results = made("three")
    samples = choose_samples(read_evidence(results, EXPECTED))
    run = samples.run.folder
    test = pd.read_csv(run / "predictions/test.csv", dtype={"label": str})
    columns = ["score_one", "score_two", "score_zero"]
    test["called"] = test[columns].idxmax(axis=1).str.removeprefix("score_")
    assert [group.title for group in samples.groups] == ["called one", "called two", "called zero"]
    shown, _ = page("three")
    for group, name in zip(samples.groups, ("one", "two", "zero"), strict=True):
        called = test[test["called"] == name].sort_values(f"score_{name}", ascending=False)
        right, wrong = called[called["label"] == name], called[called["label"] != name]
        expected = [*right["Image Index"][:2], *wrong["Image Index"][:2]]
        assert [sample.name for sample in group.samples] == expected
        for sample in group.samples:
            label = test.set_index("Image Index").loc[sample.name, "label"]
            assert sample.said == f"called {name}, is {label}"
            assert sample.wrong == (label != name)
            assert sample.pixels.shape == (16, 16, 3) and np.ptp(sample.pixels, axis=2).max() > 60
            assert f"{sample.score:.3f} {sample.said} {sample.name}" in shown.text


def test_samples_of_findings_show_where_each_was_called_and_missed(made):
    evidence = read_evidence(made("findings"), EXPECTED)
    samples = choose_samples(evidence)
    assert [group.title for group in samples.groups] == list(FINDINGS)
    cut = evidence.thresholds_of(samples.run)
    assert set(cut) == set(FINDINGS)
    for group in samples.groups:
        for sample in group.samples:
            assert sample.said.startswith("called") == (sample.score >= cut[group.title])
            has = group.title in sample.said.partition("has ")[2].split(", ")
            assert sample.wrong == (has != sample.said.startswith("called"))


def test_the_panel_beside_the_loss_is_the_metric_that_epochs_have(made):
    titles = {
        name: [
            panel.title
            for panel in learning_curves.common_range(read_evidence(made(name), EXPECTED)).panels
        ]
        for name in ("three", "findings", "log_loss")
    }
    assert titles == {
        "three": ["Loss", "Accuracy"],
        "findings": ["Loss", "Macro AUROC"],
        "log_loss": ["Loss", "AUROC"],
    }


def test_a_column_that_only_validation_has_is_drawn_where_variants_are_compared_by_it(copied):
    results = copied("log_loss")
    for path in results.glob("runs/*/*/history.csv"):
        history = pd.read_csv(path)
        history.assign(val_log_loss=history["val_loss"]).to_csv(path, index=False)
    evidence = read_evidence(results, EXPECTED)
    within = learning_curves.common_range(evidence)
    assert within.panels[1].title == "Log loss" and within.metric[0] == 0.0
    (axes,) = learning_curves.draw_variant(evidence.variants["broad"], within)[1].axes
    values = evidence.variants["broad"][0].history["val_log_loss"]
    assert any(np.array_equal(line.get_ydata(), values) for line in axes.lines)
    assert [text.get_text() for text in axes.texts] == ["val"]


def test_figures_keep_their_names_and_say_what_they_show(made, tmp_path):
    for name, words in (("three", "accuracy on test"), ("log_loss", "log loss on test (lower")):
        results = shutil.copytree(made(name), tmp_path / name)
        paths = write_figures(results, EXPECTED)
        assert [path.name for path in paths] == list(FIGURES)
        assert words in paths[0].read_text(encoding="utf-8")
    assert "seven" not in paths[2].read_text(encoding="utf-8")


# Diagnostics


def seen_in(evidence):
    return " ".join(one.seen for one in diagnose(evidence).found)


def test_rules_that_make_no_sense_for_a_task_are_not_looked_for(made):
    absent = {
        name: diagnose(read_evidence(made(name), EXPECTED)).absent for name in ("three", "log_loss")
    }
    named = {name: " ".join(found) for name, found in absent.items()}
    assert "thresholds that differ" not in named["three"]
    assert "a perfect accuracy" in named["three"]
    assert "a perfect log loss" in named["log_loss"]


def test_one_class_called_for_all_is_named(copied):
    results = copied("three")
    rescore(results, "narrow", lambda scores, _: np.tile([0.2, 0.5, 0.3], (len(scores), 1)))
    (found,) = thresholds.one_class(evidence_of(results, EXPECTED))
    assert found.seen == (
        "Every test image is called the same: narrow (seed 0: all two, seed 1: all two)."
    )
    assert "threshold" not in found.seen + found.meaning + found.advice


def test_guessing_is_told_by_the_ranking_where_nobody_knows_what_guessing_has(copied, made):
    results = copied("three")
    generator = np.random.default_rng(0)
    rescore(results, "narrow", lambda scores, _: generator.dirichlet([1, 1, 1], len(scores)))
    (found,) = ranking.guessing(evidence_of(results, EXPECTED))
    mean = np.mean([metrics_of(results, "narrow", s)["test"]["macro_auroc"] for s in SEEDS])
    assert f"Not told from guessing on test (macro AUROC, 95 % interval): narrow ({mean:.3f}, " in (
        found.seen
    )
    low, _, high = found.seen.rpartition(", ")[2].partition(")")[0].partition(" to ")
    assert 0 < float(low) < mean < float(high) < 1
    assert ranking.guessing(read_evidence(made("three"), EXPECTED)) == []


def test_a_gap_to_validation_is_told_in_the_metrics_direction(copied):
    results = copied("log_loss")
    for seed in SEEDS:  # test alone is spoilt
        run = results / f"runs/narrow/seed-{seed}"
        change_scores(run, lambda frame: frame["score"].clip(0.2, 0.8))
        change_scores(run, lambda frame: 1 - frame["score"], splits=["test"])
    (found,) = ranking.validation_gap(evidence_of(results, EXPECTED, "log_loss"))
    assert found.seen.startswith("Log loss on validation below that on test by more than chance")
    assert "narrow (" in found.seen and "Believe test" in found.advice


def test_scores_worse_than_the_shares_of_train_are_told_by_the_log_loss(copied):
    results = copied("three")
    rescore(
        results,
        "narrow",
        lambda scores, _: np.eye(3)[scores.argmax(axis=1)] * 0.998 + 0.001 * (1 - np.eye(3))[0],
    )
    (found,) = scores.uncalibrated(evidence_of(results, EXPECTED))
    assert found.seen.startswith("A log loss worse than the majority baseline's ")
    assert "say each class's share of train each time" in found.meaning


def test_a_finding_whose_scores_are_no_probabilities_is_named(copied):
    results = copied("findings")

    def lift(scores, frame):
        lifted = scores.copy()
        lifted[:, 0] = scores[:, 0] ** 0.05
        return lifted

    rescore(results, "broad", lift)
    (found,) = scores.miscalibrated(evidence_of(results, EXPECTED))
    assert "off the share of its finding by more than chance" in found.seen
    assert re.search(r"broad \(seed \d: 0\.\d\d for Even, 0\.\d\d\)", found.seen)


def test_scores_that_hardly_move_name_the_class_that_moves_most(copied):
    results = copied("three")
    rescore(results, "broad", lambda scores, _: (scores * [1, 0.1, 0.1] / 50 + 1) / 3)
    (found,) = scores.constant(evidence_of(results, EXPECTED))
    assert re.search(
        r"broad \(in 2 of 2 seeds, 95 % of them from 0\.33\d to 0\.34\d for one\)", found.seen
    )


def test_a_results_folder_of_another_metric_or_none_is_no_error(copied):
    results = copied("three")
    path = results / "comparison.csv"
    table = pd.read_csv(path)
    table.assign(metric="auroc").to_csv(path, index=False)
    evidence = read_evidence(results, EXPECTED)
    assert "'auroc' is no metric of a multiclass task" in evidence.unread[0]
    assert judge(evidence).headline == "No verdict yet"
    path.unlink()
    assert read_evidence(results, EXPECTED, metric="macro_f1").metric.name == "macro_f1"
    report_on(results, EXPECTED)


def test_an_audit_that_cannot_be_read_leaves_the_task_to_the_runs(copied):
    results = copied("findings")
    (results / "splits/audit.json").write_text("{")
    evidence = read_evidence(results, EXPECTED)
    assert evidence.task.scored == tuple(FINDINGS)
    assert len(list(evidence.finished())) == 2
    shown, _ = report_on(results, EXPECTED)
    assert "splits/audit.json: cannot be read" in shown.text


def test_before_the_classes_are_known_the_report_says_that_there_is_nothing_yet(tmp_path):
    planned = {name: {"task": {"kind": "multiclass"}, "data": {}} for name, _ in EXPECTED}
    shown, _ = report_on(tmp_path, EXPECTED, planned=planned, metric="macro_f1")
    assert "No verdict yet" in shown.text and "best validation macro F1" not in shown.text
    assert "No run has predictions." in shown.text
    assert read_evidence(tmp_path, EXPECTED, planned, "macro_f1").metric.title == "macro F1"
