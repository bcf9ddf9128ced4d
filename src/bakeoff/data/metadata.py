"""Metadata features of an image: age, sex, view and follow-up from the table, as numbers.

A classifier on these alone is the baseline that an image model has to beat.
"""

import pandas as pd

OLDEST = 120.0
"""Ages above this many years are mistakes of the table (ChestX-ray14 has 411)."""

YEARS = {"": 1.0, "Y": 1.0, "M": 1 / 12, "W": 7 / 365.25, "D": 1 / 365.25}
"""Length in years of the units of a DICOM age string (AS): 060Y, 013M, 002W, 001D; no unit is years."""

VIEWS = {"PA": 0.0, "AP": 1.0}
SEXES = {"F": 0.0, "M": 1.0}


def ages(texts: pd.Series) -> pd.Series:
    """Ages in years as float64: `060Y` is 60, `013M` is 13/12, `58` is 58; implausible ones are NaN."""
    parts = texts.astype("str").str.strip().str.upper().str.extract(r"^(\d+(?:\.\d+)?)([YMWD]?)$")
    years: pd.Series = parts[0].astype("float64") * parts[1].map(YEARS).astype("float64")
    years = years.where(years <= OLDEST)
    years.name = texts.name
    return years


def metadata_features(rows: pd.DataFrame) -> pd.DataFrame:
    """The columns age (years), male, ap_view (0/1) and follow_up of `rows`, float64, same index.

    Only what the table has: a table without metadata gives no columns. NaN where a value is missing.
    """
    features = {}
    if "Patient Age" in rows:
        features["age"] = ages(rows["Patient Age"])
    for column in ("Patient Gender", "Patient Sex"):
        if column in rows:
            features["male"] = _coded(rows[column], SEXES)
    if "View Position" in rows:
        features["ap_view"] = _coded(rows["View Position"], VIEWS)
    if "Follow-up #" in rows:
        features["follow_up"] = pd.to_numeric(rows["Follow-up #"], errors="coerce").astype(
            "float64"
        )
    return pd.DataFrame(features, index=rows.index)


def _coded(texts: pd.Series, codes: dict[str, float]) -> pd.Series:
    return texts.astype("str").str.strip().str.upper().map(codes).astype("float64")
