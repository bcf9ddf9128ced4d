"""The history of a run: a row per epoch, kept as CSV and printed as in the seed (D0:354-360)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import get_args

import pandas as pd

from bakeoff.config.schema import Training
from bakeoff.files import write_csv

COLUMNS = (
    "epoch",
    "train_loss",
    "train_acc",
    "train_auc",
    "val_loss",
    "val_acc",
    "val_auc",
    "lr",
    "seconds",
)

_SELECTION = {"auc": ("val_auc", 1), "accuracy": ("val_acc", 1), "loss": ("val_loss", -1)}
assert set(_SELECTION) == set(get_args(Training.model_fields["select_on"].annotation))


def write_history(
    file: Path, rows: Sequence[Mapping[str, float]], columns: Sequence[str] = COLUMNS
) -> None:
    """Write history.csv; floats with every digit, so that equal histories are equal files."""
    write_csv(file, pd.DataFrame(rows, columns=list(columns)).astype({"epoch": int}))


def improves(row: Mapping[str, float], best: float | None, select_on: str) -> bool:
    """Whether an epoch is better on validation than the best so far; a tie keeps the earlier."""
    column, sign = _SELECTION[select_on]
    return best is None or sign * row[column] > sign * best


def selected_value(row: Mapping[str, float], select_on: str) -> float:
    """The validation value of an epoch by which the best one is chosen."""
    return row[_SELECTION[select_on][0]]


def format_epoch(row: Mapping[str, float], epochs: int, best_auc: float, elapsed: float) -> str:
    """The lines of the seed for one epoch; the best AUC is validation's, never test's."""
    minutes, seconds = divmod(int(elapsed), 60)
    hours, minutes = divmod(minutes, 60)
    return "\n".join(
        (
            f"-----Epoch {row['epoch']:.0f}/{epochs}-----",
            f"Train set | Loss: {row['train_loss']:.4f} | Accuracy: {row['train_acc']:.2%} "
            f"| AUC: {row['train_auc']:.4f}",
            f"Validation set | Loss: {row['val_loss']:.4f} | Accuracy: {row['val_acc']:.2%} "
            f"| AUC: {row['val_auc']:.4f} | Best AUC: {best_auc:.4f} "
            f"| time elapsed: {hours:02d}:{minutes:02d}:{seconds:02d}",
        )
    )
