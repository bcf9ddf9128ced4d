"""The classes that a pickle of torch.save names, read from its instructions without running any."""

import io
import pickletools
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

LEGACY = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""The pickled number at the start of files of torch.save before 1.6: a series of pickles."""
PREAMBLE = 3  # pickles before that of the object: the number, the version, the byte order
NEUTRAL = ("PROTO", "FRAME", "MEMOIZE", "BINPUT", "LONG_BINPUT", "MARK")


def object_class(file: Path) -> str | None:
    """The class of the object in a file of torch.save, `module.name`; None for a plain dict or list.

    Raises ValueError where the file is cut short.
    """
    for instruction, name in _instructions(file):
        if name:
            return name
        if instruction not in (*NEUTRAL, "SHORT_BINUNICODE", "BINUNICODE"):
            return None
    return None


def classes(file: Path) -> set[str]:
    """Every class and function that a file of torch.save names, `module.name`.

    Raises ValueError where the file is cut short.
    """
    return {name for _, name in _instructions(file) if name}


def _instructions(file: Path) -> list[tuple[str, str]]:
    """The instructions of the object's pickle, each with the class or function that it names."""
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as archive:
            name = next(name for name in archive.namelist() if name.endswith("/data.pkl"))
            return list(_globals(io.BytesIO(archive.read(name))))
    with file.open("rb") as opened:
        for _ in range(PREAMBLE):
            for _ in pickletools.genops(opened):
                pass
        return list(_globals(opened))


def _globals(pickled: IO[bytes]) -> Iterator[tuple[str, str]]:
    texts: list[str] = []
    for instruction, argument, _ in pickletools.genops(pickled):
        name = ""
        if "UNICODE" in instruction.name:
            texts.append(str(argument))
        elif instruction.name == "GLOBAL":
            name = str(argument).replace(" ", ".")
        elif instruction.name == "STACK_GLOBAL":
            name = ".".join(texts[-2:])
        yield instruction.name, name
