import hashlib
import json
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bakeoff.config.schema import Data, Split
from bakeoff.data.splits import Rows, write_splits
from bakeoff.data.stratification import stratified_targets
from bakeoff.data.tables import read_labels, read_split
from bakeoff.errors import DataError, SplitError
from bakeoff.task.binary import BinaryTask
from tests.data.conftest import MakeData
from tests.data.labelled import rows_of


def nih(shared_data: Path, rows: int | None = None) -> pd.DataFrame:
    path = shared_data / "labels/kaggle_sample_labels.csv"
    return read_labels(Data(labels=path, images=shared_data, rows=rows)).frame


def patients_of(count: int, largest: int, prevalence: float, seed: int) -> pd.DataFrame:
    """A table of patients with 1 to `largest` rows, most with few, as in ChestX-ray14."""
    random = np.random.RandomState(seed)
    sizes = np.minimum(random.geometric(0.4, count), largest)
    patient = np.repeat(np.arange(count), sizes)
    disease = (random.uniform(size=len(patient)) < prevalence).astype(np.int64)
    return pd.DataFrame({"Patient ID": patient.astype(str), "Disease": disease})


def check(table: pd.DataFrame, rows: Rows, split: Split) -> None:
    assert [len(at) for at in rows] == [split.train, split.val, split.test]
    for one, other in combinations(rows, 2):
        assert not set(one) & set(other)
        if split.group_by is not None:
            patients = table[split.group_by]
            assert not set(patients.iloc[one]) & set(patients.iloc[other])
    if split.stratify:
        prevalence = table["Disease"].mean()
        for at in rows:
            positives = table["Disease"].iloc[at].sum()
            assert abs(positives - prevalence * len(at)) <= 1.5


@pytest.mark.parametrize("group_by", ["Patient ID", None])
@pytest.mark.parametrize("stratify", [True, False])
def test_sizes_are_exact_whatever_the_seed(group_by: str | None, stratify: bool) -> None:
    for seed in range(40):
        table = patients_of(300, 20, 0.1 + 0.02 * seed, seed)
        n = len(table)
        train = n // 2 if seed % 2 else n - 2 * (n // 5)  # some of the rows, or all
        split = Split(
            train=train, val=n // 5, test=n // 5, seed=seed, group_by=group_by, stratify=stratify
        )
        check(table, rows_of(table, split), split)


SPELLINGS = ("{}", "{:03}", "{} ", "{:08}")


def test_a_patient_written_in_several_ways_stays_in_one_split() -> None:
    table = patients_of(60, 20, 0.5, 0)
    spelt = [SPELLINGS[i % 4].format(int(p)) for i, p in enumerate(table["Patient ID"])]
    split = Split(train=len(table) // 2, val=20, test=20)
    rows, plain = rows_of(table.assign(**{"Patient ID": spelt}), split), rows_of(table, split)
    check(table, rows, split)
    assert all((one == other).all() for one, other in zip(rows, plain, strict=True))


def test_rows_without_a_group_are_named(make_data: MakeData, tmp_path: Path) -> None:
    data = make_data(["No Finding", "Mass"] * 10)
    table = pd.read_csv(data.labels, dtype=str).assign(Site=[str(i) for i in range(20)])
    table.loc[[3, 5], "Site"] = ["", " "]
    table.to_csv(data.labels, index=False)
    split = Split(train=10, val=4, test=4, group_by="Site")
    with pytest.raises(
        DataError, match=r"'Site' \(split.group_by\) is empty in 2 rows: 0003.png, 0005.png"
    ):
        write_splits(data, split, tmp_path / "splits")


@pytest.mark.slow(seconds=2)
@pytest.mark.parametrize("rows", [1000, None])
def test_the_real_table_is_split_by_patients_at_its_prevalence(
    shared_data: Path, rows: int | None
) -> None:
    table = nih(shared_data, rows)
    for seed in range(50):
        split = Split(seed=seed)
        chosen = rows_of(table, split)
        check(table, chosen, split)


@pytest.mark.slow(seconds=4)
def test_the_full_table_is_split_at_its_official_sizes(shared_data: Path) -> None:
    path = shared_data / "labels/Data_Entry_2017_v2020.csv.gz"
    table = read_labels(Data(labels=path, images=shared_data)).frame
    split = Split(train=76_524, val=10_000, test=25_596)
    check(table, rows_of(table, split), split)


@pytest.mark.slow(seconds=2)
def test_patients_with_many_images_are_no_rarer_in_test(shared_data: Path) -> None:
    table = nih(shared_data, 1000)
    images = table["Patient ID"].map(table["Patient ID"].value_counts())
    splits = [rows_of(table, Split(seed=seed)) for seed in range(100)]
    means = np.array([[images.iloc[at].mean() for at in rows] for rows in splits]).mean(axis=0)
    np.testing.assert_allclose(means, images.mean(), rtol=0.1)


def test_a_seed_is_a_split_and_another_seed_another(shared_data: Path) -> None:
    table = nih(shared_data, 1000)
    for keys in ({}, {"group_by": None}, {"stratify": False}):
        one, again, other = (rows_of(table, Split(seed=s, **keys)) for s in (1, 1, 2))
        for a, b, c in zip(one, again, other, strict=True):
            np.testing.assert_array_equal(a, b)
            assert set(a) != set(c)


def test_a_seed_means_the_same_rows_as_ever() -> None:
    rows = hashlib.sha256()
    for seed in range(4):
        table = patients_of(150, 9, 0.4, seed)
        for keys in ({}, {"group_by": None}, {"stratify": False}):
            chosen = rows_of(table, Split(train=120, val=40, test=40, seed=seed, **keys))
            for at in chosen:
                rows.update(np.asarray(at, dtype="<i8").tobytes())
    # Of the code before patients' ids were compared by value.
    assert rows.hexdigest() == "aae6cf3941bbf08dafb03f4947d8d4254e2ef95ae72aae1479b8b854fc06dc04"


@pytest.mark.slow(seconds=2)
def test_every_row_has_its_chance_of_being_tested() -> None:
    table = patients_of(100, 5, 0.5, 0)
    n = len(table)
    split = {"train": n - 2 * (n // 5), "val": n // 5, "test": n // 5}
    tested = np.zeros(n)
    for seed in range(300):
        tested[rows_of(table, Split(seed=seed, **split)).test] += 1
    assert tested.min() > 0.4 * tested.mean()
    assert tested.max() < 1.6 * tested.mean()


@pytest.mark.parametrize("seed", [0, 1, 41])
def test_without_groups_and_strata_the_rows_are_lab_5s(shared_data: Path, seed: int) -> None:
    table = nih(shared_data, 1000)
    # The lines of Lab 5, word for word.
    np.random.seed(seed)
    idx = np.arange(1000)
    np.random.shuffle(idx)
    rows = rows_of(table, Split(seed=seed, group_by=None, stratify=False))
    np.testing.assert_array_equal(rows.train, idx[:600])
    np.testing.assert_array_equal(rows.val, idx[600:800])
    np.testing.assert_array_equal(rows.test, idx[800:])


@pytest.mark.slow(seconds=2)
def test_splitting_by_rows_leaks_patients_as_measured(shared_data: Path) -> None:
    table = nih(shared_data, 1000)
    patients = table["Patient ID"]
    shares = []
    for seed in range(200):
        rows = rows_of(table, Split(seed=seed, group_by=None, stratify=False))
        shares.append(patients.iloc[rows.test].isin(patients.iloc[rows.train]).mean())
    assert np.mean(shares) == pytest.approx(0.30, abs=0.02)
    assert min(shares) >= 0.18
    assert max(shares) <= 0.42


def test_targets_keep_the_prevalence_and_both_classes() -> None:
    assert stratified_targets([600, 200, 200], 425, 1000) == [255, 85, 85]
    assert stratified_targets([60, 20, 20], 33, 100) == [20, 7, 6]
    assert stratified_targets([60, 20, 20], 3, 100) == [1, 1, 1]
    assert stratified_targets([60, 20, 20], 97, 100) == [59, 19, 19]
    assert stratified_targets([60, 20, 20], 0, 100) == [0, 0, 0]


def test_too_few_rows_are_refused() -> None:
    table = patients_of(100, 1, 0.5, 0)
    with pytest.raises(SplitError, match="are 101 rows, there are 100"):
        rows_of(table, Split(train=61, val=20, test=20))


def test_too_few_patients_are_refused() -> None:
    table = pd.DataFrame({"Patient ID": ["1"] * 50 + ["2"] * 50, "Disease": [0, 1] * 50})
    with pytest.raises(SplitError, match="at least 3 different 'Patient ID', there are 2"):
        rows_of(table, Split(train=60, val=20, test=20))


def test_sizes_that_whole_patients_cannot_give_are_refused_with_the_nearest() -> None:
    patients = np.repeat(np.arange(25), 4).astype(str)
    table = pd.DataFrame({"Patient ID": patients, "Disease": [0, 1] * 50})
    with pytest.raises(SplitError) as caught:
        rows_of(table, Split(train=61, val=20, test=19))
    message = str(caught.value)
    assert "train 61, val 20, test 19 cannot be had exactly" in message
    assert "100 rows of 25 groups, the largest of 4 rows" in message
    assert "The nearest sizes are train 60, val 20, test 20." in message
    split = Split(train=60, val=20, test=20)
    check(table, rows_of(table, split), split)


@pytest.mark.parametrize("rare", [0, 1])
@pytest.mark.parametrize(
    ("sizes", "rows"), [([100, 40, 40], 260), ([600, 200, 200], 1000), ([600, 200, 200], 1800)]
)
def test_targets_of_a_rare_class_have_one_everywhere_and_no_more_than_there_are(
    sizes: list[int], rows: int, rare: int
) -> None:
    for count in range(3, 31):
        positives = stratified_targets(sizes, count if rare else rows - count, rows)
        rares = positives if rare else [n - k for n, k in zip(sizes, positives, strict=True)]
        assert min(rares) >= 1, (count, rares)
        share = sum(sizes) * count / rows
        assert sum(rares) == max(3, round(share)), (count, rares)
        assert all(abs(k - n * count / rows) < 2 for k, n in zip(rares, sizes, strict=True))


def test_a_class_with_fewer_rows_than_splits_is_refused_at_once() -> None:
    table = pd.DataFrame({"Patient ID": range(100), "Disease": [1] * 2 + [0] * 98})
    for keys in (
        {},
        {"group_by": None},
        {"stratify": False},
        {"group_by": None, "stratify": False},
    ):
        split = Split(train=60, val=20, test=20, **keys)
        with pytest.raises(
            SplitError,
            match="only 2 rows of class 'positive', of 100; three splits need at least 3",
        ):
            rows_of(table, split)
        with pytest.raises(
            SplitError,
            match="only 2 rows of class 'negative', of 100; three splits need at least 3",
        ):
            rows_of(table.assign(Disease=1 - table["Disease"]), split)
    table["Disease"] = 1
    with pytest.raises(SplitError, match="no row of class 'negative', of 100"):
        rows_of(table, Split(train=60, val=20, test=20))


def test_a_class_that_a_split_lacks_is_refused_with_what_would_help() -> None:
    table = pd.DataFrame({"Patient ID": range(100), "Disease": [1] * 3 + [0] * 97})
    sizes = {"train": 60, "val": 20, "test": 20}
    for keys in ({"stratify": False}, {"group_by": None, "stratify": False}):
        with pytest.raises(SplitError, match=r"of its .* rows is of class 'positive'") as caught:
            rows_of(table, Split(**sizes, **keys))
        assert "Set split.stratify: true, or choose another split.seed" in str(caught.value)
    one_patient = table.assign(**{"Patient ID": [0] * 3 + list(range(1, 98))})
    with pytest.raises(SplitError, match=r"of its .* rows is of class 'positive'") as caught:
        rows_of(one_patient, Split(**sizes))
    assert "stratify" not in str(caught.value)
    assert "split by rows (split.group_by: null" in str(caught.value)


@pytest.mark.parametrize("group_by", ["Patient ID", None])
def test_a_rare_class_still_reaches_every_split(group_by: str | None) -> None:
    for count in range(3, 12):
        labels = [1] * count + [0] * (260 - count)
        table = pd.DataFrame({"Patient ID": range(260), "Disease": labels})
        split = Split(train=100, val=40, test=40, group_by=group_by)
        rows = rows_of(table, split)
        assert min(int(table["Disease"].iloc[at].sum()) for at in rows) >= 1


def test_the_split_files_hold_the_tables_text_and_an_audit(
    make_data: MakeData, tmp_path: Path
) -> None:
    data = make_data(["No Finding", "Mass|Nodule"] * 10)
    audit = write_splits(data, Split(train=12, val=4, test=4), tmp_path / "splits")
    assert sorted(path.name for path in (tmp_path / "splits").iterdir()) == [
        "audit.json",
        "test.csv",
        "train.csv",
        "val.csv",
    ]
    assert json.loads((tmp_path / "splits/audit.json").read_text()) == audit.as_json()
    lines = (tmp_path / "labels.csv").read_text().splitlines()
    written = []
    for name, size in (("train", 12), ("val", 4), ("test", 4)):
        header, *rows = (tmp_path / f"splits/{name}.csv").read_text().splitlines()
        assert header == lines[0] + ",Disease"
        assert len(rows) == size
        assert {row.rsplit(",", 1)[0] for row in rows} <= set(lines[1:])
        assert rows == sorted(rows)  # the table's order
        assert (
            read_split(tmp_path / f"splits/{name}.csv", BinaryTask()).frame["Disease"].mean() == 0.5
        )
        written += rows
    assert len(set(written)) == 20


def test_the_same_split_is_the_same_bytes(make_data: MakeData, tmp_path: Path) -> None:
    data = make_data(["No Finding", "Mass"] * 10)
    for folder in ("one", "two"):
        write_splits(data, Split(train=12, val=4, test=4, seed=3), tmp_path / folder)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_lab_5s_rows_are_written_in_lab_5s_order(make_data: MakeData, tmp_path: Path) -> None:
    data = make_data(["No Finding", "Mass"] * 10)
    split = Split(train=12, val=4, test=4, seed=0, group_by=None, stratify=False)
    write_splits(data, split, tmp_path / "splits")
    np.random.seed(0)
    idx = np.arange(20)
    np.random.shuffle(idx)
    names = read_split(tmp_path / "splits/train.csv", BinaryTask()).frame["Image Index"].tolist()
    assert names == [f"{i:04}.png" for i in idx[:12]]


def test_nothing_is_written_when_an_image_is_bad(make_data: MakeData, tmp_path: Path) -> None:
    data = make_data(["No Finding", "Mass"] * 10)
    split = Split(train=12, val=4, test=4)
    (data.images / "0003.png").unlink()
    (data.images / "0007.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(DataError, match="2 of 20 images"):
        write_splits(data, split, tmp_path / "splits")
    assert not (tmp_path / "splits").exists()


def test_earlier_files_stay_when_the_folder_cannot_be_written(
    make_data: MakeData, tmp_path: Path
) -> None:
    data = make_data(["No Finding", "Mass"] * 10)
    folder = tmp_path / "splits"
    write_splits(data, Split(train=12, val=4, test=4, seed=0), folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    (folder / "test.csv").unlink()
    (folder / "test.csv").mkdir()  # so that the last of the four files cannot take its place
    with pytest.raises(OSError, match=r"test\.csv"):
        write_splits(data, Split(train=12, val=4, test=4, seed=1), folder)
    assert {path.name for path in folder.iterdir()} == set(before)
    for name in ("train.csv", "val.csv", "audit.json"):
        assert (folder / name).read_bytes() == before[name]


def test_a_group_column_that_is_not_there_is_named(make_data: MakeData, tmp_path: Path) -> None:
    data = make_data(["No Finding", "Mass"] * 10)
    with pytest.raises(DataError, match=r"no column 'Patient' \(split.group_by\)") as caught:
        write_splits(data, Split(train=12, val=4, test=4, group_by="Patient"), tmp_path / "splits")
    assert "Did you mean 'Patient ID'?" in str(caught.value)
    assert "split.group_by: null" in str(caught.value)


def test_images_of_rows_that_are_not_chosen_are_not_needed(
    make_data: MakeData, tmp_path: Path
) -> None:
    data = make_data(["No Finding", "Mass"] * 10)
    split = Split(train=6, val=2, test=2)
    chosen = np.concatenate(rows_of(read_labels(data).frame, split))
    for row in set(range(20)) - set(chosen.tolist()):
        (data.images / f"{row:04}.png").unlink()
    seen: list[tuple[int, int]] = []
    write_splits(data, split, tmp_path / "splits", progress=lambda *at: seen.append(at))
    assert seen[-1] == (10, 10)
