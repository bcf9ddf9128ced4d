from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from bakeoff.config.schema import Data, Split
from bakeoff.data.audit import Audit, Kind, Overlap, Part, Twin, audit_splits
from bakeoff.data.decoding import ImageFacts
from bakeoff.data.splits import write_splits
from tests.data.conftest import MakeData


def of(parts: dict[str, list[tuple[str, str, int]]], **facts: str) -> Audit:
    """Audit rows of (image, patient, disease); `facts` gives images another digest than their name."""
    columns = ["Image Index", "Patient ID", "Disease"]
    tables = {name: pd.DataFrame(rows, columns=columns) for name, rows in parts.items()}
    images = [
        ImageFacts(image, "L", 8, 8, facts.get(image, image), constant=False)
        for rows in parts.values()
        for image, _, _ in rows
    ]
    data = Data(labels=Path("labels.csv"), images=Path("images"))
    return audit_splits(tables, images, data, Split(), rows_available=99)


BALANCED = {
    "train": [("a", "1", 0), ("b", "1", 1), ("c", "2", 0), ("d", "3", 1)],
    "val": [("e", "4", 0), ("f", "5", 1)],
    "test": [("g", "6", 0), ("h", "6", 1)],
}


def test_a_clean_split_has_counts_and_no_warnings() -> None:
    audit = of(BALANCED)
    assert audit.splits["train"] == Part(rows=4, disease=2, prevalence=0.5, patients=3)
    assert audit.splits["test"] == Part(rows=2, disease=1, prevalence=0.5, patients=1)
    assert [overlap.rows for overlap in audit.overlaps] == [0, 0, 0]
    assert audit.kinds == [Kind("L", 8, 8, images=8)]
    assert audit.rows_available == 99
    assert audit.warnings == []


def test_patients_in_two_splits_are_counted_and_warned_of() -> None:
    parts = {**BALANCED, "test": [("g", "1", 0), ("h", "1", 1), ("i", "2", 0), ("j", "9", 1)]}
    audit = of(parts)
    assert audit.overlaps[1] == Overlap("train", "test", patients=2, rows=3, share=0.75)
    assert audit.warnings == ["3 of 4 test rows (75%) are of 2 patients who are also in train"]


def test_identical_images_are_named_with_their_splits_leaks_first() -> None:
    audit = of(BALANCED, a="same", d="same", c="twin", g="twin", f="trio", b="trio", h="trio")
    assert [Twin("a", "train", 0), Twin("d", "train", 1)] in audit.identical
    assert audit.warnings == [
        "b (train), f (val) and h (test) are pixel-identical",
        "c (train) and g (test) are pixel-identical",
        "a (train) and d (train) are pixel-identical, but labelled differently",
    ]


def test_a_patient_written_in_several_ways_is_one() -> None:
    parts = {
        "train": [("a", "13", 0), ("b", "0013", 1)],
        "val": [("c", "14", 0)],
        "test": [("d", "13 ", 1)],
    }
    audit = of(parts)
    assert audit.splits["train"].patients == 1
    assert [overlap.patients for overlap in audit.overlaps] == [0, 1, 0]


def test_many_identical_images_do_not_flood_the_report() -> None:
    rows = [(f"{i:03}", str(i), i % 2) for i in range(100)]
    parts = {"train": rows[:50], "val": rows[50:60], "test": rows[60:]}
    pairs = of(parts, **{f"{i:03}": str(i // 2) for i in range(100)})
    assert len(pairs.identical) == 50
    assert len(pairs.warnings) == 21
    assert pairs.warnings[-1] == "30 more sets of images are pixel-identical"
    one = of(parts, **{f"{i:03}": "same" for i in range(100)})
    assert len(one.warnings) == 1
    assert "019 (train) and 80 more are pixel-identical" in one.warnings[0]


def test_prevalence_that_drifts_is_warned_of_unless_it_is_one_row() -> None:
    def warnings(size: int, *disease: int) -> list[str]:
        rows = [(str(i), str(i), int(i % size < disease[i // size])) for i in range(3 * size)]
        parts = {"train": rows[:size], "val": rows[size : 2 * size], "test": rows[2 * size :]}
        return of(parts).warnings

    assert warnings(10, 5, 5, 6) == []
    assert warnings(20, 10, 10, 14) == [
        "disease is in 50.0% of train but 70.0% of test",
        "disease is in 50.0% of val but 70.0% of test",
    ]


def test_a_table_without_patients_says_what_cannot_be_known(
    make_data: MakeData, tmp_path: Path
) -> None:
    data = make_data(["No Finding", "Mass"] * 10, patient_column=None)
    audit = write_splits(data, Split(train=12, val=4, test=4, group_by=None), tmp_path / "splits")
    assert audit.overlaps == []
    assert audit.splits["train"].patients is None
    assert audit.warnings == [
        "no patient column: whether a patient is in two splits cannot be known"
    ]


def test_constant_images_are_named(make_data: MakeData, tmp_path: Path) -> None:
    data = make_data(["No Finding", "Mass"] * 10)
    Image.fromarray(np.zeros((20, 24), dtype=np.uint8)).save(data.images / "0005.png")
    audit = write_splits(data, Split(train=12, val=4, test=4), tmp_path / "splits")
    assert audit.constant == ["0005.png"]
    assert audit.warnings == ["every pixel is the same in 0005.png"]


def test_the_real_identical_pair_is_found_within_and_across_splits(
    shared_data: Path, tmp_path: Path
) -> None:
    folder = shared_data / "nih-1000"
    data = Data(labels=folder / "sample_labels.csv", images=folder / "images")
    grouped = write_splits(data, Split(), tmp_path / "grouped")
    (twins,) = grouped.identical
    assert [twin.image for twin in twins] == ["00002658_001.png", "00002658_002.png"]
    assert len({twin.split for twin in twins}) == 1  # one patient
    assert all(overlap.patients == 0 for overlap in grouped.overlaps)
    assert sum(part.patients or 0 for part in grouped.splits.values()) == 682
    # Rows alone part the pair for some seeds: 5 is one.
    by_rows = write_splits(data, Split(seed=5, group_by=None, stratify=False), tmp_path / "rows")
    ((first, second),) = by_rows.identical
    assert first.split != second.split
    assert (
        f"{first.image} ({first.split}) and {second.image} ({second.split}) are pixel-identical"
        in by_rows.warnings
    )
    overlap = by_rows.overlaps[1]
    assert (overlap.first, overlap.second) == ("train", "test")
    assert 0.2 < overlap.share < 0.6
    assert any(
        warning.startswith(f"{overlap.rows} of 200 test rows") for warning in by_rows.warnings
    )


def test_the_modes_of_the_real_originals_are_counted(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "nih-original-24"
    data = Data(labels=folder / "sample_labels.csv", images=folder / "images")
    audit = write_splits(data, Split(train=12, val=6, test=6), tmp_path)
    assert audit.kinds == [Kind("L", 1024, 1024, 20), Kind("RGBA", 1024, 1024, 4)]


@pytest.mark.parametrize("disease", [0, 1])
def test_shares_are_finite_numbers(disease: int) -> None:
    rows = {name: [(name, name, disease)] for name in ("train", "val", "test")}
    assert of(rows).splits["val"].prevalence == disease
