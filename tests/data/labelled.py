"""Rows of a binary table, split as a frame with its `Disease` column says."""

import pandas as pd

from bakeoff.config.schema import Split
from bakeoff.data.drawing import Rows, split_rows
from bakeoff.data.tables import LabelledRows
from bakeoff.task.binary import DISEASE, BinaryTask


def labelled(frame: pd.DataFrame) -> LabelledRows:
    """The rows with the labels of their `Disease` column."""
    return LabelledRows(frame, frame[DISEASE].to_numpy(dtype="int64"), BinaryTask())


def rows_of(frame: pd.DataFrame, split: Split) -> Rows:
    """The rows of each split."""
    return split_rows(labelled(frame), split)
