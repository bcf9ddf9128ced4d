"""The tables beside the films: labels in Kaggle's layout, and the hidden severities."""

import csv
import io
from collections.abc import Iterable, Sequence

from bakeoff.data.synthesis.cohort import Study

# The layout of sample_labels.csv in Kaggle's nih-chest-xrays/sample.
KAGGLE_COLUMNS = (
    "Image Index",
    "Finding Labels",
    "Follow-up #",
    "Patient ID",
    "Patient Age",
    "Patient Gender",
    "View Position",
    "OriginalImageWidth",
    "OriginalImageHeight",
    "OriginalImagePixelSpacing_x",
    "OriginalImagePixelSpacing_y",
)
SEVERITY_COLUMNS = ("Image Index", "severity", "disease", "marks")


def labels_csv(studies: Sequence[Study]) -> str:
    """The text of sample_labels.csv: ages as `060Y`, findings joined by `|` or `No Finding`."""
    rows = []
    for study in studies:
        width, height, spacing = study.original
        findings = "|".join(study.findings) or "No Finding"
        who = (study.follow_up, study.patient_id, f"{study.age:03d}Y", study.sex, study.view)
        rows.append((study.image, findings, *who, width, height, spacing, spacing))
    return _csv(KAGGLE_COLUMNS, rows)


def severity_csv(studies: Sequence[Study]) -> str:
    """The text of severity.csv: hidden severity 0..1, reported disease 0/1, the marks drawn."""
    return _csv(
        SEVERITY_COLUMNS,
        (
            (
                study.image,
                f"{study.severity:.6f}",
                int(study.diseased),
                "|".join(f"{mark.finding}:{mark.severity:.3f}" for mark in study.marks),
            )
            for study in studies
        ),
    )


def _csv(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()
