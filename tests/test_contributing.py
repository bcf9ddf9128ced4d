"""What CONTRIBUTING.md tells people to touch is there, in few lines for each kind of change."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## Every module")[0]
SECTIONS = dict(re.findall(r"^## ((?:Add|Give) [^\n]*)\n\n(.*?)\n\n(?=## )", TEXT, re.M | re.S))
QUOTED = re.compile(r"`([^`\n]+)`")
FILE = re.compile(r"[\w./<>*-]+\.(?:py|smk|css|j2)")


def paths(text: str) -> list[str]:
    """Quoted words with a slash; `<name>` may be any."""
    found = (
        word for word in QUOTED.findall(text) if re.fullmatch(r"[\w./<>*-]+/[\w./<>*-]*", word)
    )
    return [re.sub(r"<\w+>", "*", word) for word in found]


def files(section: str) -> list[Path]:
    """The files that a section names, and those in the folders that it names."""
    named = [path for word in paths(section) for path in ROOT.glob(word.rstrip("/"))]
    inside = [file for path in named if path.is_dir() for file in path.iterdir()]
    return [path for path in [*named, *inside] if path.is_file()]


def test_every_path_exists() -> None:
    found = paths(TEXT)
    assert len(found) > 40
    assert not [word for word in found if not any(ROOT.glob(word.rstrip("/")))]


@pytest.mark.parametrize(
    "kind",
    ["model", "metric", "task", "stage", "profile", "SLURM resource", "section of the report"],
)
def test_a_kind_of_change_is_told_in_under_ten_lines(kind: str) -> None:
    assert len(SECTIONS[f"Add a {kind}"].splitlines()) < 10


@pytest.mark.parametrize("section", SECTIONS)
def test_a_file_beside_another_is_there(section: str) -> None:
    words = [word for word in QUOTED.findall(SECTIONS[section]) if FILE.fullmatch(word)]
    for word in (word for word in words if "/" not in word):
        assert (
            any((file.parent / word).is_file() for file in files(SECTIONS[section]))
            or (ROOT / word).is_file()
        ), word


@pytest.mark.parametrize("section", SECTIONS)
def test_a_name_stands_in_a_file_that_the_section_names(section: str) -> None:
    named = files(SECTIONS[section])
    beside = {
        file for one in named for file in one.parent.glob("*.*") if file.name in SECTIONS[section]
    }
    said = "\n".join(file.read_text(encoding="utf-8") for file in {*named, *beside})
    for word in QUOTED.findall(SECTIONS[section]):
        if re.fullmatch(r"[A-Za-z_]\w+", word):
            assert re.search(rf"\b{word}\b", said), word
