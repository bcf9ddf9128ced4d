"""Tables as spreadsheets, scripts and countries write them are read as the same table."""

import gzip
from pathlib import Path

import pytest

from bakeoff.config.schema import Data
from bakeoff.data.csv_table import read_text
from bakeoff.data.table_files import read_table, separator_of
from bakeoff.data.tables import read_labels
from bakeoff.errors import DataError

PLAIN = "image,label,note\na.png,ok,\nb.png,crack,x\n"
SAME = [["a.png", "ok", ""], ["b.png", "crack", "x"]]


def cells(path: Path, **keys: object) -> list[list[str]]:
    frame = read_table(path, **keys).frame  # type: ignore[arg-type]
    assert frame.columns.tolist() == ["image", "label", "note"]
    return frame.to_numpy().tolist()


def written(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    (folder / "labels.csv").write_bytes(text.encode(encoding))
    return folder / "labels.csv"


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        PLAIN.replace(",", ";"),
        PLAIN.replace(",", "\t"),
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("\n", "\r"),
        "\ufeff" + PLAIN,
        "sep=;\r\n" + PLAIN.replace(",", ";"),
        PLAIN.replace(",", " , "),
        " image ,label,  note\n a.png,ok ,\n\tb.png, crack,x\n",
        '"image", "label" ,"note"\n"a.png" ,"ok", ""\n b.png, "crack"  ,x \n',
        '"image" ; "label";"note" \n"a.png";"ok";\n"b.png";"crack";"x"\n',
        "image;label;note;\na.png;ok;;\nb.png;crack;x;\n",
    ],
)  # fmt: skip
def test_one_table_in_many_spellings_is_one_table(tmp_path: Path, text: str) -> None:
    assert cells(written(tmp_path, text)) == SAME


def test_quotes_keep_separators_quotes_and_lines_in_a_cell(tmp_path: Path) -> None:
    text = 'image; label;note\na.png; "left, ""upper""; x" ;"two\nlines , ""y"" "\n'
    frame, lines = read_table(written(tmp_path, text))
    assert frame.iloc[0].tolist() == ["a.png", 'left, "upper"; x', 'two\nlines , "y"']
    assert lines == [3]


@pytest.mark.parametrize(
    ("text", "separator"),
    [
        ("image,a;b;c\n1.png,x\n", ","),  # no row has as many semicolons
        ("image;label;age, years\na.png;ok;34,5\n", ";"),
        ("image;label, as read\na.png;ok\n", ";"),
        ("image\tlabel\na b.png\tx, y\n", "\t"),
        ("image\na.png\n", ","),
        ("", ","),
    ],
)
def test_the_separator_is_told_from_the_header(text: str, separator: str) -> None:
    assert separator_of(text) == separator


def test_the_separator_can_be_given(tmp_path: Path) -> None:
    path = written(tmp_path, PLAIN.replace(",", "|"))
    assert read_table(path).frame.columns.tolist() == ["image|label|note"]
    assert cells(path, separator="|") == SAME
    path = written(tmp_path, "image;label;note\na;b\n")
    with pytest.raises(
        DataError, match=r"line 2 has 2 cells, the header 3\. Cells .* by semicolons"
    ):
        read_table(path)
    assert read_table(path, separator=",").frame.columns.tolist() == ["image;label;note"]


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-16-le", "utf-16-be"])
def test_another_encoding_is_guessed_and_can_be_given(tmp_path: Path, encoding: str) -> None:
    path = written(tmp_path, "image,label,note\na.png,Ödem,\n", encoding)
    with pytest.raises(DataError) as caught:
        read_table(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: not text in utf-8 (data.encoding): line ")
    assert f"write data.encoding: {encoding}" in message
    if encoding == "cp1252":
        assert "line 2 has b'\\xd6dem" in message and "where this is 'Ödem'" in message
    assert cells(path, encoding=encoding) == [["a.png", "Ödem", ""]]
    with pytest.raises(DataError, match="not text in ascii"):
        read_table(path, encoding="ascii")


def test_files_that_are_no_text_are_named_for_what_they_are(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    for content, said in (
        (b"PK\x03\x04" + bytes(50), "as Excel's workbooks are"),
        (gzip.compress(PLAIN.encode()), "a name that ends with .csv.gz"),
        (b"PAR1" + bytes(50), "a Parquet file"),
    ):
        path.write_bytes(content)
        with pytest.raises(DataError, match=said):
            read_table(path)


def test_columns_that_are_equal_but_for_blanks_are_one_too_many(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="names label more than once"):
        read_table(written(tmp_path, "image,label, label\na,b,c\n"))


def test_a_column_that_the_configuration_names_with_its_blanks_keeps_them(tmp_path: Path) -> None:
    path = written(tmp_path, "image, label\na.png,ok\n")
    assert read_table(path, columns=[" label"]).frame.columns.tolist() == ["image", " label"]


def test_a_name_keeps_its_blanks_where_a_file_has_them_too(tmp_path: Path) -> None:
    for name in (" a.png", "b.png", "c 1.png"):
        (tmp_path / name).touch()
    text = "image,label\n a.png, ok\n b.png,crack \nc 1.png ,ok\n"
    data = Data(
        labels=written(tmp_path, text),
        images=tmp_path,
        image_column="image",
        label_column="label",
        patient_column=None,
        negative=("ok",),
        positive=("crack",),
    )
    labels = read_labels(data).frame
    assert labels["image"].tolist() == [" a.png", "b.png", "c 1.png"]
    assert labels["label"].tolist() == ["ok", "crack", "ok"]


def test_what_was_written_by_us_is_read_as_it_stands(tmp_path: Path) -> None:
    path = written(tmp_path, "image, label;\n a.png,x \n")
    assert read_text(path).frame.columns.tolist() == ["image", " label;"]
    assert read_text(path).frame.iloc[0].tolist() == [" a.png", "x "]


@pytest.mark.slow(seconds=7)
def test_the_full_table_of_chest_x_rays_is_the_same_in_both_readings(shared_data: Path) -> None:
    path = shared_data / "labels/Data_Entry_2017_v2020.csv.gz"
    assert read_table(path).frame.equals(read_text(path).frame)
    assert read_table(path).lines == read_text(path).lines
