"""Reading that never raises: an absent file is empty, a damaged one is listed in `unread`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from bakeoff.errors import EvaluationError
from bakeoff.evaluation.predictions import Predictions, read_predictions
from bakeoff.files import read_json, tail_lines
from bakeoff.task.classification import ClassificationTask

TAIL_LINES = 12
_TAIL_BYTES = 16_384

Unread = list[str]


def read_object(path: Path, unread: Unread) -> dict[str, Any]:
    """A JSON object; empty if there is none."""
    try:
        value = read_json(path)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:  # neither JSON nor UTF-8
        unread.append(f"{path}: cannot be read ({error}).")
        return {}
    if isinstance(value, dict):
        return value
    unread.append(f"{path}: expected a JSON object, found a {type(value).__name__}.")
    return {}


def dig(value: Any, *keys: str) -> Any:
    """The value under nested keys; None where a key is absent or what holds it is no mapping."""
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def part(value: Any, *keys: str) -> dict[str, Any]:
    """The mapping under nested keys; empty where there is none."""
    found = dig(value, *keys)
    return dict(found) if isinstance(found, Mapping) else {}


def read_table(
    path: Path, unread: Unread, text: Sequence[str], required: Sequence[str]
) -> pd.DataFrame:
    """A CSV with the `required` columns, numbers but for those in `text`; empty if there is none."""
    try:
        table = pd.read_csv(path, dtype=dict.fromkeys(text, str))
        if absent := [column for column in required if column not in table]:
            raise ValueError(f"the columns {absent} are missing")
        return table.astype({c: float for c in table.columns if c not in text})
    except FileNotFoundError:
        return pd.DataFrame()
    except (OSError, ValueError) as error:  # pandas' parser errors are ValueErrors
        unread.append(f"{path}: cannot be read ({error}).")
        return pd.DataFrame()


def read_scores(path: Path, unread: Unread, task: ClassificationTask) -> Predictions | None:
    """Predictions of the task; None if there are none."""
    if not path.exists():
        return None
    try:
        return read_predictions(path, task)
    except EvaluationError as error:
        unread.append(str(error))
        return None


def read_tail(path: Path, lines: int = TAIL_LINES) -> str:
    """The last lines of a log, empty if there is none; undecodable bytes are shown as such."""
    return "\n".join(tail_lines(path, _TAIL_BYTES)[-lines:])
