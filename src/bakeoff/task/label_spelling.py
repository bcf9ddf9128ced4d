"""Labels that a table spells in another way than the configuration: `1.0` for 1, `TRUE` for true.

pandas writes whole numbers as floats where a cell of the column is empty, and truth values with a capital;
spreadsheets write TRUE. Everything else has to be spelled as it is configured.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable

_NUMBER = re.compile(r"([+-]?\d+)(?:\.(\d*))?")
_TRUE = ("true", "yes", "t", "y", "1")
_FALSE = ("false", "no", "f", "n", "0")


class Spellings:
    """The configured labels, by every way in which a table may spell them."""

    def __init__(self, labels: Iterable[str]) -> None:
        self._label_of = {label: label for label in labels}
        alike = defaultdict(list)
        for label in self._label_of:
            alike[_key(label)].append(label)
        # Labels that differ by their spelling alone have to be spelled so.
        self._by_key = {key: one for key, (one, *others) in alike.items() if not others}

    def label(self, text: str) -> str:
        """The configured label that `text` spells; `text` itself where it spells none."""
        found = self._label_of.get(text)
        if found is None:
            found = self._label_of[text] = self._by_key.get(_key(text), text)
        return found


def alike(names: Iterable[str]) -> list[tuple[str, ...]]:
    """Names that read as one: they differ in case, blanks, how a letter is composed or a number written."""
    groups = defaultdict(list)
    for name in dict.fromkeys(names):
        plain = " ".join(unicodedata.normalize("NFKC", name).casefold().split())
        groups[_key(plain)].append(name)
    return [tuple(group) for group in groups.values() if len(group) > 1]


def truth(text: str) -> bool | None:
    """What a cell of yes or no says, as `1`, `1.0`, `true`, `yes` and `y` do in any case; None for others."""
    key = _key(text)
    return True if key in _TRUE else False if key in _FALSE else None


def _key(text: str) -> str:
    """Equal for numbers of one value and for truth words in any case, else the text; `01` is not `1`."""
    text = text.strip()
    if number := _NUMBER.fullmatch(text):
        whole, fraction = number[1], (number[2] or "").rstrip("0")
        return f"{whole}.{fraction}" if fraction else whole
    folded = text.casefold()
    return folded if folded in (*_TRUE, *_FALSE) else text
