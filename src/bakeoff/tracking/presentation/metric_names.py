"""The names of metrics in MLflow: a section by what stands before the last slash, and what it takes in names.

`test/auroc` is the figure of a model, `test/auroc/Mass` that of one class or finding.
"""

import re
import unicodedata
from collections.abc import Iterable

from bakeoff.task.classification import Metric

LONGEST = 60
"""Characters of a class's name in that of a metric: MLflow takes 250 in all, and 1 MB for 1,000 metrics."""


def shown_as(metric: Metric, split: str = "test") -> str:
    """The name of a metric on a split."""
    return f"{split}/{metric.name}"


def parts_for(names: Iterable[str]) -> dict[str, str]:
    """What stands for each class or finding in the names of its metrics, each another.

    MLflow takes letters of any script, digits, blanks and "_.-"; a "-" replaces all else, and what is
    too long is cut. Where two would be the same, the later one gets a number.
    """
    parts: dict[str, str] = {}
    for name in names:
        text = re.sub(r"[^\w .-]", "-", unicodedata.normalize("NFC", name))[:LONGEST].strip()
        if not text.strip("."):  # of a path they would mean a folder
            text = "-" * max(1, len(text))
        part, number = text, 1
        while part in parts.values():
            part, number = f"{text}-{number + 1}", number + 1
        parts[name] = part
    return parts
