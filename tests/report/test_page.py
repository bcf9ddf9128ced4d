"""How the page looks in a real browser, of a bake-off in which everything is at its edge."""

import functools
import itertools
import re
import shutil

import pytest

from bakeoff.report.document import write_report
from tests.report.browser import measure, print_pages
from tests.report.odd import LONG, ODD, ONE, TWENTY, make_odd, make_one, make_twenty
from tests.report.several import EXPECTED, QUESTIONS

pytestmark = pytest.mark.slow(seconds=3)

SMALLEST = 10.0  # pixels
PLAN = {"ghost": {"model": "pca-logistic", "training": {"epochs": 4, "lr": 90.0}}}


SHAPES = {
    "odd": (make_odd, ODD, PLAN),
    "one": (make_one, ONE, {}),
    "twenty": (make_twenty, TWENTY, {}),
}


@pytest.fixture(scope="module")
def written(finished_bakeoff, made, tmp_path_factory):
    """The page of a bake-off of a shape, or of another task, written when it is first asked for."""

    @functools.cache
    def write(shape):
        results = tmp_path_factory.mktemp(shape) / "digits"
        if shape in QUESTIONS:
            out = results.with_suffix(".html")
            write_report(made(shape), out, EXPECTED, "snakemake")
            return out
        make, variants, planned = SHAPES[shape]
        make(shutil.copytree(finished_bakeoff, results))
        out = results / "report.html"
        write_report(results, out, variants, "snakemake", planned=planned)
        return out

    return write


@pytest.fixture(scope="module")
def page(written):
    return written("odd")


@pytest.fixture(scope="module", params=[1440, 1024, 390])
def odd(page, request):
    return measure(page, request.param)


@pytest.fixture(
    scope="module",
    params=[
        ("odd", 1440), ("odd", 1024), ("odd", 390),
        ("one", 1440), ("one", 390),
        ("twenty", 1440), ("twenty", 1024), ("twenty", 390),
        ("three", 1440), ("three", 390),
        ("twelve", 1440), ("twelve", 1024), ("twelve", 390),
        ("findings", 1440), ("findings", 1024), ("findings", 390),
        ("log_loss", 1440), ("log_loss", 390),
    ],
    ids=lambda param: f"{param[0]}-{param[1]}",
)  # fmt: skip
def seen(written, request):
    shape, width = request.param
    return measure(written(shape), width) | {"shape": shape}


def test_nothing_is_wider_than_the_window(seen):
    assert seen["width"] in (1440, 1024, 390)
    assert seen["page"] <= seen["width"], seen["beyond"]
    for drawing in seen["drawings"]:
        for text, _, left, _, right, _ in drawing["texts"]:
            assert left >= 0 and right <= seen["width"], text


def test_text_in_drawings_can_be_read(seen):
    sizes = [(size, text) for d in seen["drawings"] for text, size, *_ in d["texts"]]
    assert len(sizes) > 50
    assert min(sizes)[0] >= SMALLEST, min(sizes)


# Dot plots and subgroups, panels of learning curves, ROC curves, calibration; the ghost has none of the last.
DRAWINGS = {
    "odd": 3 + 2 * 4 + 4 + 4,
    "one": 3 + 2 + 1 + 1,
    "twenty": 3 + 2 * 20 + 20 + 20,
    # And one of all classes or findings, whose curves are of the leader.
    "three": 3 + 2 * 2 + 1 + 3 + 2,
    "twelve": 3 + 2 * 2 + 1 + 12 + 2,
    "findings": 3 + 2 * 2 + 1 + 13 + 2,
    "log_loss": 3 + 2 * 2 + 2 + 2,
}


def test_every_drawing_is_there_once(seen):
    alts = [drawing["alt"] for drawing in seen["drawings"]]
    assert len(alts) == len(set(alts)) == DRAWINGS[seen["shape"]], alts


MARKS = {"one": 1, "three": 3, "twelve": 3, "findings": 3, "log_loss": 3}
DOTS = re.compile(r"Test .* by variant|Paired differences|Test AUROC of each")


def apart(one, other):
    return (
        one[2] <= other[0] + 0.5
        or other[2] <= one[0] + 0.5
        or one[3] <= other[1] + 0.5
        or other[3] <= one[1] + 0.5
    )


def test_no_name_lies_on_a_mark_or_on_another_text(seen):
    dots = [drawing for drawing in seen["drawings"] if DOTS.search(drawing["alt"])]
    assert len(dots) >= 2
    for drawing in dots:
        texts = [(text, box) for text, _, *box in drawing["texts"]]
        assert len(drawing["marks"]) >= MARKS.get(seen["shape"], 7)
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


def test_tables_fit_a_screen(seen):
    if seen["width"] > 1000:
        beyond = {label: hidden for label, hidden in seen["scrolls"] if hidden > 0}
        assert not beyond


def test_short_names_are_never_broken_and_long_ones_are(odd):
    lines = dict(odd["names"])
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
