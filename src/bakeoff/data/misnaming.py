"""A name of the table that no file has: which file may be meant, and what to write for it."""

import posixpath
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from bakeoff.data.image_kinds import SUFFIXES


class Misnaming(NamedTuple):
    """How a name differs from the path of the file that may be meant; `file` is "" where none may."""

    kind: Literal["", "backslashes", "Windows", "folder", "ending", "case"]
    file: str = ""
    remedy: str = ""  # the ending of the file, or the folder in which the name would be right


def with_suffix(name: str, suffix: str) -> str:
    """`a`, `a.PNG` and `a.jpg` with the ending .png: in place of an image's ending, or appended."""
    if not suffix or name.endswith(suffix):
        return name
    stem, ending = posixpath.splitext(name)
    return (stem if ending.lower() in SUFFIXES else name) + suffix


def keys_of(name: str) -> set[str]:
    """What is equal for names that may mean one file: without folders, case, and ending."""
    bases = {posixpath.basename(name).casefold(), _base(name).casefold()}
    return bases | {posixpath.splitext(base)[0] for base in bases}


def misnamed(name: str, alike: Sequence[str]) -> Misnaming:
    """What is wrong with a name, by the files that share a key with it."""
    path, base = name.replace("\\", "/"), _base(name)
    ranked = sorted(alike, key=lambda file: not f"/{file}".endswith(f"/{path}"))
    for file in ranked:
        if posixpath.basename(file) == base:
            if path != name:
                return Misnaming("backslashes" if file == path else "Windows", file)
            begins = f"/{file}".removesuffix(f"/{path}") if f"/{file}".endswith(f"/{path}") else ""
            return Misnaming("folder", file, begins.removeprefix("/"))
    for file in ranked:
        ending = posixpath.splitext(file)[1]
        if with_suffix(base, ending) == posixpath.basename(file):
            return Misnaming("ending", file, ending)
    return Misnaming("case", ranked[0]) if ranked else Misnaming("")


def advice(found: Iterable[Misnaming], folder: Path) -> str:
    """What to write for all of them, a sentence for each kind."""
    remedies: dict[str, Counter[str]] = {}
    examples: dict[str, str] = {}
    for it in found:
        if it.kind:
            remedies.setdefault(it.kind, Counter())[it.remedy] += 1
            examples.setdefault(it.kind, it.file)
    return " ".join(_sentence(kind, examples[kind], remedies[kind], folder) for kind in remedies)


def _sentence(kind: str, example: str, remedies: Mapping[str, int], folder: Path) -> str:
    remedy = next(iter(remedies)) if len(remedies) == 1 else ""
    there_is = f"There is {example}:"
    if kind == "backslashes":
        return rf"{there_is} write / in place of \ in the table."
    if kind == "Windows":
        return rf"{there_is} write / in place of \ in the table, and paths below data.images, or bare names."
    if kind == "ending" and remedy:
        return f"{there_is} the table's names lack this ending. Write data.suffix: {remedy}"
    if kind == "ending":
        return (
            f"{there_is} the table's names lack their endings, of which there are several "
            f"({', '.join(remedies)}). Add them in the table."
        )
    if kind == "case":
        return f"{there_is} case counts."
    if remedy:
        return f"{there_is} write data.images: {folder / remedy}"
    return f"{there_is} the image column holds paths below data.images, or bare names."


def _base(name: str) -> str:
    """The last part of a path, of Windows or not."""
    return posixpath.basename(name.replace("\\", "/"))
