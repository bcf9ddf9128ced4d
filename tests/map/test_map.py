"""The map in CONTRIBUTING.md: as the code is, with ways that hold, and enough to find a module by it."""

import math
import re
from collections import Counter
from pathlib import Path

import pytest

from tests.map import rooms, ways
from tests.map.__main__ import drawn
from tests.map.questions import QUESTIONS
from tests.map.rooms import ROOT, imports, purpose, room_of, source
from tests.map.ways import MEETINGS, WAYS, SameName, Starts, Station, Through, holds

CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


@pytest.mark.slow(seconds=3)
def test_the_map_is_as_the_code_is() -> None:
    old = [file.name for file, text in drawn() if file.read_text(encoding="utf-8") != text]
    assert not old, "the code has changed since they were drawn: run `make map`"


def test_every_module_is_in_one_room_and_says_what_it_is_for() -> None:
    packages = {m for m in imports().modules if source(m).name == "__init__.py"}
    inside = [module for room in rooms.rooms() for module in room.modules]
    assert len(inside) == len(set(inside))
    ours = {m for m in imports().modules if m.split(".")[0] in rooms.SOURCES}
    assert ours - packages - set(inside) == {f"{rooms.BAKEOFF}.{rooms.ENTRY}"}
    assert not [m for m in [*inside, *packages] if not purpose(m)]


def test_every_arrow_is_an_import_that_runs_down() -> None:
    order = rooms.rooms()
    for one, other in rooms.arrows():
        assert any(
            imports().find_modules_directly_imported_by(module) & set(other.modules)
            for module in one.modules
        )
        if one.house == other.house:
            assert order.index(one) < order.index(other), (one.name, other.name)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.what)
def test_each_step_of_a_way_is_in_the_code(way: ways.Way) -> None:
    for station in way.stations:
        assert ways.file_of(station.module).is_file(), f"{station.module} has moved: see ways.py"
    for one, other in way.steps():
        assert holds(one, other), f"{one.module} no longer leads to {other.module}: see ways.py"


def test_the_houses_meet_where_the_map_says() -> None:
    for one, other, link in MEETINGS:
        assert link.holds(one, other), (one, other)


@pytest.mark.parametrize(
    ("module", "link"),
    [
        ("task.thresholds", None),
        ("task.thresholds", Through("bakeoff.training.evaluate")),
        ("task.thresholds", SameName("predictions")),
        ("cli.train", Starts("workflow/rules/train.smk", "bakeoff evaluate")),
        ("task.losses", Starts("workflow/rules/train.smk", "bakeoff train")),
    ],
)
def test_a_step_that_the_code_does_not_take_is_found(module: str, link: ways.Link) -> None:
    predict = Station("bakeoff.inference.predict", "")
    assert not holds(predict, Station(f"bakeoff.{module}", "", link))


def test_words_in_a_docstring_connect_nothing(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text('"""Reads metrics.json."""\n# metrics.json\nNAME = "predictions"\n')
    assert "predictions" in ways.words(module)
    assert "metrics.json" not in ways.words(module)


def stems(words: str) -> list[str]:
    """Words of three letters or more, by their first five letters: `curves` is `curve`."""
    return [word[:5] for word in re.findall(r"[a-z]+", words.lower()) if len(word) >= 3]


def entries() -> dict[str, str]:
    """What the map says of each module, read in the document: its folder's line, its own, its stations'."""
    said = {}
    for room in re.findall(r"<details>(.*?)</details>", CONTRIBUTING, re.DOTALL):
        (heading,) = re.findall(r"<summary>(.*)</summary>", room)
        folder = heading.partition("</b>")[0].removeprefix("<b>").rstrip("/").partition("src/")[2]
        place = folder.removeprefix("snakemake-executor-plugin-submitit/").replace("/", ".")
        for name, line in re.findall(r"^- `(.+?)` (.*)$", room, re.MULTILINE):
            said[f"{place}.{name}"] = f"{place} {heading} {name} {line}".replace("_", " ")
    for name, does in re.findall(r"\*\*\d+\*\* `(.+?)` (.+?)[;.] ", CONTRIBUTING):
        for module in said:
            if module.partition(".")[2] == name:
                said[module] += f" {does}"
    return said


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_is_answered_by_the_words_of_the_map(question: str) -> None:
    """A reader who only knows the question's words meets the module among the first five of all."""
    said = {module: Counter(stems(words)) for module, words in entries().items()}
    rare = Counter(stem for words in said.values() for stem in words)
    asked = set(stems(question))
    score = {
        module: sum(math.log(len(said) / rare[stem]) for stem in asked if words[stem])
        for module, words in said.items()
    }
    first = sorted(score, key=lambda module: -score[module])[:5]
    assert room_of(QUESTIONS[question])
    assert QUESTIONS[question] in said
    assert QUESTIONS[question] in first, f"{question} {first}"
