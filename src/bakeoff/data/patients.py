"""Who is on an image, by one name: tables and file names write the same patient in several ways."""

import pandas as pd


def canonical(patient: str) -> str:
    """A patient (or another group) by one name: `13`, `013`, `00000013` and ` 13 ` are one."""
    stripped = patient.strip()
    return str(int(stripped)) if stripped.isdecimal() else stripped


def canonical_names(cells: pd.Series) -> pd.Series:
    """The cells of a column of patients or groups, each by its one name."""
    names: pd.Series = cells.astype("str").map(canonical)
    return names
