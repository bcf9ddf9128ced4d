"""Descriptions in MLflow: written where there is none of a person's own."""

import hashlib
import re
from collections.abc import Mapping

NOTE = "mlflow.note.content"
"""The tag that MLflow shows as the description of an experiment or a run."""
WRITTEN = "mlflow.note.bakeoff"
"""The tag with the digest of bakeoff's own description; MLflow's pages do not list it."""
LONGEST_NOTE = 7900  # characters; MLflow's limit for a tag is 8,000


def described(tags: Mapping[str, str], text: str, *, earlier: str = "") -> dict[str, str]:
    """The tags that set the description `text`; none where `tags` have it, or a person's own.

    `earlier` are the first words of descriptions that earlier versions wrote without the tag WRITTEN.
    """
    found = tags.get(NOTE, "")
    ours = WRITTEN in tags and _digest(found) in tags[WRITTEN].split()
    if WRITTEN not in tags and earlier:
        ours = found.startswith(earlier)
    if found == text or (found and not ours):
        return {}
    # WRITTEN, with both digests, is set first: if a kill comes between the two, either text counts as ours.
    return {WRITTEN: f"{_digest(text)} {_digest(found)}", NOTE: text}


def code(text: str) -> str:
    """The text as code in Markdown, whatever it holds: one line, in as many backticks as it needs."""
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence, blank = "`" * (longest + 1), " " if "`" in text[:1] + text[-1:] else ""
    return f"{fence}{blank}{' '.join(text.split())}{blank}{fence}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
