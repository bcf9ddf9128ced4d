"""The pictures of a real run inside the report: all of them, of the right run, with their verdicts."""

import re
import shutil
from pathlib import Path

import pandas as pd
import pytest

from bakeoff.evaluation.comparison import write_comparison
from bakeoff.files import read_json, write_json
from bakeoff.layout import Layout
from bakeoff.pictures.draw import draw_pictures
from tests.pictures.conftest import Evaluated
from tests.report.test_document import Page, report_on

pytestmark = pytest.mark.slow(seconds=3)

EXPECTED = [("vit", (0,)), ("conv", (0, 1))]


@pytest.fixture(scope="module")
def made(evaluated: Evaluated) -> Layout:
    """Two variants with their pictures."""
    for variant in ("vit", "conv"):
        experiment, layout = evaluated(variant)
        draw_pictures(experiment, experiment.run(variant, 0), layout, each=1)
    return layout


@pytest.fixture
def layout(made: Layout, tmp_path: Path) -> Layout:
    """The same, to be edited by a test; conv's second seed is a copy of its first."""
    copy = Layout(tmp_path / "small")
    for variant in ("vit", "conv"):
        shutil.copytree(made.run(variant, 0).path, copy.run(variant, 0).path)
    shutil.copytree(copy.run("conv", 0).path, copy.run("conv", 1).path)
    return copy


def page_of(layout: Layout) -> tuple[Page, str]:
    write_comparison(layout.root, EXPECTED)
    return report_on(layout.root, EXPECTED)


def section(html: str) -> str:
    return html[html.index('<section id="looks">') : html.index('<section id="missing">')]


def test_every_picture_of_a_run_is_in_the_page_with_its_words(layout: Layout) -> None:
    page, html = page_of(layout)
    drawn = 0
    for variant in ("vit", "conv"):
        pictures = read_json(layout.run(variant, 0).pictures)["pictures"]
        drawn += len(pictures)
        assert f"{variant} seed 0, {len(pictures)} pictures" in page.text
        for picture in pictures:
            assert picture["caption"] in page.text
            assert f"{picture['title']}, {variant}, seed 0" in page.alts
    assert section(html).count("data:image/webp;base64,") == drawn >= 8 + 3
    assert section(html).count("<details") == 2 and "open" not in section(html)
    assert len(html) < 2_000_000
    outside = {a for a in page.resources if not a.startswith(("#", "data:image/"))}
    assert outside == {"report.json", "model_card.md"} and "http" not in html  # linked, not needed


def test_the_pictures_are_those_of_the_seed_that_is_best_on_validation(layout: Layout) -> None:
    metrics = read_json(layout.run("conv", 1).path / "metrics.json")
    metrics["val"]["auroc"] += 0.01
    write_json(layout.run("conv", 1).path / "metrics.json", metrics)
    page, _ = page_of(layout)
    assert any(alt == "Grad-CAM, conv, seed 1" for alt in page.alts)
    assert not any("conv, seed 0" in (alt or "") for alt in page.alts)


@pytest.mark.parametrize("passed", [True, False])
def test_a_saliency_picture_that_fails_its_check_says_so_before_it_is_opened(
    layout: Layout, passed: bool
) -> None:
    index = read_json(layout.run("conv", 0).pictures)
    (saliency,) = [picture for picture in index["pictures"] if picture["sanity"]]
    saliency["sanity"]["passed"] = passed
    write_json(layout.run("conv", 0).pictures, index)
    _, html = page_of(layout)
    (summary,) = re.findall(r"<summary>conv.*?</summary>", html, flags=re.DOTALL)
    assert ("fails the check: Grad-CAM" in summary) != passed
    assert ('class="fails"' in html.split("<summary>conv")[1]) != passed


def test_pictures_of_earlier_weights_are_not_shown(layout: Layout) -> None:
    file = layout.run("vit", 0).predictions("test")
    table = pd.read_csv(file)
    table.assign(score=table["score"] * 0.9).to_csv(file, index=False)
    page, _ = page_of(layout)
    assert "Without pictures: vit, seed 0 (drawn of earlier weights)." in page.text
    assert not any("vit, seed 0" in (alt or "") for alt in page.alts if alt != "")


def test_a_picture_that_is_gone_is_a_remark_and_the_others_are_shown(layout: Layout) -> None:
    (layout.run("conv", 0).path / "figures" / "grad-cam.png").write_bytes(b"half of a pict")
    (layout.run("conv", 0).path / "figures" / "sanity.png").unlink()
    page, _ = page_of(layout)
    assert page.text.count("a picture cannot be shown") == 2
    assert "Class scores, conv, seed 0" in page.alts


def test_without_any_picture_the_report_names_the_command(layout: Layout) -> None:
    for file in layout.root.rglob("index.json"):
        file.unlink()
    page, _ = page_of(layout)
    assert "There are no pictures. bakeoff pictures draws them, run by run." in page.text
