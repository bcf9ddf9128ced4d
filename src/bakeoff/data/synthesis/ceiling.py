"""The best AUROC that a model can expect: that of the hidden severity itself against the reported label."""

import csv
from collections.abc import Sequence
from pathlib import Path

from bakeoff.data.synthesis.tables import SEVERITY_COLUMNS
from bakeoff.errors import DataError

SEVERITY = "severity.csv"


def ceiling_auroc(folder: Path) -> float:
    """The AUROC of the hidden severity against the label, from the severity.csv of a synthetic data set.

    The label is a noisy reading of the severity, so it is below 1; a model that sees the films alone cannot
    be expected to do better, save by chance. Raises DataError where the file is missing or not of this kind.
    """
    path = folder / SEVERITY
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
        return auroc(
            [int(row["disease"]) for row in rows], [float(row["severity"]) for row in rows]
        )
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read ({error.strerror}). Only synthetic data have a hidden severity; "
            "`bakeoff synthesize` writes it."
        ) from error
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{path}: expected the columns {', '.join(SEVERITY_COLUMNS)} and both classes, found "
            f"otherwise ({error!r}). Make the data again with `bakeoff synthesize`."
        ) from error


def auroc(disease: Sequence[int], severity: Sequence[float]) -> float:
    """The area under the ROC curve; ValueError unless both classes are there."""
    # Imported here: the processes that draw films import this package too, and need no scikit-learn.
    from sklearn.metrics import roc_auc_score

    if len(set(disease)) < 2:
        raise ValueError("one class only")
    return float(roc_auc_score(disease, severity))
