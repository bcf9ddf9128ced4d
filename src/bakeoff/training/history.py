"""The history of a run: a row per epoch, kept as CSV and printed as in the seed (D0:354-360)."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

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


def write_history(
    file: Path, rows: Sequence[Mapping[str, float]], columns: Sequence[str] = COLUMNS
) -> None:
    """Write history.csv; floats with every digit, so that equal histories are equal files."""
    write_csv(file, pd.DataFrame(rows, columns=list(columns)).astype({"epoch": int}))


def columns_with(selected: str) -> tuple[str, ...]:
    """The columns of a run's history.csv: those that every run has, and the one it selects on."""
    at = COLUMNS.index("lr")
    return COLUMNS if selected in COLUMNS else (*COLUMNS[:at], selected, *COLUMNS[at:])


def improves(value: float, best: float | None, sign: int) -> bool:
    """Whether an epoch's value is better than the best so far, `sign` 1 where higher is; a tie keeps that."""
    return best is None or sign * value > sign * best


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
