"""Filters of MLflow's searches: their language has no escapes, so that not every text can be in one."""

import re
from collections.abc import Mapping

_PLAIN = re.compile(r"[A-Za-z0-9_./-]*")


def with_tags(tags: Mapping[str, str]) -> str:
    """A filter that every run with these tags passes; others may, too: compare what is found.

    What could end a quoted text, or mean something in one, is left out.
    """
    return " and ".join(
        f"tags.`{key}` = '{value}'"
        for key, value in tags.items()
        if _PLAIN.fullmatch(key) and _PLAIN.fullmatch(value)
    )


def with_name(name: str) -> str:
    """A filter for the name of a registered model; the name has no single quote."""
    return f"name = '{name}'"
