"""Draw the map again: docs/map.svg, docs/map-dark.svg and its parts of CONTRIBUTING.md."""

from collections.abc import Iterator
from pathlib import Path

from tests.map.picture import draw
from tests.map.rooms import ROOT
from tests.map.text import put_into


def drawn() -> Iterator[tuple[Path, str]]:
    """Every file of the map, and what it should hold."""
    yield ROOT / "docs/map.svg", draw("light")
    yield ROOT / "docs/map-dark.svg", draw("dark")
    document = ROOT / "CONTRIBUTING.md"
    yield document, put_into(document.read_text(encoding="utf-8"))


if __name__ == "__main__":
    for file, text in drawn():
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
