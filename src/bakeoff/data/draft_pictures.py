"""What images look like, by some of them: their sizes, and whether they are in colour."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from bakeoff.data.colours import colours_of
from bakeoff.data.image_files import read_header, read_picture
from bakeoff.errors import DataError
from bakeoff.wording import few

LARGEST, SMALLEST, STEP = 224, 96, 32
"""Pixels per side that are proposed at most and at least, `conv` needs 79, in steps of a patch's size."""

HEADERS, DECODED = 50, 12
"""Images, evenly spread, whose headers are read, and of those that may have colours are decoded."""

MOST_ENDINGS = 6


class Pictures(NamedTuple):
    """What was seen: `side` are the pixels per side to train at, `words` say the rest."""

    side: int
    in_colour: bool  # at least half of them
    square: bool
    words: str


def look_at(folder: Path, places: Sequence[str]) -> Pictures:
    """Some of the images at `places` in the folder; those that cannot be read are passed over."""
    headers = {}
    for place in _spread(places, HEADERS):
        try:
            headers[place] = read_header(folder, place)
        except DataError:
            continue  # whoever checks the configuration reports it
    if not headers:
        return Pictures(LARGEST, False, True, "none could be read")
    shorter = sorted(min(header.width, header.height) for header in headers.values())
    side = shorter[len(shorter) // 2] // STEP * STEP
    maybe = [place for place, header in headers.items() if header.has_colours]
    decoded = _spread(maybe, DECODED)
    coloured = sum(_has_colours(folder, place) for place in decoded)
    # Of those that were not decoded as many as of those that were.
    share = coloured / len(decoded) * len(maybe) / len(headers) if decoded else 0.0
    endings = Counter(PurePosixPath(place).suffix.lower() for place in places)
    kinds = few([ending or "no ending" for ending, _ in endings.most_common()], MOST_ENDINGS)
    square = all(0.9 < header.width / header.height < 1.1 for header in headers.values())
    words = f"{kinds}, {_sizes(shorter)}, {_colours(share)}"
    return Pictures(max(SMALLEST, min(LARGEST, side)), share >= 0.5, square, words)


def _spread(places: Sequence[str], most: int) -> list[str]:
    return list(places[:: max(1, -(-len(places) // most))])


def _has_colours(folder: Path, place: str) -> bool:
    try:
        return colours_of(read_picture(folder, place).image) is not None
    except DataError:
        return False


def _sizes(shorter: Sequence[int]) -> str:
    least, most = shorter[0], shorter[-1]
    return f"{least}{f' to {most}' if most > least else ''} pixels on the shorter side"


def _colours(share: float) -> str:
    if share in (0.0, 1.0):
        return "in colour" if share else "grey"
    kept = "colours are kept" if share >= 0.5 else "they are made grey"
    return f"about {share:.0%} in colour, the others grey: {kept}"
