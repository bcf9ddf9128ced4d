"""Groups that cannot be told apart, as letters: variants that share one are not told apart.

Insert and absorb (Piepho, Journal of Computational and Graphical Statistics 2004).
"""

import string
from collections.abc import Collection, Sequence


def compact_letters(names: Sequence[str], apart: Collection[tuple[str, str]]) -> dict[str, str]:
    """The letters of each name, in alphabetical order; `a` is in the group of the first name.

    `apart` holds the pairs that differ, either way round.
    """
    different = {frozenset(pair) for pair in apart}
    groups = [frozenset(names)]
    for first, second in sorted(map(sorted, different)):
        split: list[frozenset[str]] = []
        for group in groups:
            if {first, second} <= group:
                split += [group - {first}, group - {second}]
            else:
                split.append(group)
        # A group within another says nothing of its own.
        unique = list(dict.fromkeys(split))
        groups = [one for one in unique if not any(one < other for other in unique)]
    place = {name: at for at, name in enumerate(names)}
    groups.sort(key=lambda group: sorted(place[name] for name in group))
    return {
        name: "".join(_letter(at) for at, group in enumerate(groups) if name in group)
        for name in names
    }


def _letter(at: int) -> str:
    """From a to z, then from A to Z, then numbers in brackets."""
    letters = string.ascii_lowercase + string.ascii_uppercase
    return letters[at] if at < len(letters) else f"({at + 1})"
