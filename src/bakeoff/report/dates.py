"""Dates in words: when the runs were trained and the report was written."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from bakeoff.report.reading import dig


def in_words(time: datetime) -> str:
    """26 November 2026, 17:40 UTC."""
    time = time.astimezone(UTC)
    return f"{time.day} {time:%B %Y, %H:%M} UTC"


def trained(records: Iterable[dict[str, Any]]) -> str:
    """From the first start to the last end in the runs' run.json; "" where none has them."""
    records = list(records)
    starts = _times(dig(record, "provenance", "started") for record in records)
    ends = _times(dig(record, "provenance", "finished") for record in records)
    if not ends:
        return ""
    first, last = min(starts, default=min(ends)), max(ends)
    if in_words(first) == in_words(last):
        return in_words(last)
    if first.date() == last.date():
        return f"{in_words(first).removesuffix(' UTC')} to {last:%H:%M} UTC"
    return f"{in_words(first)} to {in_words(last)}"


def _times(values: Iterable[Any]) -> list[datetime]:
    found = []
    for value in values:
        try:
            time = datetime.fromisoformat(value)
        except (TypeError, ValueError):
            continue
        found.append((time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC))
    return found
