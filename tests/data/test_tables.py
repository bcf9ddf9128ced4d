import gzip
from pathlib import Path

import pandas as pd
import pytest

from bakeoff.config.schema import Data, Task
from bakeoff.data.tables import inspect_labels, read_labels, read_split
from bakeoff.errors import DataError
from bakeoff.task.binary import BinaryTask

HEADER = "Image Index,Finding Labels,Patient ID\n"


def table(folder: Path, text: str, **keys: object) -> Data:
    (folder / "labels.csv").write_text(text, encoding="utf-8")
    return Data(labels=folder / "labels.csv", images=folder, **keys)  # type: ignore[arg-type]


def refusal(data: Data) -> str:
    with pytest.raises(DataError) as caught:
        read_labels(data)
    message = str(caught.value)
    assert str(data.labels) in message
    return message


def test_kaggles_sample_has_its_known_counts_and_keeps_its_text(shared_data: Path) -> None:
    path = shared_data / "labels/kaggle_sample_labels.csv"
    labels = read_labels(Data(labels=path, images=shared_data)).frame
    assert labels.shape == (5606, 12)
    assert labels.columns[-1] == "Disease"
    assert labels["Patient ID"].nunique() == 4230
    assert (labels["Disease"] == 0).sum() == 3044
    assert (labels["Disease"] == (labels["Finding Labels"] != "No Finding")).all()
    text = labels.drop(columns="Disease").to_csv(index=False, lineterminator="\n")
    assert text.strip() == path.read_text().replace("\r\n", "\n").strip()


@pytest.mark.slow(seconds=5)
def test_the_full_table_has_its_known_counts_and_keeps_its_text(shared_data: Path) -> None:
    path = shared_data / "labels/Data_Entry_2017_v2020.csv.gz"
    labels = read_labels(Data(labels=path, images=shared_data)).frame
    assert labels.shape == (112_120, 12)
    assert labels["Patient ID"].nunique() == 30_805
    assert (labels["Disease"] == 0).sum() == 60_361
    patients = {}
    for name, count in (("train_val", 86_524), ("test", 25_596)):
        names = gzip.decompress((shared_data / f"labels/{name}_list.txt.gz").read_bytes())
        members = labels["Image Index"].isin(names.decode().split())
        assert members.sum() == count
        patients[name] = set(labels["Patient ID"][members])
    assert patients["train_val"].isdisjoint(patients["test"])
    # The header that splits in two is one again when written.
    text = labels.drop(columns="Disease").to_csv(index=False, lineterminator="\n")
    assert text.strip() == gzip.decompress(path.read_bytes()).decode().strip()


def test_the_real_subset_has_its_known_counts(shared_data: Path) -> None:
    folder = shared_data / "nih-1000"
    labels = read_labels(Data(labels=folder / "sample_labels.csv", images=folder / "images")).frame
    assert len(labels) == 1000
    assert labels["Disease"].sum() == 500
    assert labels["Patient ID"].nunique() == 682


def test_the_first_rows_are_the_files_first(shared_data: Path) -> None:
    path = shared_data / "labels/kaggle_sample_labels.csv"
    labels = read_labels(Data(labels=path, images=shared_data, rows=1000)).frame
    assert len(labels) == 1000
    assert labels["Image Index"].iloc[0] == "00000013_005.png"
    assert labels["Patient ID"].nunique() == 753
    assert labels["Disease"].mean() == pytest.approx(0.425)


def test_a_plain_table_of_paths_and_numbers_is_read(tmp_path: Path) -> None:
    data = table(
        tmp_path,
        "path,target\na/1.png,0\nb/2.jpg,1\n",
        image_column="path",
        label_column="target",
        patient_column=None,
        negative=("0",),
        positive=("1",),
    )
    labels = read_labels(data).frame
    assert labels["Disease"].tolist() == [0, 1]
    assert labels["Disease"].dtype == "int64"
    assert labels["path"].tolist() == ["a/1.png", "b/2.jpg"]


@pytest.mark.parametrize(
    ("cells", "negative", "positive"),
    [
        (("0", "1"), "0", "1"),
        (("0.0", "1.0"), "0", "1"),
        (("False", "TRUE"), "false", "true"),
        (("No", "yes"), "no", "yes"),
    ],
)
def test_labels_may_be_spelled_as_pandas_and_spreadsheets_do(
    tmp_path: Path, cells: tuple[str, str], negative: str, positive: str
) -> None:
    text = f"path,target\na.png,{cells[0]}\nb.png,{cells[1]}\n"
    keys = {"image_column": "path", "label_column": "target", "patient_column": None}
    data = table(tmp_path, text, negative=(negative,), positive=(positive,), **keys)
    rows = read_labels(data)
    assert rows.labels.tolist() == [0, 1]
    assert rows.frame["target"].tolist() == list(cells)  # as the table has them
    rows.frame.to_csv(tmp_path / "train.csv", index=False)
    again = read_split(tmp_path / "train.csv", rows.task)
    emitted = rows.task.emitted(again.frame, again.labels, "target")
    assert emitted.tolist() == [[1, 0], [0, 1]]


def test_columns_of_findings_may_say_yes_and_no(tmp_path: Path) -> None:
    text = "path,Mass,Edema\na.png,1.0,no\nb.png,0.0,Yes\n"
    keys = {"image_column": "path", "patient_column": None}
    task = Task(kind="multilabel", findings=("Mass", "Edema"))
    assert read_labels(table(tmp_path, text, task=task, **keys)).labels.tolist() == [[1, 0], [0, 1]]
    bad = table(tmp_path, text.replace("no", "?"), task=task, **keys)
    assert "line 2 (a.png), Edema: '?'" in refusal(bad)


def test_ids_and_numbers_keep_their_text_through_a_split_file(tmp_path: Path) -> None:
    text = "Image Index,Finding Labels,Patient ID,weight,note\n007.png,Mass,0012,1.50,NA\n"
    labels = read_labels(table(tmp_path, text)).frame
    labels.to_csv(tmp_path / "train.csv", index=False)
    again = read_split(tmp_path / "train.csv", BinaryTask()).frame
    assert again.iloc[0].tolist() == ["007.png", "Mass", "0012", "1.50", "NA", 1]
    pd.testing.assert_frame_equal(again, labels)


def test_a_split_file_can_be_labels_again(tmp_path: Path) -> None:
    labels = read_labels(table(tmp_path, HEADER + "a.png,Mass,1\nb.png,No Finding,2\n")).frame
    labels.to_csv(tmp_path / "labels.csv", index=False)
    again = read_labels(Data(labels=tmp_path / "labels.csv", images=tmp_path)).frame
    pd.testing.assert_frame_equal(again, labels)
    labels.assign(Disease=0).to_csv(tmp_path / "labels.csv", index=False)
    assert "column 'Disease' is not what 'Finding Labels' says" in refusal(
        Data(labels=tmp_path / "labels.csv", images=tmp_path)
    )


def test_a_column_named_disease_can_be_the_label(tmp_path: Path) -> None:
    keys = {"label_column": "Disease", "patient_column": None, "negative": ("well",)}
    text = "Disease,Image Index\nill,a.png\nwell,b.png\n"
    labels = read_labels(table(tmp_path, text, positive=("ill",), **keys)).frame
    assert labels.columns.tolist() == ["Disease as labelled", "Image Index", "Disease"]
    assert labels["Disease"].tolist() == [1, 0]
    labels.to_csv(tmp_path / "train.csv", index=False)
    data = table(tmp_path, text, positive=("ill",), **keys)
    rows = read_split(tmp_path / "train.csv", data.classification)
    found = data.classification.identities(rows.frame, rows.labels, "Disease")
    assert found == ["ill	1", "well	0"]


def test_a_split_of_a_table_labelled_disease_can_be_labels_again(tmp_path: Path) -> None:
    keys = {
        "label_column": "Disease",
        "patient_column": None,
        "negative": ("0",),
        "positive": ("1",),
    }
    text = "Disease as labelled,Image Index,Disease\nill,a.png,1\nwell,b.png,0\n"
    labels = read_labels(table(tmp_path, text, **keys)).frame
    assert labels.columns.tolist() == ["Image Index", "Disease as labelled", "Disease"]
    assert labels["Disease as labelled"].tolist() == ["1", "0"]


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_spreadsheet_marks_blank_lines_and_trailing_commas_are_no_cells(
    tmp_path: Path, ending: str
) -> None:
    lines = ["\ufeffImage Index,Finding Labels,Patient ID,", "a.png,Mass,1,", "", "b.png,Edema,2,"]
    (tmp_path / "labels.csv").write_bytes(ending.join(lines).encode())
    labels = read_labels(Data(labels=tmp_path / "labels.csv", images=tmp_path)).frame
    assert labels.columns.tolist() == ["Image Index", "Finding Labels", "Patient ID", "Disease"]
    assert labels["Image Index"].tolist() == ["a.png", "b.png"]


def test_any_positive_label_makes_disease(tmp_path: Path) -> None:
    text = HEADER + "a.png,Effusion|Mass,1\nb.png, No Finding ,2\nc.png,Clear|No Finding,3\n"
    data = table(tmp_path, text, positive=("Mass",), negative=("No Finding", "Clear"))
    assert read_labels(data).frame["Disease"].tolist() == [1, 0, 0]


def test_a_missing_column_names_what_is_there_and_the_nearest(tmp_path: Path) -> None:
    message = refusal(table(tmp_path, "Image index,Finding Labels,Patient ID\na.png,Mass,1\n"))
    assert "no column 'Image Index' (data.image_column)" in message
    assert "Image index, Finding Labels, Patient ID" in message
    assert "Did you mean 'Image index'?" in message
    message = refusal(table(tmp_path, "Image Index,FINDING LABELS,Patient ID\na.png,Mass,1\n"))
    assert "Did you mean 'FINDING LABELS'?" in message
    assert "no column 'Finding Labels' (data.label_column)" in message


def test_everything_that_is_wrong_with_a_table_is_reported_at_once(tmp_path: Path) -> None:
    text = "file,label,Patient ID\na.png,Mass,1\na.png,Xyzzy,\n"
    data = table(tmp_path, text, rows=9, image_column="file", label_column="label")
    found = inspect_labels(data)
    assert [problem.key for problem in found.problems] == [
        "data.rows",
        "data.patient_column",
        "data.image_column",
        "data.label_column",
    ]
    message = refusal(data)
    assert message.splitlines()[:3] == [
        f"{data.labels}: data.rows asks for the first 9 rows, there are 2",
        f"{data.labels}: column 'Patient ID' is empty in 1 row: lines 3",
        f"{data.labels}: 1 image names are in more than one row: a.png (lines 2, 3). "
        "Keep one row per image.",
    ]
    assert "unknown label 'Xyzzy' in 1 row: line 3 (a.png)" in message


def test_columns_that_are_not_there_hide_no_other_mistake(tmp_path: Path) -> None:
    found = inspect_labels(table(tmp_path, "image,label\na.png,no\nb.png,yes\n"))
    assert [problem.key for problem in found.problems] == [
        "data.image_column",
        "data.label_column",
        "data.patient_column",
    ]
    assert found.table is not None and found.table.lines == [2, 3]
    assert found.rows is None
    known = table(tmp_path, "image,Finding Labels,Patient ID\na.png,Xyzzy,1\n")
    assert "unknown label 'Xyzzy' in 1 row: line 2" in refusal(known)


def test_the_error_for_a_table_without_patients_names_the_keys(tmp_path: Path) -> None:
    message = refusal(table(tmp_path, "Image Index,Finding Labels\na.png,Mass\n"))
    assert "data.patient_column: null" in message
    assert "split.group_by: null" in message


def test_unknown_labels_are_named_with_their_rows_and_the_nearest_known(tmp_path: Path) -> None:
    labels = ["Mass", "Pnuemonia", "no finding", "Pnuemonia", "Xyzzy", "MASS"]
    rows = "".join(
        f"{image}.png,{label},1\n" for image, label in zip("abcdef", labels, strict=True)
    )
    message = refusal(table(tmp_path, HEADER + rows))
    assert "unknown label 'Pnuemonia' in 2 rows: line 3 (b.png), line 5 (d.png)" in message
    assert "Did you mean 'Pneumonia'?" in message
    assert (
        "unknown label 'no finding' in 1 row: line 4 (c.png). Did you mean 'No Finding'?" in message
    )
    assert "unknown label 'Xyzzy' in 1 row: line 6 (e.png)" in message
    assert "unknown label 'MASS' in 1 row: line 7 (f.png). Did you mean 'Mass'?" in message
    assert "data.positive" in message


def test_no_label_and_contradicting_labels_are_refused(tmp_path: Path) -> None:
    rows = "a.png,,1\nb.png,Mass|,2\nc.png,No Finding|Mass,3\nd.png,Mass,4\n"
    message = refusal(table(tmp_path, HEADER + rows))
    assert "2 rows without a label: line 2 (a.png), line 3 (b.png)" in message
    assert "1 row with and without a finding at once: line 4 (c.png) (No Finding|Mass)" in message


def test_one_image_under_two_spellings_is_repeated(tmp_path: Path) -> None:
    message = refusal(table(tmp_path, HEADER + "a.png,Mass,1\n./a.png,Mass,2\n"))
    assert "1 image names are in more than one row: a.png (lines 2, 3)" in message


def test_repeated_images_are_named_with_their_lines(tmp_path: Path) -> None:
    rows = "".join(f"{i % 30}.png,Mass,1\n" for i in range(55))
    message = refusal(table(tmp_path, HEADER + rows))
    assert "25 image names are in more than one row: 0.png (lines 2, 32)" in message
    assert "and 5 more" in message


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "the file is empty"),
        (HEADER, "there is a header but no row"),
        (HEADER + "a.png,Mass\n", "line 2 has 2 cells, the header 3"),
        (HEADER + 'a.png,Mass,1\n"b.png,Mass,2\n', "line 3 is not CSV: unexpected end of data"),
        ("a,a,b\n1,2,3\n", "the header names a more than once"),
        (HEADER + ",Mass,1\n", "column 'Image Index' is empty in 1 row: lines 2"),
        (HEADER + "a.png,Mass, \n", "column 'Patient ID' is empty in 1 row: lines 2"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    assert problem in refusal(table(tmp_path, text))


def test_too_few_rows_for_what_was_asked_is_an_error(tmp_path: Path) -> None:
    message = refusal(table(tmp_path, HEADER + "a.png,Mass,1\n", rows=2))
    assert "data.rows asks for the first 2 rows, there are 1" in message


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    assert "cannot be read" in refusal(Data(labels=tmp_path / "none.csv", images=tmp_path))
    assert "cannot be read" in refusal(Data(labels=tmp_path, images=tmp_path))
    (tmp_path / "latin.csv").write_bytes(HEADER.encode() + "a.png,Ödem,1\n".encode("latin-1"))
    assert "not text in utf-8" in refusal(Data(labels=tmp_path / "latin.csv", images=tmp_path))
    whole = gzip.compress((HEADER + "a.png,Mass,1\n" * 100).encode())
    (tmp_path / "cut.csv.gz").write_bytes(whole[: len(whole) // 2])
    assert "cannot be read" in refusal(Data(labels=tmp_path / "cut.csv.gz", images=tmp_path))


def test_a_split_file_with_other_classes_is_refused(tmp_path: Path) -> None:
    (tmp_path / "val.csv").write_text("Image Index,Disease\na.png,2\n")
    with pytest.raises(DataError, match="holds \\['2'\\], expected only 0 and 1"):
        read_split(tmp_path / "val.csv", BinaryTask())
