"""Patient ids in canonical form: tables and file names write the same patient in several ways.

Some ways surely mean one patient: numbers of one value, as pandas and spreadsheets rewrite a column (`13`,
`013`, `13.0`, `1.3e+01`), blanks around an id, invisible characters, one letter in two encodings. Others
may not: ids that are equal but for case, zeros, blanks or punctuation (`P7`, `p7`, `P007`, `P-7`, `13,0`)
are one patient or two. Only the table's author knows, and sets `data.similar_ids`.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Literal

import pandas as pd

SimilarIds = Literal["merge", "distinct"]
"""What ids that are equal but for case, zeros, blanks or punctuation are: one patient, or several."""

# Exponents have a sign in what pandas and spreadsheets write; `12E3` is somebody's own id.
_NUMBER = re.compile(r"-?\d+(\.\d*)?([eE][+-]\d{1,3})?")
_LOOSE_NUMBER = re.compile(r"[+-]?\d*\.?\d+(e[+-]?\d{1,3})?")
_MISSING = {"nan", "nat", "<na>", "na", "n/a", "#n/a", "none", "null", "unknown"}
_ROUNDED = re.compile(r"-?\d(?:\.(\d*))?[eE]\+(\d{1,3})")


@dataclass(frozen=True)
class Identities:
    """The patients behind ids: `name_of` maps each id as written to its patient's canonical name.

    `merged`: for each patient that is written in several ways, these ways. `similar`: names of patients
    that are equal but for case, zeros, blanks or punctuation; those are one in `name_of` if they were
    merged, else several. `rounded`: numbers whose last digits a spreadsheet has left out.
    """

    name_of: dict[str, str]
    merged: list[list[str]]
    similar: list[list[str]]
    rounded: list[str]

    def names(self, cells: pd.Series) -> pd.Series:
        """The canonical name of each cell of a column of ids."""
        names: pd.Series = cells.astype("str").map(self.name_of)
        return names


def identify(ids: Iterable[str], similar_ids: SimilarIds | None = None) -> Identities:
    """The patients behind all `ids` of a table, or of several tables that are compared."""
    written = list(dict.fromkeys(ids))
    name_of = {one: canonical(one) for one in written}
    alike = similar(name_of.values())
    if similar_ids == "merge":
        # The smallest name, so that it does not depend on which rows come first.
        joined = {name: min(names) for names in alike for name in names}
        name_of = {one: joined.get(name, name) for one, name in name_of.items()}
    ways = defaultdict(list)
    for one, name in name_of.items():
        ways[name].append(one)
    merged = [ones for ones in ways.values() if len(ones) > 1]
    return Identities(name_of, merged, alike, [one for one in written if _is_rounded(one)])


def canonical(patient: str) -> str:
    """The canonical name of a patient or group: `13`, `013`, `13.0`, `1.3e+01` and ` 13 ` are one."""
    stripped = _visible(patient).strip()
    if stripped.isdecimal():
        return str(int(stripped))
    if _NUMBER.fullmatch(stripped):
        value = Decimal(stripped)
        if value == value.to_integral_value():
            return str(int(value))
    return stripped


def canonical_names(cells: pd.Series) -> pd.Series:
    """The canonical name of each cell of a column of patients or groups; similar ones stay apart."""
    texts = cells.astype("str")
    names: pd.Series = texts.map({text: canonical(text) for text in texts.unique()})
    return names


def is_missing_id(patient: str) -> bool:
    """Whether a cell names no patient: it is empty, all punctuation, or a word for a missing value."""
    name = _visible(patient).strip()
    return not any(character.isalnum() for character in name) or name.casefold() in _MISSING


def similar(names: Iterable[str]) -> list[list[str]]:
    """Sets of different names that are equal but for case, zeros, blanks or punctuation.

    Punctuation between two digits separates them: `1-23` is like `1_23` and like `123`, but not like `12-3`.
    """
    distinct = list(dict.fromkeys(names))
    if all(name.isascii() and name.isdecimal() for name in distinct):
        return []  # nothing but numbers, each once: the most common column
    parted = {name: _parted(name) for name in distinct}
    unparted = {key for key in parted.values() if "|" not in key}
    sets = _Sets()
    for name, key in parted.items():
        sets.join(name, key)
        if (closed := _without_zeros(_letters_and_digits(name))) in unparted:
            sets.join(name, closed)
        for value in _readings(name):
            sets.join(name, f"={value}")
    return sets.of_several(distinct)


class _Sets:
    """Disjoint sets of names, joined by the keys that they share (union-find)."""

    def __init__(self) -> None:
        self._parent: dict[tuple[bool, str], tuple[bool, str]] = {}

    def join(self, name: str, key: str) -> None:
        self._parent[self._root((True, name))] = self._root((False, key))

    def of_several(self, names: Sequence[str]) -> list[list[str]]:
        members = defaultdict(list)
        for name in names:
            members[self._root((True, name))].append(name)
        return [found for found in members.values() if len(found) > 1]

    def _root(self, node: tuple[bool, str]) -> tuple[bool, str]:
        while (parent := self._parent.setdefault(node, node)) != node:
            self._parent[node] = self._parent[parent]  # path halving
            node = parent
        return node


def _visible(name: str) -> str:
    """One encoding of each letter, without invisible marks (byte order, direction, zero width)."""
    if name.isascii():
        return name
    composed = unicodedata.normalize("NFC", name)
    return "".join(c for c in composed if unicodedata.category(c) != "Cf")


def _folded(name: str) -> str:
    """Full-width and other compatibility forms as plain letters and digits, without case."""
    if name.isascii():
        return name.lower()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def _letters_and_digits(name: str) -> str:
    kept = "".join(character for character in _folded(name) if character.isalnum())
    return kept or name  # all of it is punctuation: like nothing but itself


def _parted(name: str) -> str:
    """Letters and digits alone, `|` for whatever parts two digits, no zeros before a number."""
    bare = re.sub(r"(?<=\d)[\W_]+(?=\d)", "|", _folded(name).strip())
    kept = "".join(character for character in bare if character.isalnum() or character == "|")
    return _without_zeros(kept) if kept.strip("|") else name


def _without_zeros(name: str) -> str:
    return re.sub(r"(?<!\d)0+(?=\d)", "", name)


def _readings(name: str) -> Iterator[Decimal]:
    """The numbers that a name may mean: `1,300` is 1.3 in one country and 1300 in another."""
    text = re.sub(r"[\s_']", "", _folded(name))
    for thousands, point in ((",", "."), (".", ",")):
        plain = text.replace(point, "#")
        if re.fullmatch(rf"[+-]?\d{{1,3}}(\{thousands}\d{{3}})+(#\d+)?", plain):
            plain = plain.replace(thousands, "")
        number = plain.replace("#", ".")
        if _LOOSE_NUMBER.fullmatch(number):
            # As many digits as it has: the usual 28 would make long ids equal.
            yield Decimal(number).normalize(Context(prec=len(number)))


def _is_rounded(written: str) -> bool:
    """Whether it is a number with fewer digits than its exponent asks for, like `1.23457E+11`."""
    found = _ROUNDED.fullmatch(written.strip())
    return found is not None and int(found[2]) > len(found[1] or "")
