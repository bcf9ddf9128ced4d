"""How the page looks in a real browser, of a bake-off in which everything is at its edge."""

import itertools
import re
import shutil

import pytest

from bakeoff.report.document import write_report
from tests.report.browser import measure, print_pages
from tests.report.odd import LONG, ODD, make_odd

SMALLEST = 10.0  # pixels
PLAN = {"ghost": {"model": "pca-logistic", "training": {"epochs": 4, "lr": 90.0}}}


@pytest.fixture(scope="module")
def page(finished_bakeoff, tmp_path_factory):
    results = tmp_path_factory.mktemp("odd") / "digits"
    make_odd(shutil.copytree(finished_bakeoff, results))
    out = results / "report.html"
    write_report(results, out, ODD, "snakemake", planned=PLAN)
    return out


@pytest.fixture(scope="module", params=[1440, 1024, 390])
def seen(page, request):
    return measure(page, request.param)


def test_nothing_is_wider_than_the_window(seen):
    assert seen["width"] in (1440, 1024, 390)
    assert seen["page"] <= seen["width"], seen["beyond"]
    for drawing in seen["drawings"]:
        for text, _, left, _, right, _ in drawing["texts"]:
            assert left >= 0 and right <= seen["width"], text


def test_text_in_drawings_can_be_read(seen):
    sizes = [(size, text) for d in seen["drawings"] for text, size, *_ in d["texts"]]
    assert len(sizes) > 100
    assert min(sizes)[0] >= SMALLEST, min(sizes)


def test_every_drawing_is_there_once(seen):
    alts = [drawing["alt"] for drawing in seen["drawings"]]
    assert (
        len(alts) == len(set(alts)) == 2 + 2 * 4 + 4
    )  # dot plots, two panels a variant, ROC curves


def apart(one, other):
    return (
        one[2] <= other[0] + 0.5
        or other[2] <= one[0] + 0.5
        or one[3] <= other[1] + 0.5
        or other[3] <= one[1] + 0.5
    )


def test_no_name_lies_on_a_mark_or_on_another_text(seen):
    for drawing in seen["drawings"][:2]:  # the dot plots
        texts = [(text, box) for text, _, *box in drawing["texts"]]
        assert len(drawing["marks"]) >= 7
        for text, box in texts:
            assert all(apart(box, mark) for mark in drawing["marks"]), text
        for (one, box), (other, another) in itertools.combinations(texts, 2):
            assert apart(box, another), f"{one} on {other}"


def test_every_mark_is_inside_its_drawing(seen):
    for drawing in seen["drawings"]:
        left, top, right, bottom = drawing["box"]
        for mark in drawing["marks"]:
            assert left <= mark[0] and mark[2] <= right, drawing["alt"]
            assert top <= mark[1] and mark[3] <= bottom, drawing["alt"]


def test_tables_fit_a_screen_and_short_names_are_never_broken(seen):
    if seen["width"] > 1000:
        beyond = {label: hidden for label, hidden in seen["scrolls"] if hidden > 0}
        assert not beyond
    lines = dict(seen["names"])
    assert lines["narrow"] == lines["flat"] == lines["ghost"] == 1
    assert lines[LONG] > 1


def test_on_paper_what_was_closed_is_open_and_no_heading_ends_a_page(page):
    pages = print_pages(page)
    text = " ".join(" ".join(pages).split())
    assert "What all variants share" in text and "training.epochs" in text
    assert "Every run: 8" in text and "bakeoff train" in text
    headings = re.findall(r"<h[23][^>]*>([^<]*)", page.read_text())
    assert "Learning curves" in headings
    for one in pages[:-1]:
        last = one.rstrip().rpartition("\n")[2].strip()
        assert last not in headings
