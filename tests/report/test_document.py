import json
import re
import shutil
from datetime import UTC, datetime
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from bakeoff.data.splits import write_splits
from bakeoff.evaluation.comparison import write_comparison
from bakeoff.report import numbers
from bakeoff.report.document import write_report
from bakeoff.report.figures import write_figures
from bakeoff.report.tracked import tracked
from bakeoff.tracking.mlflow.address import Address
from tests.report.digits import EXPECTED, SPLIT, data_in

pytestmark = pytest.mark.slow(seconds=60)

VOID = {"meta", "img", "br", "hr", "link", "input", "wbr"}
SECTIONS = ("comparison", "learning", "roc", "audit", "samples", "looks", "missing", "origin")


class Page(HTMLParser):
    """Reads a page strictly: every element closed in order; keeps text, attributes and ids."""

    def __init__(self, html):
        super().__init__()
        self.open, self.ids, self.resources, self.alts, self.words = [], [], [], [], []
        self.tags = []
        self.feed(html.replace("<wbr>", ""))
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag, attributes):
        self._note(tag, dict(attributes))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self._note(tag, dict(attributes))

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open[-1] == tag, f"</{tag}> closes <{self.open[-1]}>"
        self.open.pop()

    def handle_data(self, data):
        if not self.open or self.open[-1] != "style":
            self.words.append(data)

    def _note(self, tag, attributes):
        self.tags.append(tag)
        self.ids += [attributes["id"]] if "id" in attributes else []
        self.resources += [attributes[key] for key in ("src", "href") if key in attributes]
        if tag == "img":
            self.alts.append(attributes.get("alt"))
        if tag == "svg":
            self.alts.append(attributes.get("aria-label"))

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


def report_on(results, expected=EXPECTED, **more):
    out = results / "report.html"
    write_report(results, out, expected, **more)
    html = out.read_text(encoding="utf-8")
    return Page(html), html


@pytest.fixture(scope="module")
def whole(finished_bakeoff):
    return report_on(finished_bakeoff, command="snakemake --configfile config/digits.yaml")


def test_the_report_is_well_formed_and_every_id_is_used_once(whole):
    page, _ = whole
    assert len(page.ids) == len(set(page.ids))
    assert set(SECTIONS) <= set(page.ids)


def test_the_report_needs_no_other_file_and_no_network(whole):
    page, html = whole
    assert "http" not in html
    assert page.tags.count("script") == 1  # our own, that sorts tables
    assert "link" not in page.tags
    assert "@import" not in html
    beside = {"report.json", "model_card.md"}  # linked, not needed
    shown = [address for address in page.resources if address not in beside]
    assert all(address.startswith(("#", "data:image/jpeg;base64,")) for address in shown)
    inside = {address[1:] for address in page.resources if address.startswith("#")}
    assert inside <= set(page.ids)
    assert set(re.findall(r"url\(#([^)]*)\)", html)) <= set(page.ids)


def test_nothing_says_of_a_single_table_that_it_is_too_wide(whole):
    """Which of them is depends on names, numbers and the screen; a shadow shows it."""
    _, html = whole
    assert html.count("scrolls sideways") == 1 and "scroll sideways" not in html


def test_every_picture_is_described(whole):
    page, _ = whole
    assert len(page.alts) >= 2 + 2 + 2 + 8
    assert all(page.alts)
    assert any(alt.startswith("Test AUROC by variant, each seed a dot") for alt in page.alts)


def test_the_table_shows_the_comparison_rounded(whole, finished_bakeoff):
    page, _ = whole
    table = pd.read_csv(finished_bakeoff / "comparison.csv").set_index("variant")
    for name in ("broad", "narrow", "metadata"):
        row = table.loc[name]
        assert f"{row['test_auroc_mean']:.3f}" in page.text
        assert f"{row['test_auroc_low']:.3f} to {row['test_auroc_high']:.3f}" in page.text
        assert f"{row['test_brier_mean']:.3f}" in page.text
    assert "nan" not in page.text.lower().split()


def test_what_is_missing_is_named_with_the_end_of_its_log(whole):
    page, _ = whole
    assert "2 of 6 runs have no result" in page.text
    assert "ghost, seed 0 : training did not finish an epoch" in page.text
    assert "out of memory: asked for <2 GiB> & more" in page.text
    assert "runs/ghost/seed-0/train.log" in page.text
    assert "ghost, seed 1 : never started" in page.text
    assert "seeds 0, 1 missing" in page.text


def test_the_report_says_how_it_was_made(whole):
    page, _ = whole
    assert "git checkout f6ccff5d2a snakemake --configfile config/digits.yaml" in page.text
    assert "Not in the commit, and needed: changes of tracked files." in page.text
    assert "f6ccff5d2a with uncommitted changes" in page.text
    assert "options.components" in page.text  # where the variants differ
    assert "bakeoff train --variant broad --seed 1" in page.text
    assert "logistic regression on ap_view, without any image" in page.text


def test_the_classes_are_called_by_the_tables_own_labels_everywhere(whole, bakeoff):
    page, html = whole
    assert "isease" not in html
    assert "The classes: odd (1) and even (0)." in page.text
    assert "the estimated probability of odd; it calls odd from" in page.text
    samples = write_figures(bakeoff, EXPECTED)
    assert not any("isease" in path.read_text() for path in samples[:3])


def test_what_the_audit_warns_of_calls_the_classes_as_the_table_does(
    finished_bakeoff, bakeoff, tmp_path
):
    drifting = SPLIT.model_copy(update={"stratify": False, "group_by": None, "seed": 1})
    data = data_in(finished_bakeoff.parents[1] / "data")
    write_splits(data, drifting, tmp_path / "splits", workers=1)
    shutil.copy(tmp_path / "splits/audit.json", bakeoff / "splits/audit.json")
    page, html = report_on(bakeoff)
    assert re.search(r"the share of odd is [\d.]+% in \w+ but [\d.]+% in \w+", page.text)
    assert "isease" not in html


def test_data_that_a_program_made_is_called_synthetic_at_the_top(whole, bakeoff, tmp_path):
    assert "ynthetic" not in whole[0].text
    folder = tmp_path / "phantoms"
    folder.mkdir()
    (folder / "synthesis.json").write_text("{}")
    for data in (
        {"source": "synthetic"},
        {"source": "files", "labels": f"{folder}/labels.csv"},
        {"source": "files", "labels": None, "images": str(folder), "layout": "folders"},
    ):
        for path in bakeoff.rglob("run.json"):
            record = json.loads(path.read_text())
            record["config"]["data"] = data
            path.write_text(json.dumps(record))
        page, _ = report_on(bakeoff)
        assert page.text.index("Synthetic images") < page.text.index("leads on test")
        assert "they say nothing about medicine" in page.text


def test_the_page_says_when_it_was_written_and_its_runs_trained(whole, bakeoff):
    assert "Trained 26 November 2026, 16:40 to 17:01 UTC." in whole[0].text
    assert "Written" not in whole[0].text
    page, _ = report_on(bakeoff, written=datetime(2026, 12, 1, 9, 5, tzinfo=UTC))
    assert "Written 1 December 2026, 09:05 UTC." in page.text


@pytest.mark.parametrize(
    ("uri", "sent", "url"),
    [
        (
            "http://host:5001",
            None,
            "http://host:5001/#/experiments?experimentSearchFilter=a%20b&workflowType=machine_learning",
        ),
        (
            "http://u:secret@host:5001",
            {"experiment": "a b", "experiment_id": "7", "url": "http://host:5001/#/experiments/7"},
            "http://host:5001/#/experiments/7/runs?viewStateShareKey=variants&workflowType=machine_learning",
        ),
        (
            "http://other:5001",
            {"experiment": "a b", "experiment_id": "7", "url": "http://host:5001/#/experiments/7"},
            "http://other:5001/#/experiments?experimentSearchFilter=a%20b&workflowType=machine_learning",
        ),
        (
            "sqlite:///mlflow.db",
            {"experiment": "a b", "experiment_id": "1", "url": None},
            "http://127.0.0.1:5000/#/experiments/1/runs?viewStateShareKey=variants&workflowType=machine_learning",
        ),
        (
            "sqlite:///mlflow.db",
            {"pending": "no such file"},
            "http://127.0.0.1:5000/#/experiments?experimentSearchFilter=a%20b&workflowType=machine_learning",
        ),
    ],
)
def test_the_page_links_to_the_runs_in_mlflow(bakeoff, uri, sent, url):
    if sent is not None:
        (bakeoff / "tracked.json").write_text(json.dumps(sent))
    page, _ = report_on(bakeoff, mlflow=tracked(bakeoff, Address(uri), "a b"))
    assert [link for link in page.resources if link.startswith("http")] == [url]
    assert ("while bakeoff ui shows them" in page.text) == uri.startswith("sqlite")


def test_a_variant_that_failed_stands_where_settings_are_compared(bakeoff):
    planned = {
        "ghost": {"model": "pca-logistic", "training": {"epochs": 4, "lr": 90.0}},
        "broad": {"training": {"lr": 55.0}},  # what it would be now, not what it was made with
    }
    _, html = report_on(bakeoff, planned=planned)
    table = html[html.index("Where the variants differ") :].split("</table>")[0]
    assert "training.lr" in table and "90.0" in table
    assert re.search(
        r'<tr class="absent"><th scope="row"><span class="name">ghost</span><small>no', table
    )
    assert "55.0" not in html


def test_no_caption_names_a_baseline_that_is_not_there(whole, bakeoff):
    assert "Dashed: the metadata baseline, dotted: the majority baseline." in whole[0].text
    assert "the metadata baseline dashed" in whole[0].text
    shutil.rmtree(bakeoff / "baselines" / "metadata")
    write_comparison(bakeoff, EXPECTED)
    page, _ = report_on(bakeoff)
    assert "Dotted: the majority baseline." in page.text
    before_what_is_missing = page.text.rpartition("What is missing")[0]
    assert "There is no metadata baseline to beat: not computed." in before_what_is_missing
    assert "the metadata baseline" not in before_what_is_missing
    shutil.rmtree(bakeoff / "baselines")
    write_comparison(bakeoff, EXPECTED)
    page, _ = report_on(bakeoff)
    assert "The majority baseline gives" not in page.text and "Dotted" not in page.text


def test_samples_are_the_surest_of_each_outcome(whole, finished_bakeoff):
    page, _ = whole
    metrics = {
        seed: json.loads(
            (finished_bakeoff / "runs" / "broad" / f"seed-{seed}" / "metrics.json").read_text()
        )
        for seed in (0, 1)
    }
    seed = max(metrics, key=lambda s: metrics[s]["val"]["auroc"])
    run = finished_bakeoff / "runs" / "broad" / f"seed-{seed}"
    test = pd.read_csv(run / "predictions" / "test.csv")
    called = test["score"] >= metrics[seed]["threshold"]["value"]
    for title, group, ascending in (
        ("odd, called odd", test[(test["Disease"] == 1) & called], False),
        ("odd, called even", test[(test["Disease"] == 1) & ~called], True),
        ("even, called even", test[(test["Disease"] == 0) & ~called], True),
    ):
        surest = group.sort_values("score", ascending=ascending).head(4)
        shown = [f"{row['score']:.3f} {row['Image Index']}" for _, row in surest.iterrows()]
        assert f"{title} {numbers.plural(len(group), 'image')} {' '.join(shown)}" in page.text


def test_the_same_results_give_the_same_bytes(finished_bakeoff, tmp_path):
    for name in ("a.html", "b.html"):
        write_report(finished_bakeoff, tmp_path / name, EXPECTED)
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


def test_audit_warnings_stand_at_the_top(bakeoff):
    path = bakeoff / "splits" / "audit.json"
    audit = json.loads(path.read_text())
    audit["warnings"] = ["12 of 75 test rows are of patients in train"]
    path.write_text(json.dumps(audit))
    page, _ = report_on(bakeoff)
    assert page.text.index("12 of 75 test rows") < page.text.index("On the test split.")
    assert page.text.count("12 of 75 test rows") == 2  # and again in its section


def test_leaks_that_were_allowed_are_the_first_thing_said(whole, bakeoff):
    assert "The split leaks" not in whole[0].text
    path = bakeoff / "splits" / "audit.json"
    leak = "12 of 75 test rows (16%) are of 4 patients that are also in train"
    for given, words in (
        ("fold", "the table's column 'fold'"),
        ("folders", "the folders of the images"),
        ({"train": "a.txt", "test": "b.txt"}, "the lists a.txt and b.txt"),
    ):
        audit = json.loads(path.read_text())
        audit["split"] |= {"given": given, "allow_leaks": True}
        path.write_text(json.dumps({**audit, "warnings": [leak], "leaks": [leak]}))
        page, _ = report_on(bakeoff)
        said = page.text.index("The split leaks")
        assert said < page.text.index(leak) < page.text.index("leads on test")
        assert f"Split as given by {words}, of 330 labelled rows." in page.text


NASTY = "<script>alert('x')</script>&amp;\"$a$ {{ 7*7 }}"


def test_names_are_text_whatever_they_contain(bakeoff):
    name = NASTY.replace("/", "")  # a folder's name
    shutil.move(bakeoff / "runs" / "broad", bakeoff / "runs" / name)
    for seed in (0, 1):
        run = bakeoff / "runs" / name / f"seed-{seed}"
        record = json.loads((run / "run.json").read_text())
        record["experiment"] = NASTY
        record["provenance"]["host"] = NASTY
        record["config"]["options"]["note"] = NASTY
        (run / "run.json").write_text(json.dumps(record))
    for path in bakeoff.rglob("*.csv"):
        if path.name in ("test.csv", "index.csv"):
            frame = pd.read_csv(path, dtype=str)
            frame["Image Index"] += NASTY
            frame.to_csv(path, index=False)
    (bakeoff / "runs" / "ghost" / "seed-0" / "train.log").write_text(NASTY)
    expected = [(name, (0, 1)), ("narrow", (0, 1)), ("ghost", (0,))]
    write_comparison(bakeoff, expected)
    page, html = report_on(bakeoff, expected, command=NASTY)
    assert html.count("<script>") == 1 and "<script>alert" not in html
    assert page.tags.count("script") == 1
    assert page.text.count("alert('x')") > 8
    assert "{{ 7*7 }}" in page.text


def test_without_any_run_the_report_says_so(tmp_path):
    page, _ = report_on(tmp_path / "nothing")
    assert "No verdict yet" in page.text
    assert "None of the 6 runs has finished" in page.text
    assert "There is no comparison yet" in page.text
    assert "There is no audit of the splits" in page.text
    assert "No images can be shown: no run has finished." in page.text
    assert page.text.count("never started") == 6
    assert "The metadata baseline is missing: not computed." in page.text


def test_without_a_comparison_the_report_names_the_command(bakeoff):
    (bakeoff / "comparison.csv").unlink()
    page, _ = report_on(bakeoff)
    assert "4 of 6 runs have finished, but there is no comparison.csv" in page.text
    assert "Learning curves" in page.text


def test_a_comparison_of_nothing_gives_a_report(tmp_path):
    write_comparison(tmp_path, EXPECTED)
    page, _ = report_on(tmp_path)
    assert "No verdict yet" in page.text
    assert "seeds 0, 1 missing" in page.text


def test_one_variant_alone_is_compared_with_the_baselines(bakeoff):
    expected = [("broad", (0,))]
    write_comparison(bakeoff, expected)
    page, _ = report_on(bakeoff, expected)
    assert "broad is the only variant with a result" in page.text
    assert "Every variant beats the metadata baseline" in page.text
    assert "single seed" in page.text


def test_a_missing_metadata_baseline_is_explained(bakeoff):
    folder = bakeoff / "baselines" / "metadata"
    shutil.rmtree(folder / "predictions")
    (folder / "metrics.json").write_text('{"missing": "the table has no age"}')
    write_comparison(bakeoff, EXPECTED)
    page, _ = report_on(bakeoff)
    assert "There is no metadata baseline to beat: the table has no age." in page.text


def test_who_is_first_on_test_is_called_the_leader_and_not_the_best(whole):
    page, _ = whole
    assert (
        "To the leader" in page.text and "of the leader on test the run with the best" in page.text
    )
    assert "best variant" not in page.text and "o the best" not in page.text


def test_gaps_are_labelled_with_the_baseline_that_they_are_to(whole, bakeoff):
    alt = "Paired differences in test AUROC to the leader and to the {} baseline;"
    page, _ = whole
    assert "To the metadata baseline" in page.text
    assert any(text.startswith(alt.format("metadata")) for text in page.alts)
    shutil.rmtree(bakeoff / "baselines" / "metadata")
    write_comparison(bakeoff, EXPECTED)
    page, _ = report_on(bakeoff)
    assert any(text.startswith(alt.format("majority")) for text in page.alts)
    assert "To the majority baseline" in page.text  # the table's column
    assert "to the majority baseline" in page.text  # the drawing's legend
    assert "o the metadata baseline" not in page.text
    drawing = write_figures(bakeoff, EXPECTED)[0].read_text(encoding="utf-8")
    assert "to the majority baseline" in drawing
    assert "to the metadata baseline" not in drawing


def test_without_baselines_gaps_are_labelled_with_none(bakeoff):
    shutil.rmtree(bakeoff / "baselines")
    write_comparison(bakeoff, EXPECTED)
    page, _ = report_on(bakeoff)
    assert "metadata baseline paired interval" not in page.text
    assert "to the metadata baseline" not in page.text
    assert "To a baseline" in page.text


def test_without_packed_images_the_report_says_why_it_shows_none(bakeoff):
    shutil.rmtree(bakeoff / "packed")
    page, _ = report_on(bakeoff)
    assert "No images can be shown: the packed images cannot be read" in page.text


@pytest.mark.parametrize(
    "damage",
    [
        {
            "comparison.csv": b"\xff\xfe\x00",
            "splits/audit.json": b"{",
            "runs/broad/seed-0/run.json": b"\xff",
            "runs/narrow/seed-0/metrics.json": b'{"test": 1, "val": {"auroc": "x"}}',
            "runs/narrow/seed-1/history.csv": b"epoch\nx\n",
            "runs/ghost/seed-0/train.log": b"\xff\xfe half a line",
        },
        {
            "comparison.csv": b"a,b\n1,2\n",
            "splits/audit.json": b'{"splits": 3}',
            "runs/broad/seed-0/run.json": b'{"best": null, "config": 3, "provenance": []}',
            "runs/narrow/seed-0/history.csv": b"epoch,val_loss\n",
            "baselines/metadata/metrics.json": b"[1]",
            "packed/size-16/images.npy": b"\x93NUMPY",
        },
        {
            "splits/audit.json": b"[]",
            "runs/broad/seed-0/metrics.json": b'{"test": {"auroc": "x"}, "threshold": 1}',
            "runs/narrow/seed-0/run.json": b'{"best": {"epoch": "x"}, "config": {"image": 3}}',
            "runs/narrow/seed-1/predictions/test.csv": b"Image Index\n",
            "packed/size-16/index.csv": b"row\n1\n",
            "baselines/metadata/predictions/test.csv": b"\x00",
        },
        {
            "comparison.csv": b"",
            "runs/broad/seed-0/predictions/test.csv": b"",
            "runs/broad/seed-1/metrics.json": b"{}",
            "runs/narrow/seed-0/run.json": b"[]",
            "packed/size-16/index.csv": b"",
        },
    ],
)
def test_damaged_files_never_end_the_report(bakeoff, damage):
    for file, content in damage.items():
        (bakeoff / file).write_bytes(content)
    page, _ = report_on(bakeoff)
    assert set(SECTIONS) <= set(page.ids)
    write_figures(bakeoff, EXPECTED)


def test_a_file_that_cannot_be_read_is_named(bakeoff):
    (bakeoff / "splits" / "audit.json").write_text("{")
    page, _ = report_on(bakeoff)
    assert "Some files could not be read." in page.text
    assert re.search(r"splits/audit\.json: cannot be read", page.text)


@pytest.mark.slow(seconds=8)
def test_twenty_variants_stay_under_three_megabytes(bakeoff):
    names = [f"broad-lr-{i:02d}" for i in range(20)]
    for name in names:
        shutil.copytree(bakeoff / "runs" / "broad", bakeoff / "runs" / name)
        for seed in (0, 1):  # a hundred epochs: the real curve, repeated
            path = bakeoff / "runs" / name / f"seed-{seed}" / "history.csv"
            history = pd.concat([pd.read_csv(path)] * 25)
            history["epoch"] = np.arange(1, len(history) + 1)
            history.to_csv(path, index=False)
    expected = [(name, (0, 1)) for name in names]
    write_comparison(bakeoff, expected)
    page, html = report_on(bakeoff, expected)
    assert len(html.encode()) < 3_000_000
    assert len(page.ids) == len(set(page.ids))


@pytest.mark.parametrize(
    ("last", "said"),
    [
        ({"broad", "narrow"}, "kept, that is the last."),
        ({"broad"}, "kept, chosen on validation, or the last (select_on: last)."),
        (set(), "kept, chosen on validation."),
    ],
)
def test_weights_of_the_last_epoch_are_not_said_to_be_chosen(
    finished_bakeoff, tmp_path, last, said
):
    copy = shutil.copytree(finished_bakeoff, tmp_path / "copy")
    for path in copy.glob("runs/*/*/run.json"):
        record = json.loads(path.read_text())
        if path.parent.parent.name in last:
            record["best"] |= {"criterion": "last", "epoch": 4, "value": 4}
            path.write_text(json.dumps(record))
    page, _ = report_on(copy)
    assert said in page.text
    assert ("Epochs and thresholds were chosen on validation." in page.text) == (not last)
    advised = "Best on validation at the last epoch" in page.text
    assert advised == (last != {"broad", "narrow"})
