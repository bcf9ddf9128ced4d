"""Folds: every image tests once, patients stay whole, classes keep their shares."""

import numpy as np
import pandas as pd
import pytest

from bakeoff.config.schema import Split
from bakeoff.data.drawing import Rows, split_rows
from bakeoff.data.tables import LabelledRows
from bakeoff.task.binary import BinaryTask


def table(rows: int, patients: int) -> LabelledRows:
    random = np.random.default_rng(1)
    frame = pd.DataFrame({"Patient ID": random.integers(patients, size=rows).astype(str)})
    return LabelledRows(frame, (random.random(rows) < 0.4).astype(np.int64), BinaryTask())


def folds(split: Split, rows: LabelledRows) -> list[Rows]:
    return [split_rows(rows, split.of_part(name)) for name in split.part_names]


@pytest.mark.parametrize("sizes", [(60, 20, 20), (57, 21, 25)])
@pytest.mark.parametrize("group_by", ["Patient ID", None])
@pytest.mark.parametrize("count", [3, 5])
def test_every_image_tests_once_and_validates_once(
    sizes: tuple[int, int, int], group_by: str | None, count: int
) -> None:
    train, val, test = sizes
    rows = table(130, 60)
    split = Split(train=train, val=val, test=test, folds=count, group_by=group_by)
    found = folds(split, rows)
    everything = np.sort(np.concatenate([one.test for one in found]))
    assert len(everything) == len(np.unique(everything)) == sum(sizes)
    assert np.array_equal(np.sort(np.concatenate([one.val for one in found])), everything)
    for one in found:
        assert np.array_equal(np.sort(np.concatenate(one)), everything)
        assert len(one.test) in (sum(sizes) // count, sum(sizes) // count + 1)


def test_patients_stay_whole_and_classes_keep_their_shares() -> None:
    rows = table(400, 150)
    found = folds(Split(train=240, val=80, test=80, folds=5), rows)
    who = rows.frame["Patient ID"].to_numpy()
    share = rows.labels.mean()
    for one in found:
        groups = [set(who[at]) for at in one]
        assert not groups[0] & groups[1] and not groups[0] & groups[2] and not groups[1] & groups[2]
        assert abs(rows.labels[one.test].sum() - share * len(one.test)) < 1.01


def test_a_fold_is_the_same_whichever_is_asked_first() -> None:
    rows = table(130, 60)
    split = Split(train=60, val=20, test=20, folds=4)
    for name in split.part_names:
        first, again = (split_rows(rows, split.of_part(name)) for _ in range(2))
        assert all(np.array_equal(*pair) for pair in zip(first, again, strict=True))


def test_folds_are_as_equal_as_whole_patients_allow() -> None:
    frame = pd.DataFrame({"Patient ID": np.repeat(np.arange(100), 2).astype(str)})
    rows = LabelledRows(frame, np.tile([0, 1], 100), BinaryTask())
    found = folds(Split(train=120, val=40, test=40, folds=8), rows)  # 25 rows each, patients of two
    assert {len(one.test) for one in found} <= {24, 26}
    who = frame["Patient ID"].to_numpy()
    assert all(not set(who[one.test]) & set(who[one.train]) for one in found)
    everything = np.concatenate([one.test for one in found])
    assert len(np.unique(everything)) == len(everything) >= 8 * 24
