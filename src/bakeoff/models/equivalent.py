"""Models whose code changed and whose computation did not: their runs keep the digest that they have.

`equivalent.json` has for each such model the digest of its code now, the one under which the same computation
was released, and the options that came since, each with the default that computes as before. A line is
written by `python -m tests.models.equivalence`, which compares both codes bit for bit; of any other code it
says nothing.

Digests of before this table were of text as `ast.unparse` writes it, which quotes f-strings otherwise from
Python 3.12 on: `trained_as_312` is what runs have that were trained there.
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from bakeoff.models import source_digest
from bakeoff.models.catalogue import find

FILE = Path(__file__).with_name("equivalent.json")
PYTHON = sys.version_info[:2]


@dataclass(frozen=True)
class Equivalent:
    """What a model's code is now, and what it is the same as."""

    code: str
    trained_as: str
    trained_as_312: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)


@cache
def table() -> dict[str, Equivalent]:
    """Every line, by the name of the model."""
    lines = json.loads(FILE.read_text(encoding="utf-8"))
    return {name: Equivalent(**line) for name, line in lines.items()}


def code(name: str) -> str:
    """What stands for the code of the model `name` in a run's digest."""
    if (same := _same(name)) is None:
        return source_digest.digest(name)
    return (PYTHON >= (3, 12) and same.trained_as_312) or same.trained_as


def since(name: str) -> Mapping[str, Any]:
    """The options of the model `name` that came since, with the default that computes as before."""
    same = _same(name)
    return same.options if same else {}


def counted(name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that count in a run's digest: those that came since only where they are another."""
    new = since(name)
    return {key: value for key, value in options.items() if key not in new or value != new[key]}


def _same(name: str) -> Equivalent | None:
    line = table().get(find(name).name)
    return line if line and line.code == source_digest.digest(name) else None
