"""Filters for MLflow's searches, whose language has no escapes: not every text can be in one."""

import re
from collections.abc import Mapping

_PLAIN = re.compile(r"[A-Za-z0-9_./-]*")


def with_tags(tags: Mapping[str, str]) -> str:
    """A filter that every run with these tags passes; others may, too: compare what is found.

    Tags that could end a quoted text, or have a meaning in one, are left out.
    """
    return " and ".join(
        f"tags.`{key}` = '{value}'"
        for key, value in tags.items()
        if _PLAIN.fullmatch(key) and _PLAIN.fullmatch(value)
    )


def with_name(name: str) -> str:
    """A filter for the name of a registered model; the name has no single quote."""
    return f"name = '{name}'"
