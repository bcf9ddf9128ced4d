"""Where two configurations differ, key by key, in words."""

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from bakeoff.config.schema import Section

LONGEST = 30  # characters of a value


def section_changes(
    section: type[Section],
    name: str,
    then: Mapping[str, Any],
    now: Mapping[str, Any],
    among: Collection[str] | None = None,
) -> Iterator[str]:
    """`training.lr 0.001 -> 0.01` for each key of a section with another value, or of those `among` its keys.

    A key that one of the two does not have yet, or not any more, has its default there.
    """
    defaults = section.model_construct().model_dump(mode="json", warnings=False)
    before, after = {**defaults, **then}, {**defaults, **now}
    keys = [key for key in after if key in before and (among is None or key in among)]
    yield from changes(
        {k: before[k] for k in keys}, {k: after[k] for k in keys}, f"{name}." * bool(name)
    )


def changes(then: Mapping[str, Any], now: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """`stride null -> 8` for each key of both that has another value now; nested keys are dotted."""
    for key, after in now.items():
        before = then.get(key, after)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from changes(before, after, f"{prefix}{key}.")
        elif _text(before) != _text(after):
            shown = [_text(value) for value in (before, after)]
            fits = all(len(one) <= LONGEST for one in shown)
            yield (
                f"{prefix}{key} {' -> '.join(shown)}" if fits else f"{prefix}{key} (another value)"
            )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
