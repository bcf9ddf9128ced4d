import hashlib
from collections.abc import Collection, Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from bakeoff.config.schema import Data, Split
from bakeoff.data.audit import (
    Audit,
    DuplicateImage,
    ImageFormat,
    Overlap,
    SplitSummary,
    audit_splits,
)
from bakeoff.data.decoding import ImageFacts
from bakeoff.data.patients import SimilarIds
from bakeoff.data.splits import inspect_split, write_splits
from bakeoff.data.tables import LabelledRows
from tests.data.conftest import MakeData


def look(image: str) -> bytes:
    """A hash far from that of every other image."""
    return hashlib.shake_256(image.encode()).digest(72)


def of(
    parts: dict[str, list[tuple[str, str, int]]],
    similar_ids: SimilarIds | None = None,
    looks: Mapping[str, bytes] = MappingProxyType({}),
    patient_column: str = "Patient ID",
    coloured: Collection[str] = (),
    **facts: str,
) -> Audit:
    """Audit rows of (image, patient, label); `facts` gives images another digest than their name."""
    columns = ["Image Index", patient_column, "Disease"]
    images = []
    for image in (image for rows in parts.values() for image, _, _ in rows):
        digest = facts.get(image, image)
        seen = looks.get(image, look(digest))
        images.append(ImageFacts(image, "L", 8, 8, digest, False, seen, image in coloured))
    data = Data(
        labels=Path("labels.csv"),
        images=Path("images"),
        patient_column=patient_column,
        negative=("sound",),
        positive=("crack",),
        similar_ids=similar_ids,
    )
    split = Split(group_by=patient_column)
    tables = {
        name: LabelledRows(
            frame := pd.DataFrame(rows, columns=columns),
            frame["Disease"].to_numpy(),
            data.classification,
        )
        for name, rows in parts.items()
    }
    return audit_splits(tables, images, data, split, rows_available=99)


BALANCED = {
    "train": [("a", "1", 0), ("b", "1", 1), ("c", "2", 0), ("d", "3", 1)],
    "val": [("e", "4", 0), ("f", "5", 1)],
    "test": [("g", "6", 0), ("h", "6", 1)],
}


def test_a_clean_split_has_counts_and_no_warnings() -> None:
    audit = of(BALANCED)
    assert audit.splits["train"] == SplitSummary(rows=4, patients=3, counts={"crack": 2})
    assert audit.splits["test"] == SplitSummary(rows=2, patients=1, counts={"crack": 1})
    assert [overlap.rows for overlap in audit.overlaps] == [0, 0, 0]
    assert audit.kinds == [ImageFormat("L", 8, 8, images=8)]
    assert audit.rows_available == 99
    assert audit.warnings == []


def test_patients_in_two_splits_are_counted_and_warned_of() -> None:
    parts = {**BALANCED, "test": [("g", "1", 0), ("h", "1", 1), ("i", "2", 0), ("j", "9", 1)]}
    audit = of(parts)
    assert audit.overlaps[1] == Overlap("train", "test", patients=2, rows=3, share=0.75)
    assert audit.warnings == ["3 of 4 test rows (75%) are of 2 patients that are also in train"]
    of_concrete = of(parts, patient_column="Specimen")
    assert of_concrete.warnings == ["3 of 4 test rows (75%) are of 2 groups that are also in train"]


def test_identical_images_are_named_with_their_splits_leaks_first() -> None:
    audit = of(BALANCED, a="same", d="same", c="pair", g="pair", f="trio", b="trio", h="trio")
    assert [
        DuplicateImage("a", "train", "sound"),
        DuplicateImage("d", "train", "crack"),
    ] in audit.identical
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
        "the share of crack is 50.0% in train but 70.0% in test",
        "the share of crack is 50.0% in val but 70.0% in test",
    ]


def test_a_table_without_patients_says_what_cannot_be_known(
    make_data: MakeData, tmp_path: Path
) -> None:
    data = make_data(["No Finding", "Mass"] * 10, patient_column=None)
    audit = write_splits(data, Split(train=12, val=4, test=4, group_by=None), tmp_path / "splits")
    assert audit.overlaps == []
    assert audit.splits["train"].patients is None
    assert audit.warnings == [
        "no column says which images are of the same patient or object (data.patient_column: null): "
        "whether one is in two splits cannot be known"
    ]


def test_a_group_column_without_repeated_groups_gives_a_warning(
    make_data: MakeData, tmp_path: Path
) -> None:
    split = Split(train=12, val=4, test=4)
    alone = write_splits(make_data(["No Finding", "Mass"] * 10), split, tmp_path / "splits")
    (warning,) = alone.warnings
    assert warning.startswith("each of the 20 rows has a 'Patient ID' (split.group_by) of its own")


def test_ids_that_are_merged_keep_rows_together_and_are_not_called_useless(
    make_data: MakeData,
) -> None:
    ids = [name for patient in range(10) for name in (f"P{patient}", f"p{patient}")]
    data = make_data(["No Finding", "Mass"] * 10, ids)
    split = Split(train=12, val=4, test=4)
    merged = inspect_split(data.model_copy(update={"similar_ids": "merge"}), split)
    assert merged.warnings == []
    distinct = inspect_split(data.model_copy(update={"similar_ids": "distinct"}), split)
    assert "of its own" in distinct.warnings[0]


def test_what_was_merged_is_noted_and_what_is_unsure_warned_of() -> None:
    parts = {
        "train": [("a", "13", 0), ("b", "13.0", 1)],
        "val": [("c", "P7", 0), ("d", "2", 1)],
        "test": [("e", "p7", 1), ("f", "1.23457E+11", 0)],
    }
    audit = of(parts)
    (ids,) = audit.ids
    assert (ids.column, ids.similar_ids) == ("Patient ID", None)
    assert (ids.merged, ids.similar) == ([["13", "13.0"]], [["P7", "p7"]])
    assert audit.splits["train"].patients == 1
    assert audit.notes == [
        "Column 'Patient ID': 1 ids are written in several ways, each taken as one: '13' = '13.0'."
    ]
    unsure, rounded = audit.warnings
    assert "1 sets of ids are equal but for case" in unsure and "'P7' = 'p7'" in unsure
    assert "a spreadsheet has rounded 1 ids" in rounded and "1.23457E+11" in rounded
    merged = of(parts, similar_ids="merge")
    assert merged.overlaps[2] == Overlap("val", "test", patients=1, rows=1, share=0.5)
    apart = of(parts, similar_ids="distinct")
    assert apart.overlaps[2].patients == 0
    assert "are different ones, by data.similar_ids: 'P7' = 'p7'" in apart.notes[1]


def test_images_that_look_the_same_are_named_where_they_are_in_two_splits() -> None:
    flipped = bytes([look("a")[0] ^ 0b111]) + look("a")[1:]
    looks = {"g": flipped, "d": look("b")}
    audit = of(BALANCED, looks=looks)
    assert [[one.image for one in duplicates] for duplicates in audit.near] == [
        ["a", "g"],
        ["b", "d"],
    ]
    assert audit.identical == []
    assert audit.warnings == [
        "a (train) and g (test) look the same (encoded again, resized, or a little brighter)"
    ]
    assert audit.notes == [
        "1 sets of images within one split look the same (encoded again, resized, or a little "
        "brighter): b = d."
    ]
    # An exact copy of one of them is in both lists.
    assert len(of(BALANCED, looks=looks, e="a").near[0]) == 3


def test_images_of_one_split_that_look_the_same_are_warned_of_where_their_labels_differ() -> None:
    audit = of(BALANCED, looks={"b": look("a"), "c": look("a"), "f": look("e")})
    assert audit.warnings == [
        "2 sets of images within one split look the same (encoded again, resized, or a little "
        "brighter), but are labelled differently: a (sound) = b (crack) = c (sound), e (sound) = "
        "f (crack). Where they are the same, a label is wrong"
    ]
    assert audit.notes == []
    many = {**BALANCED, "train": [(f"{i:02}", str(i + 9), i % 2) for i in range(60)]}
    (warning,) = of(many, looks={f"{i:02}": look(f"{i // 2}") for i in range(60)}).warnings
    assert warning.startswith("30 sets of images") and "and 10 more. Where" in warning


def test_constant_images_are_named(make_data: MakeData, tmp_path: Path) -> None:
    data = make_data(["No Finding", "Mass"] * 10, [f"{i // 2}" for i in range(20)])
    Image.fromarray(np.zeros((20, 24), dtype=np.uint8)).save(data.images / "0005.png")
    audit = write_splits(data, Split(train=12, val=4, test=4), tmp_path / "splits")
    assert audit.constant == ["0005.png"]
    assert audit.warnings == ["every pixel is the same in 0005.png"]


@pytest.mark.slow(seconds=9)
def test_the_real_identical_pair_is_found_within_and_across_splits(
    shared_data: Path, tmp_path: Path
) -> None:
    folder = shared_data / "nih-1000"
    data = Data(labels=folder / "sample_labels.csv", images=folder / "images")
    grouped = write_splits(data, Split(), tmp_path / "grouped")
    (duplicates,) = grouped.identical
    assert [one.image for one in duplicates] == ["00002658_001.png", "00002658_002.png"]
    assert len({image.split for image in duplicates}) == 1  # one patient
    assert grouped.near == []  # none of a thousand is taken for the copy of another
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


@pytest.mark.slow(seconds=2)
def test_the_modes_of_the_real_originals_are_counted(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "nih-original-24"
    data = Data(labels=folder / "sample_labels.csv", images=folder / "images")
    audit = write_splits(data, Split(train=12, val=6, test=6), tmp_path)
    assert audit.kinds == [ImageFormat("L", 1024, 1024, 20), ImageFormat("RGBA", 1024, 1024, 4)]


@pytest.mark.parametrize("label", [0, 1])
def test_splits_of_a_single_class_are_counted_and_not_warned_of(label: int) -> None:
    rows = {name: [(name, name, label)] for name in ("train", "val", "test")}
    audit = of(rows)
    assert audit.splits["val"].counts == {"crack": label}
    assert audit.warnings == []


NAMES = [image for rows in BALANCED.values() for image, _, _ in rows]


def test_that_all_images_have_colours_is_worth_a_note() -> None:
    audit = of(BALANCED, coloured=NAMES)
    assert audit.coloured == 8 and audit.warnings == []
    assert audit.notes[-1].startswith("All 8 images have colours: image.channels: 3 keeps them")
    assert of(BALANCED).notes == [] and of(BALANCED).coloured == 0


def test_a_folder_of_grey_and_colour_images_is_warned_of_and_the_fewer_are_named() -> None:
    few, most = NAMES[:2], NAMES[2:]
    audit = of(BALANCED, coloured=few)
    assert audit.coloured == 2 and audit.notes == []
    names = ", ".join(few)
    assert audit.warnings[0].startswith(
        f"2 of 8 images have colours, the others are grey: {names}. With image.channels: 3 a model"
    )
    (warning,) = of(BALANCED, coloured=most).warnings
    assert warning.startswith(f"2 of 8 images are grey, the others have colours: {names}. With")


def test_the_colours_of_real_photographs_are_found(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "food-300/test"
    names = [file.relative_to(folder).as_posix() for file in sorted(folder.glob("*/*.jpg"))[::3]]
    table = pd.DataFrame({"image": names, "label": [name.split("/")[0] for name in names]})
    table.to_csv(tmp_path / "labels.csv", index=False)
    labels = table["label"].unique().tolist()
    data = Data(
        labels=tmp_path / "labels.csv",
        images=folder,
        image_column="image",
        label_column="label",
        patient_column=None,
        negative=labels[:1],
        positive=labels[1:],
    )
    audit = write_splits(data, Split(train=13, val=6, test=6, group_by=None), tmp_path / "splits")
    assert audit.coloured == 25 and any("All 25 images have colours" in one for one in audit.notes)
