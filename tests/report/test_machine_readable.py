"""report.json and the page say the same: every number on the page is in the file, formatted as there."""

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bakeoff.report.document import write_report
from bakeoff.report.machine_readable import FORMAT, plain
from tests.report.digits import EXPECTED
from tests.report.several import EXPECTED as SEVERAL

NUMBER = re.compile(r"(?<![\w.,])[+\-−]?\d[\d,]*(?:\.\d+)?(?:e[+\-]?\d+)?(?![\w])")
OWN = {"95", "0.95", "1973", "2005", "2008", "1", "0"}
"""What is not a figure: the level, years of papers."""


class Text(HTMLParser):
    """What stands in tables, paragraphs and headings; drawings and styles are left out."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.skipped = 0

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.skipped += tag in ("svg", "style", "script", "pre")

    def handle_endtag(self, tag: str) -> None:
        self.skipped -= tag in ("svg", "style", "script", "pre")

    def handle_data(self, data: str) -> None:
        if not self.skipped:
            self.words.append(data)


def numbers_on(page: Path) -> set[str]:
    """Every number that the page prints."""
    parser = Text()
    parser.feed(page.read_text())
    return set(NUMBER.findall(" ".join(parser.words)))


def leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for key, own in value.items():
            yield key
            yield from leaves(own)
    elif isinstance(value, list):
        yield len(value)  # "12 runs"
        for own in value:
            yield from leaves(own)
    else:
        yield value


def printed(content: Any) -> set[str]:
    """The numbers of the file as a page may print them."""
    found = set(OWN)
    for leaf in leaves(content):
        if isinstance(leaf, str):
            found |= set(NUMBER.findall(leaf))
        elif isinstance(leaf, (int, float)) and not isinstance(leaf, bool):
            for value in (leaf, 100 * leaf, leaf / 60, leaf / 3600, 1000 / leaf if leaf else 0):
                for digits in (0, 1, 2, 3):
                    found |= {
                        f"{value:.{digits}f}",
                        f"{abs(value):.{digits}f}",
                        f"{value:,.{digits}f}",
                    }
                    found.add(f"{value:+.{digits}f}".replace("-", "−"))
                    found.add(f"{-value:+.{digits}f}".replace("-", "−"))
                found |= {f"{value:.3g}", f"{value:g}"}
    return found


def assert_agree(results: Path, expected: Any, out: Path) -> dict[str, Any]:
    write_report(results, out, expected)
    content = json.loads(out.with_suffix(".json").read_text())
    shown = numbers_on(out)
    assert len(shown) > 100
    assert shown - printed(content) == set()
    return dict(content)


def test_every_number_on_the_page_of_two_classes_is_in_the_file(
    bakeoff: Path, tmp_path: Path
) -> None:
    content = assert_agree(bakeoff, EXPECTED, tmp_path / "report.html")
    assert content["format"] == FORMAT
    table = pd.read_csv(bakeoff / "comparison.csv")
    assert [row["variant"] for row in content["comparison"]] == list(table["variant"])
    row = content["comparison"][0]
    assert row["test_auroc_mean"] == pytest.approx(table["test_auroc_mean"][0], abs=1e-15)
    assert row["difference_to_best"] is None
    assert (
        content["verdict"]["headline"]
        == "The best is broad or narrow: this test set cannot tell which"
    )
    assert [one["name"] for one in content["conclusion"]["contenders"]] == ["broad", "narrow"]
    ghost = [run for run in content["runs"] if run["variant"] == "ghost"]
    assert {run["state"] for run in ghost} == {"never started", "training did not finish an epoch"}


@pytest.mark.parametrize("name", ["three", "findings", "log_loss"])
@pytest.mark.slow(seconds=5)
def test_every_number_on_the_page_is_in_the_file(name: str, made: Any, tmp_path: Path) -> None:
    content = assert_agree(made(name), SEVERAL, tmp_path / "report.html")
    assert (content["each_class"] is None) == (name == "log_loss")


def test_a_number_that_only_the_page_has_would_be_found(bakeoff: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    write_report(bakeoff, out, EXPECTED)
    out.write_text(out.read_text().replace("</h1>", " by 0.12345</h1>"))
    content = json.loads(out.with_suffix(".json").read_text())
    assert numbers_on(out) - printed(content) == {"0.12345"}


def test_what_json_cannot_hold_becomes_what_it_can() -> None:
    values = {
        "a": np.float64("nan"),
        "b": np.int64(3),
        "c": (1.5, None),
        "d": pd.NA,
        5: {"pixels": 1},
    }
    assert plain(values) == {"a": None, "b": 3, "c": [1.5, None], "d": None, "5": {}}
    with pytest.raises(TypeError, match="no place"):
        plain(object())
