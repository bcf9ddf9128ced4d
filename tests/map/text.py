"""The map in words, as CONTRIBUTING.md has it between its marks: the picture, the ways, every module."""

import re
from collections.abc import Iterator

from tests.map.rooms import ROOT, Room, purpose, rooms
from tests.map.ways import WAYS, Way

MARKS = {
    part: (f"<!-- {part}: `make map` writes this -->\n", f"<!-- {part} ends here -->\n")
    for part in ("the map", "every module")
}
PICTURE = """\
<picture>
<source media="(prefers-color-scheme: dark)" srcset="docs/map-dark.svg">
<img alt="The rooms of the code, what they import, and the ways of an image, a metric and a job"
 src="docs/map.svg" width="900">
</picture>
"""
RULES = "workflow/rules/"


def put_into(document: str) -> str:
    """CONTRIBUTING.md with both parts written anew between their marks."""
    for (begin, end), written in zip(MARKS.values(), (the_map(), every_module()), strict=True):
        before, _, rest = document.partition(begin)
        _, found, after = rest.partition(end)
        if not found:
            raise ValueError(f"CONTRIBUTING.md: expected the lines {begin!r} and {end!r}")
        document = f"{before}{begin}\n{written}\n{end}{after}"
    return document


def the_map() -> str:
    """The picture, then each way in a paragraph."""
    return "\n".join([PICTURE, *(f"{_way(way)}\n" for way in WAYS)]).rstrip() + "\n"


def _way(way: Way) -> str:
    stops = "; ".join(
        f"**{at}** `{_name(station.module)}` {station.does}"
        for at, station in enumerate(way.stations, start=1)
    )
    return f"**The way of {way.what}:** {stops}."


def _name(station: str) -> str:
    return station if "/" in station else station.split(".", 1)[1]


def every_module() -> str:
    """Each room with its modules, folded until somebody opens it."""
    found = [_folded(RULES, "Snakemake's rules, each of which starts a command of `cli`", _rules())]
    found += [_folded(room.folder, room.says, lines(room)) for room in rooms()]
    return "\n".join(found)


def _folded(folder: str, says: str, inside: Iterator[str]) -> str:
    summary = re.sub(r"`([^`]*)`", r"<code>\1</code>", _shown(says))
    listed = "\n".join(inside)
    return f"<details><summary><b>{folder}</b> {summary}</summary>\n\n{listed}\n\n</details>\n"


def _shown(text: str) -> str:
    """A docstring's line in Markdown: outside code, what looks like a tag is text."""
    return "`".join(
        part if at % 2 else part.replace("<", "&lt;") for at, part in enumerate(text.split("`"))
    )


def _rules() -> Iterator[str]:
    for file in sorted((ROOT / RULES).glob("*.smk")):
        first = file.read_text(encoding="utf-8").split("\n", 1)[0]
        yield f"- `{file.name}` {first.lstrip('# ').rstrip('.')}"


def lines(room: Room) -> Iterator[str]:
    """A line for each module: its name and what it is for."""
    for module in room.modules:
        yield f"- `{room.short(module)}` {_shown(purpose(module))}"
