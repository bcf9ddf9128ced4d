"""Sizes come out exactly, patients stay whole, and every class has its share in every split."""

import gzip
import time
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold

from bakeoff.data.assignment import assign
from bakeoff.data.optimum import Groups
from bakeoff.data.stratification import ClassGroups, assign_classes, stratified_targets

FINDINGS = [
    *("Atelectasis", "Cardiomegaly", "Effusion", "Infiltration", "Mass", "Nodule", "Pneumonia"),
    *("Pneumothorax", "Consolidation", "Edema", "Emphysema", "Fibrosis", "Pleural_Thickening"),
    "Hernia",
]
Split = list[NDArray[np.intp]]


def findings_of(table: pd.DataFrame) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """The patient of each row, and its findings (n, 14)."""
    found = table["Finding Labels"].str.split("|")
    columns = [found.map(lambda row, name=name: name in row) for name in FINDINGS]
    patients = np.unique(table["Patient ID"], return_inverse=True)[1]
    return patients, np.stack(columns, axis=1).astype(np.int64)


@pytest.fixture(scope="module")
def official(shared_data: Path) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """The official training and validation list of ChestX-ray14."""
    labels = shared_data / "labels"
    columns = ["Image Index", "Finding Labels", "Patient ID"]
    table = pd.read_csv(labels / "Data_Entry_2017_v2020.csv.gz", usecols=columns)
    names = gzip.decompress((labels / "train_val_list.txt.gz").read_bytes()).decode().split()
    return findings_of(table[table["Image Index"].isin(names)])


def chosen_by(groups: ClassGroups, sizes: Sequence[int], seed: int = 0) -> Split:
    """The assignment, of whole groups and exact sizes."""
    chosen = assign_classes(groups, sizes, np.random.RandomState(seed))
    assert chosen is not None
    members = np.concatenate(chosen)
    assert len(np.unique(members)) == len(members)  # no group in two splits
    assert [int(groups.rows[part].sum()) for part in chosen] == list(sizes)
    return chosen


def counts_of(groups: ClassGroups, chosen: Split) -> NDArray[np.int64]:
    return np.stack([groups.counts[part].sum(axis=0) for part in chosen])


def shares(groups: ClassGroups, sizes: Sequence[int]) -> NDArray[np.float64]:
    return np.asarray(sizes)[:, None] * groups.counts.sum(axis=0) / groups.rows.sum()


def single_rows(classes: NDArray[np.intp]) -> ClassGroups:
    """Every row its own group, of one class."""
    return ClassGroups.of(
        np.arange(len(classes)), np.eye(classes.max() + 1, dtype=np.int64)[classes]
    )


def iterative_stratification(
    counts: NDArray[np.int64], parts: Sequence[float], random: np.random.RandomState
) -> Split:
    """Algorithm 1 of Sechidis et al. (ECML PKDD 2011), with patients for examples."""
    wanted = np.outer(parts, counts.sum(axis=0)).astype(float)
    wanted_examples = np.asarray(parts) * len(counts)
    part_of = np.full(len(counts), -1)
    while (part_of < 0).any():
        left = counts[part_of < 0].sum(axis=0)
        label = np.where(left > 0, left, np.inf).argmin()
        if not left.any():
            members = np.flatnonzero(part_of < 0)
        else:
            members = np.flatnonzero((part_of < 0) & (counts[:, label] > 0))
        for member in members:
            order = [random.rand(len(parts)), wanted_examples]
            part = np.lexsort([*order, wanted[:, label]] if left.any() else order)[-1]
            part_of[member] = part
            wanted[part] -= counts[member]
            wanted_examples[part] -= 1
    return [np.flatnonzero(part_of == part) for part in range(len(parts))]


@pytest.mark.slow(seconds=4)
def test_a_fifth_of_the_official_list_has_every_finding_to_the_row(
    official: tuple[NDArray[np.intp], NDArray[np.int64]],
) -> None:
    groups = ClassGroups.of(*official)
    assert len(groups.rows) == 28008
    sizes = [86524 - 17305, 17305]
    began = time.process_time()
    counts = counts_of(groups, chosen_by(groups, sizes))
    assert time.process_time() - began < 3
    assert np.abs(counts - shares(groups, sizes)).max() < 1


@pytest.mark.slow(seconds=2)
def test_it_is_nearer_than_scikit_learn_and_than_iterative_stratification(
    shared_data: Path,
) -> None:
    table = pd.read_csv(shared_data / "labels/kaggle_sample_labels.csv")
    patients, findings = findings_of(table)
    groups, n = ClassGroups.of(patients, findings), len(findings)
    sizes = [n - n // 5, n // 5]
    ours = chosen_by(groups, sizes)
    published = iterative_stratification(groups.counts, [0.8, 0.2], np.random.RandomState(0))
    # scikit-learn's takes one label a row: the set of its findings.
    sets = np.unique(findings, axis=0, return_inverse=True)[1]
    folds = StratifiedGroupKFold(5, shuffle=True, random_state=0)
    with pytest.warns(UserWarning, match="least populated class"):
        train, val = next(folds.split(findings, sets, patients))
    theirs = [np.unique(patients[part]) for part in (train, val)]

    def furthest(chosen: Split) -> float:
        """The largest relative deviation of a finding's prevalence in the smaller split."""
        rows = groups.rows[chosen[1]].sum()
        prevalence = counts_of(groups, chosen)[1] / rows
        return float(np.abs(prevalence / (groups.counts.sum(axis=0) / n) - 1).max())

    assert np.abs(counts_of(groups, ours) - shares(groups, sizes)).max() < 1
    assert furthest(ours) < min(furthest(published), furthest(theirs))
    assert furthest(ours) < 0.16  # 2.6 images of hernia cannot be had; 3 are nearest


def test_both_published_ways_miss_the_sizes(shared_data: Path) -> None:
    """Why there is a third: a lab that asks for 600, 200 and 200 images is to get them."""
    patients, findings = findings_of(pd.read_csv(shared_data / "nih-1000/sample_labels.csv"))
    groups = ClassGroups.of(patients, findings)
    parts = iterative_stratification(groups.counts, [0.6, 0.2, 0.2], np.random.RandomState(0))
    assert [int(groups.rows[part].sum()) for part in parts] != [600, 200, 200]
    chosen = chosen_by(groups, [600, 200, 200])
    counts, share = counts_of(groups, chosen), shares(groups, [600, 200, 200])
    common = (groups.counts > 0).sum(axis=0) >= 3
    assert np.abs(counts - share)[:, common].max() < 1


@pytest.mark.parametrize("classes", [3, 10, 100, 250, 1000])
@pytest.mark.parametrize("sizes", [[600, 200, 200], [500, 150, 100]])
def test_photographs_without_groups_are_split_to_the_image_and_soon(
    classes: int, sizes: list[int]
) -> None:
    groups = single_rows(np.arange(1000) % classes)
    began = time.process_time()
    counts = counts_of(groups, chosen_by(groups, sizes))
    assert time.process_time() - began < 1
    assert np.abs(counts - shares(groups, sizes)).max() < 1
    if classes <= min(sizes):
        assert counts.min() > 0


def test_a_class_of_three_images_has_one_in_each_split() -> None:
    classes = np.repeat(np.arange(5), [900, 60, 30, 7, 3])
    for seed in range(10):
        counts = counts_of(
            single_rows(classes), chosen_by(single_rows(classes), [600, 200, 200], seed)
        )
        assert counts[:, 4].tolist() == [1, 1, 1]
        assert counts.min() >= 1


def test_a_finding_of_one_patient_is_for_training() -> None:
    random = np.random.RandomState(0)
    patients = random.randint(0, 150, 400)
    findings = (random.rand(400, 4) < [0.4, 0.2, 0.05, 0]).astype(np.int64)
    findings[patients == patients[0], 3] = 1
    for seed in range(10):
        groups = ClassGroups.of(np.unique(patients, return_inverse=True)[1], findings)
        counts = counts_of(groups, chosen_by(groups, [200, 90, 80], seed))
        assert counts[0].min() > 0
        assert counts[:, :3].min() > 0


def test_the_same_seed_is_the_same_split_and_another_seed_another() -> None:
    random = np.random.RandomState(1)
    groups = ClassGroups.of(
        random.randint(0, 200, 700), np.eye(6, dtype=np.int64)[random.randint(0, 6, 700)]
    )
    once, again = chosen_by(groups, [400, 120, 100]), chosen_by(groups, [400, 120, 100])
    for one, other in zip(once, again, strict=True):
        np.testing.assert_array_equal(one, other)
    assert once[0].tolist() != chosen_by(groups, [400, 120, 100], seed=1)[0].tolist()


def test_the_rows_of_a_seed_stay_those_of_today() -> None:
    """The choice is exact arithmetic on a frozen stream: another machine has the same."""
    random = np.random.RandomState(1)
    patients = np.unique(random.randint(0, 60, 200), return_inverse=True)[1]
    groups = ClassGroups.of(patients, np.eye(4, dtype=np.int64)[random.randint(0, 4, 200)])
    chosen = chosen_by(groups, [120, 40, 40])
    assert chosen[1].tolist() == [0, 6, 11, 18, 22, 25, 40, 41, 43, 52, 54]
    assert chosen[2].tolist() == [7, 8, 20, 24, 31, 35, 36, 45]


@pytest.mark.slow(seconds=2)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**31), count=st.integers(30, 200), classes=st.integers(2, 12))
def test_random_patients_come_whole_in_exact_sizes_near_their_shares(
    seed: int, count: int, classes: int
) -> None:
    random = np.random.RandomState(seed)
    rows = np.minimum(random.geometric(0.4, count), 20)  # many with one image, few with many
    patients = np.repeat(np.arange(count), rows)
    findings = (random.rand(len(patients), classes) < random.rand(classes) / 2).astype(np.int64)
    groups, n = ClassGroups.of(patients, findings), len(patients)
    sizes = [n // 2, n // 5, n // 5]
    counts, share = counts_of(groups, chosen_by(groups, sizes, seed)), shares(groups, sizes)
    assert (np.abs(counts - share) <= 2 + 0.1 * share).all()
    held = (groups.counts > 0).sum(axis=0)
    assert (counts[0] > 0)[held > 0].all()
    assert (counts > 0)[:, held >= 3].all()


def every_assignment(groups: ClassGroups) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows (P, 3) and counts (P, 3, C) of the splits for every way to put groups in one or in none."""
    places = np.array(list(product(range(4), repeat=len(groups.rows))))
    inside = (places[:, None] == np.arange(3)[:, None]).astype(np.int64)
    return inside @ groups.rows, inside @ groups.counts


@pytest.mark.slow(seconds=2)
@pytest.mark.parametrize("seed", range(15))
def test_few_large_groups_have_every_class_everywhere_whenever_brute_force_does(seed: int) -> None:
    random = np.random.RandomState(seed)
    rows = random.randint(1, 7, 8)
    classes = np.repeat([0, 1], [4, 4]) if seed % 3 else np.repeat([0, 1], [3, 5])
    groups = ClassGroups(rows, np.eye(2, dtype=np.int64)[classes] * rows[:, None])
    all_rows, all_counts = every_assignment(groups)
    sizes_with_all = np.unique(all_rows[(all_counts > 0).all(axis=(1, 2))], axis=0)
    for sizes in random.permutation(sizes_with_all)[:6].tolist():
        assert counts_of(groups, chosen_by(groups, sizes, seed)).min() > 0
    everything = set(map(tuple, all_rows.tolist()))
    for sizes in random.randint(1, 12, (12, 3)).tolist():
        chosen = assign_classes(groups, sizes, np.random.RandomState(seed))
        assert (chosen is None) == (tuple(sizes) not in everything)


def test_one_class_to_count_is_split_as_ever() -> None:
    random = np.random.RandomState(3)
    rows = random.randint(1, 9, 300)
    positives = random.randint(0, rows + 1)
    sizes = [600, 200, 200]
    targets = stratified_targets(sizes, int(positives.sum()), int(rows.sum()))
    before = assign(Groups(rows, positives), sizes, targets, np.random.RandomState(0))
    now = assign_classes(ClassGroups(rows, positives[:, None]), sizes, np.random.RandomState(0))
    assert before is not None
    assert now is not None
    for one, other in zip(before, now, strict=True):
        np.testing.assert_array_equal(one, other)


def test_without_classes_only_the_sizes_count() -> None:
    groups = ClassGroups(np.full(50, 4), np.zeros((50, 3), dtype=np.int64))
    chosen_by(groups, [120, 40, 40])
    assert assign_classes(groups, [121, 40, 39], np.random.RandomState(0)) is None
