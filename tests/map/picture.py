"""The map as SVG, light and dark: rooms in the order of their layers, the three ways through them.

Drawn at the width of a page on GitHub, 900 pixels, where the smallest letters stay readable.
"""

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field

from jinja2 import Environment, StrictUndefined

from tests.map.rooms import BAKEOFF, BARS, EXECUTOR, ROOT, Room, arrows, room_of, rooms
from tests.map.ways import IMAGE, JOB, MEETINGS, METRIC, WAYS, Way

WIDTH, MARGIN = 900, 6
ROW, LINE, PAD = 21, 15, 9  # a station, a line of text, above and below both
LETTER = 6.0  # px: how wide a letter of the purposes is at most, on average
JOB_X = 786
TOP = 118  # where the houses begin

PALETTES = {
    "light": {
        "page": "#ffffff", "room": "#f6f8fa", "edge": "#d0d7de", "ink": "#1f2328", "soft": "#59636e",
        "import": "#9aa4ae", "image": "#0969da", "metric": "#bf3989", "job": "#9a6700", "on": "#ffffff",
    },
    "dark": {
        "page": "#0d1117", "room": "#161b22", "edge": "#3d444d", "ink": "#f0f6fc", "soft": "#a5aeb8",
        "import": "#656c76", "image": "#58a6ff", "metric": "#f778ba", "job": "#e3b341", "on": "#0d1117",
    },
}  # fmt: skip


def color(way: Way) -> str:
    """The palette's name of a way's colour."""
    return way.what.split()[-1]


@dataclass(frozen=True)
class House:
    """Where one package is drawn: its left edge, its width, and the columns inside."""

    package: str
    title: str
    x: int
    width: int
    arrows: int  # the width of the column of imports
    text: int  # and of the purposes
    lanes: tuple[tuple[Way, int], ...] = ()  # each way with its place


HOUSES = (
    House(BAKEOFF, "bakeoff", 6, 554, 50, 226, ((IMAGE, 320), (METRIC, 440))),
    House(EXECUTOR, "the executor", 564, 330, 36, 126, ((JOB, JOB_X),)),
    House(BARS, "the bars", 564, 330, 36, 270),
)


@dataclass
class Dot:
    """A station as drawn: its numbers on the way, its module's name in its room."""

    x: int
    y: float
    name: str
    color: str
    numbers: list[int] = field(default_factory=list)
    title: str = ""


@dataclass
class Box:
    """A room as drawn."""

    x: int
    y: float
    width: int
    height: float
    title: str
    lines: list[str]
    text_x: int
    dots: dict[str, Dot]

    @property
    def middle(self) -> float:
        """Its height's middle."""
        return self.y + self.height / 2


def draw(palette: str) -> str:
    """The map's SVG in one of PALETTES."""
    boxes = {room: box for house in HOUSES for room, box in _stack(house)}
    band = _band()
    everywhere = {
        module: dot for box in [band, *boxes.values()] for module, dot in box.dots.items()
    }
    environment = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = (ROOT / "tests/map/map.svg.j2").read_text(encoding="utf-8")
    return (
        environment.from_string(template, {"p": PALETTES[palette]}).render(
            width=WIDTH,
            height=max(box.y + box.height for box in boxes.values()) + MARGIN,
            legend=[(way.what, color(way), 6 + 92 * at) for at, way in enumerate(WAYS)],
            houses=[(house.title, house.x, _top(house, boxes)) for house in HOUSES],
            boxes=[band, *boxes.values()],
            imports=[_arc(boxes[one], boxes[other]) for one, other in sorted(arrows(), key=str)],
            tracks=[line for way in WAYS for line in _track(way, everywhere)],
            meetings=list(_meetings(everywhere)),
            dots=list({id(dot): dot for dot in everywhere.values()}.values()),
        )
        + "\n"
    )


def _top(house: House, boxes: dict[Room, Box]) -> float:
    return min(box.y for room, box in boxes.items() if room.house == house.package) - 8


def _stack(house: House) -> Iterator[tuple[Room, Box]]:
    """A house's rooms, from the top down."""
    y = float(TOP)
    if house.package == BARS:
        y = max(box.y + box.height for _, box in _stack(HOUSES[1])) + 32
    for room in rooms():
        if room.house != house.package:
            continue
        title = (
            (room.name or room.house) if room.is_package else f"{room.short(room.modules[-1])}.py"
        )
        if not room.is_package and len(room.modules) > 1:
            title = "*.py"
        stations = {way: _order(way, room) for way, _ in house.lanes}
        met = [module for pair in MEETINGS for module in pair[:2] if module in room.modules]
        met = [m for m in met if not any(m in found for found in stations.values())]
        rows = max([0, *map(len, stations.values())])
        if met:
            last = house.lanes[-1][0]
            rows = max(rows, len(stations[last]) + len(met))
        lines = _says(room, house.text, max(2, (ROW * rows) // LINE - 1))
        height = max(PAD * 2 + LINE * (1 + len(lines)), PAD * 2 + ROW * rows)
        dots: dict[str, Dot] = {}
        for way, x in house.lanes:
            found = stations[way]
            free = [m for m in met if way is house.lanes[-1][0]]
            step = y + (height - ROW * (len(found) + len(free)) + ROW) / 2
            for at, module in enumerate(found):
                dot = Dot(x, step + ROW * at, room.short(module), color(way))
                for number, station in enumerate(way.stations, start=1):
                    if station.module == module:
                        dot.numbers.append(number)
                        dot.title = f"{number}. {station.module}: {station.does}"
                dots[f"{way.what} {module}"] = dot
            for at, module in enumerate(free, start=len(found)):
                dots[module] = Dot(x, step + ROW * at, room.short(module), "job", title=module)
        text_x = house.x + house.arrows
        yield (
            room,
            Box(text_x, y, house.width - house.arrows, height, title, lines, text_x + 10, dots),
        )
        y += height + 6


def _says(room: Room, width: int, rows: int) -> list[str]:
    """What a room is for, in lines of `width` pixels: all that its docstring says where `rows` hold it.

    Else as far as the first colon or semicolon; modules that stand alone are named.
    """
    first = re.split(r"[:;]", room.purpose)[0]
    if not room.is_package and len(room.modules) > 1:
        return textwrap.wrap(
            f"{first}: {', '.join(map(room.short, room.modules))}.", int(width / LETTER)
        )
    whole = textwrap.wrap(f"{room.purpose}.", int(width / LETTER))
    return whole if len(whole) <= rows else textwrap.wrap(f"{first}.", int(width / LETTER))


def _order(way: Way, room: Room) -> list[str]:
    """The stations of a way in a room from top to bottom: up where the way comes from below."""
    found = list(dict.fromkeys(s.module for s in way.stations if s.module in room.modules))
    if not found:
        return []
    order = rooms()
    first = next(at for at, s in enumerate(way.stations) if s.module == found[0])
    before = way.stations[first - 1].module if first else ""
    # A way that begins here goes on upwards, where it climbs at all.
    came_from_below = "/" not in before and (
        order.index(room_of(before)) > order.index(room) if before else way is IMAGE
    )
    return found[::-1] if came_from_below else found


def _band() -> Box:
    """Snakemake above both houses: where a job's way begins."""
    start = JOB.stations[0]
    dot = Dot(JOB_X, 66, start.module.rsplit("/", 1)[-1], color(JOB), [1], f"1. {start.does}")
    says = [
        "A rule for each stage, which starts a command of cli; a profile says where its jobs run."
    ]
    title = "workflow/rules/*.smk, profiles/"
    return Box(70, 42, WIDTH - 76, 48, title, says, 80, {f"{JOB.what} {start.module}": dot})


def _arc(one: Box, other: Box) -> str:
    """An import, as an arc at the left edge, wider the farther it goes; between houses, to the right."""
    y1, y2 = one.middle + 5, other.middle - 5
    if one.x != other.x:
        x1, x2 = one.x + one.width, other.x - 3
        return f"M{x1} {y1:.1f} C{x2} {y1:.1f} {x1} {y2:.1f} {x2} {y2:.1f}"
    most = one.x - HOUSES[0].x if one.x < WIDTH / 2 else HOUSES[1].arrows
    x = one.x - 1.3 * min(most, 9 + 0.06 * abs(y2 - y1))
    return f"M{one.x} {y1:.1f} C{x:.1f} {y1:.1f} {x:.1f} {y2:.1f} {other.x - 3} {y2:.1f}"


def _track(way: Way, dots: dict[str, Dot]) -> Iterator[tuple[str, str, bool]]:
    """The lines from station to station with their colours, and whether there is room for a head.

    Straight between neighbours, else in an arc around what is between.
    """
    own = {key: dot for key, dot in dots.items() if key.startswith(f"{way.what} ")}
    pairs = [(own[f"{way.what} {a.module}"], own[f"{way.what} {b.module}"]) for a, b in way.steps()]
    around = [
        (a, b) for a, b in pairs if any(min(a.y, b.y) < d.y < max(a.y, b.y) for d in own.values())
    ]
    around.sort(key=lambda pair: abs(pair[1].y - pair[0].y))
    for a, b in pairs:
        if (a, b) in around:
            x = a.x - 8
            out = x - 14 - around.index((a, b)) * 34 / len(around)
            line = f"M{x} {a.y:.1f} C{out:.1f} {a.y:.1f} {out:.1f} {b.y:.1f} {x - 3} {b.y:.1f}"
            yield line, color(way), True
        else:
            sign = 1 if b.y > a.y else -1
            line = f"M{a.x} {a.y + 9 * sign:.1f} L{b.x} {b.y - 12 * sign:.1f}"
            yield line, color(way), abs(b.y - a.y) > ROW


def _meetings(dots: dict[str, Dot]) -> Iterator[str]:
    """Where the houses meet: from a job's station to the module that hears of it."""
    for one, other, _ in MEETINGS:
        a, b = dots[f"{JOB.what} {one}"], dots[other]
        yield f"M{a.x - 10} {a.y:.1f} C{a.x - 120} {a.y:.1f} {b.x + 190} {b.y:.1f} {b.x + 62} {b.y:.1f}"
