"""Before any job, all that is wrong with a table and its images is said, with the lines that would do."""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from bakeoff.config.experiment import Experiment
from bakeoff.data.proposal import written
from bakeoff.data.readiness import examine
from bakeoff.errors import DataError
from bakeoff.planning.summary import require_ready
from tests.config.test_experiment import config
from tests.photographs import photographs

FITTING = {
    "image_column": "image",
    "label_column": "label",
    "patient_column": None,
    "negative": ["intact"],
    "positive": ["crack"],
}
SPLIT = {"train": 36, "val": 12, "test": 12}


def experiment(folder: Path, split: dict[str, Any] | None = None, **data: Any) -> Experiment:
    where = {"labels": str(folder / "labels.csv"), "images": str(folder / "photos")}
    sections: dict[str, Any] = {"data": where | data, "results": str(folder / "results")}
    if split is not None:
        sections["split"] = split
    return Experiment.parse(config(**sections))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    photographs(tmp_path)
    return tmp_path


def test_what_fits_has_no_problem(folder: Path) -> None:
    ready = examine(experiment(folder, SPLIT, **FITTING))
    assert ready.problems == [] and ready.lines == ""
    assert ready.checked.endswith("fit the configuration: split train 36, val 12, test 12")


def test_all_that_a_new_table_needs_is_reported_at_once_and_the_lines_are_enough(
    folder: Path,
) -> None:
    ready = examine(experiment(folder))
    for said in (
        "'Image Index'",
        "'Finding Labels'",
        "'Patient ID'",
        "1000 rows, there are 60",
    ):
        assert sum(said in problem for problem in ready.problems) == 1, said
    lines = yaml.safe_load(ready.lines)
    assert lines == {"data": FITTING, "split": SPLIT}
    assert examine(experiment(folder, lines["split"], **lines["data"])).problems == []


def test_groups_ids_and_a_split_of_the_tables_own_are_looked_at_too(folder: Path) -> None:
    header, *rows = (folder / "labels.csv").read_text().splitlines()
    ids = ["p0", *(f"P{row // 2}" for row in range(1, 60))]
    own = ["train"] * 40 + ["test"] * 20
    lines = [f"{row},{who},{part}" for row, who, part in zip(rows, ids, own, strict=True)]
    (folder / "labels.csv").write_text("\n".join([f"{header},patient,subset", *lines]) + "\n")
    fitting = FITTING | {"patient_column": "patient"}
    ready = examine(experiment(folder, SPLIT, **fitting))
    assert len(ready.problems) == 1 and "data.similar_ids: merge" in ready.problems[0]
    assert len(ready.warnings) == 1 and "split.given: subset" in ready.warnings[0]
    given = {"given": "subset", "val": 8}
    kept = examine(experiment(folder, given, **fitting, similar_ids="merge"))
    assert (kept.problems, kept.warnings) == ([], [])
    assert (
        "split as given by the table's column 'subset', train 32, val 8, test 20 (30 p"
        in kept.checked
    )
    (problem,) = examine(
        experiment(folder, {"given": "subset"}, **fitting, similar_ids="merge")
    ).problems
    assert "has train 40, val 0, test 20" in problem and "split.val: 8" in problem


def test_what_the_lines_would_bring_to_light_is_reported_as_well(folder: Path) -> None:
    table = folder / "labels.csv"
    table.write_text(table.read_text().replace("photo_007.jpg,intact", "photo_007.jpg,"))
    (folder / "photos/photo_000.jpg").unlink()
    (folder / "photos/photo_001.jpg").write_bytes(b"")
    (folder / "photos/photo_002.jpg").write_text("no image")
    said = "\n".join(examine(experiment(folder)).problems)
    for words in (
        "no column 'Image Index'",
        "1 row without a label: line 9 (photo_007.jpg)",
        "1 of the table's 60 images are not there: photo_000.jpg.",
        "2 of 59 images that were opened cannot be used: photo_001.jpg: the file is empty (0 bytes), "
        "photo_002.jpg: not a PNG, JPEG, TIFF, WebP, BMP or DICOM image",
    ):
        assert words in said, words


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda name: name.removesuffix(".jpg"), "Write data.suffix: .jpg"),
        (lambda name: name.replace(".jpg", ".JPG"), "Write data.suffix: .jpg"),
        (
            lambda name: f"photos\\{name}",
            "There is photo_000.jpg: write / in place of \\ in the table, and paths below data.images",
        ),
        (lambda name: name.upper(), "There is photo_000.jpg: case counts"),
        (lambda name: f"old/{name}", "the image column holds paths below data.images"),
        (lambda name: f"other_{name}", "There is, for example, photo_000.jpg."),
    ],
)
def test_where_the_images_are_instead_is_reported(folder: Path, change: Any, said: str) -> None:
    table = folder / "labels.csv"
    header, *rows = table.read_text().splitlines()
    changed = [",".join([change(row.split(",")[0]), row.split(",")[1]]) for row in rows]
    table.write_text("\n".join([header, *changed]) + "\n")
    (problem,) = examine(experiment(folder, SPLIT, **FITTING)).problems
    assert "60 of the table's 60 images are not there" in problem and said in problem


def test_images_in_folders_below_fit_unless_two_have_one_name(folder: Path) -> None:
    photos = folder / "photos"
    for number, photo in enumerate(sorted(photos.iterdir())):
        (photos / f"part_{number % 4}").mkdir(exist_ok=True)
        photo.rename(photos / f"part_{number % 4}" / photo.name)
    assert examine(experiment(folder, SPLIT, **FITTING)).problems == []
    (photos / "part_3/photo_000.jpg").write_bytes((photos / "part_0/photo_000.jpg").read_bytes())
    (photos / "part_1/photo_001.jpg").write_bytes(b"")
    twice, empty = examine(experiment(folder, SPLIT, **FITTING)).problems
    assert "1 of the table's 60 images cannot be used: photo_000.jpg: 2 files have" in twice
    assert "part_0/photo_000.jpg, part_3/photo_000.jpg" in twice
    assert "part_1/photo_001.jpg: the file is empty" in empty


def test_a_folder_that_is_not_there_or_empty_is_reported(folder: Path) -> None:
    (folder / "photos").rename(folder / "pictures")
    (problem,) = examine(experiment(folder, SPLIT, **FITTING)).problems
    assert "photos: no such folder (data.images)" in problem
    (folder / "photos").mkdir()
    (problem,) = examine(experiment(folder, SPLIT, **FITTING)).problems
    assert "WebP, BMP or DICOM in that folder" in problem


def test_a_missing_table_is_no_problem_where_the_first_job_makes_it(tmp_path: Path) -> None:
    made = {"source": "synthetic", "images": str(tmp_path / "images")}
    assert examine(experiment(tmp_path, **made)).problems == []
    (problem, *_) = examine(experiment(tmp_path)).problems
    assert "labels.csv: cannot be read" in problem


def test_labels_without_a_word_for_nothing_are_marked_to_be_corrected(tmp_path: Path) -> None:
    photographs(tmp_path, labels=("tabby", "siamese"))
    lines = examine(experiment(tmp_path)).lines
    assert "negative: [tabby]  # the most frequent one: correct it if it is not" in lines


COLUMNS = {"image_column": "image", "label_column": "label", "patient_column": None}


@pytest.mark.parametrize(
    ("labels", "before", "task", "or_else"),
    [
        (("tabby", "siamese", "manx"), {}, {"kind": "multiclass"}, None),
        (
            ("tabby", "siamese", "manx"),
            {"classes": ["tabby", "siamese"]},
            {"kind": "multiclass"},
            None,
        ),
        # A word for nothing is enough for the binary question of the configuration.
        (("intact", "crack", "rust"), {}, None, {"kind": "multiclass"}),
        (
            ("crack", "rust", "crack|rust"),
            {},
            {"kind": "multilabel", "findings": ["crack", "rust"]},
            None,
        ),
        (
            ("intact", "crack", "crack|rust"),
            {"kind": "multilabel", "findings": ["crack"]},
            {"kind": "multilabel", "findings": ["crack", "rust"], "none": ["intact"]},
            {"kind": "binary", "negative": ["intact"], "positive": ["crack", "rust"]},
        ),
        (
            ("intact", "crack", "crack|rust"),
            {},
            None,
            {"kind": "multilabel", "findings": ["crack", "rust"], "none": ["intact"]},
        ),
    ],
)
def test_the_kind_of_task_that_fits_the_labels_is_proposed(
    tmp_path: Path,
    labels: tuple[str, ...],
    before: dict[str, Any],
    task: dict[str, Any] | None,
    or_else: dict[str, Any] | None,
) -> None:
    photographs(tmp_path, labels=labels)
    where = {"labels": str(tmp_path / "labels.csv"), "images": str(tmp_path / "photos")}
    kind = {"kind": "multiclass"} if "classes" in before else {}
    sections = {"data": where | COLUMNS, "split": SPLIT, "task": kind | before}
    ready = examine(Experiment.parse(config(**sections)))
    lines = yaml.safe_load(ready.lines)
    assert lines.get("task") == task
    others = [line for line in ready.lines.splitlines() if line.startswith("# or ")]
    assert [yaml.safe_load(line[5:])["task"] for line in others] == ([or_else] if or_else else [])
    for section in (lines, {**lines, "task": or_else}) if or_else else (lines,):
        mended = sections | section
        mended["data"] = sections["data"] | lines.get("data", {})
        assert examine(Experiment.parse(config(**mended))).problems == []


def test_columns_of_yes_and_no_are_proposed_as_findings(folder: Path) -> None:
    _, *rows = (folder / "labels.csv").read_text().splitlines()
    cells = [f"{row.split(',')[0]},{n % 2},{n % 3 == 0:d}" for n, row in enumerate(rows)]
    (folder / "labels.csv").write_text("\n".join(["image,crack,rust", *cells]) + "\n")
    lines = yaml.safe_load(examine(experiment(folder)).lines)
    assert lines["task"] == {"kind": "multilabel", "findings": ["crack", "rust"]}
    assert "label_column" not in lines["data"] and "negative" not in lines["data"]
    data = {"labels": str(folder / "labels.csv"), "images": str(folder / "photos"), **lines["data"]}
    mended = config(**(lines | {"data": data}))
    assert examine(Experiment.parse(mended)).problems == []


def test_the_start_of_snakemake_looks_only_where_something_is_new(folder: Path) -> None:
    wrong, file = experiment(folder), folder / "config.yaml"
    file.touch()
    with pytest.raises(DataError, match="no column 'Image Index'"):
        require_ready(wrong, [file])
    audit = folder / "results/test/splits/audit.json"
    audit.parent.mkdir(parents=True)
    audit.touch()
    require_ready(wrong, [file])
    os.utime(file, (audit.stat().st_mtime + 5, audit.stat().st_mtime + 5))
    with pytest.raises(DataError, match="Lines that would fit this table"):
        require_ready(wrong, [file])


def test_images_that_were_packed_may_be_gone_when_snakemake_starts_again(folder: Path) -> None:
    fitting, file = experiment(folder, SPLIT, **FITTING), folder / "my.yaml"
    file.touch()
    (folder / "photos").rename(folder / "elsewhere")
    with pytest.raises(DataError, match="photos"):
        require_ready(fitting, [file])
    packed = folder / "results" / fitting.name / "packed/size-96"
    packed.mkdir(parents=True)
    (packed / "images.npy").touch()
    require_ready(fitting, [file])


@pytest.mark.parametrize(
    "word", ["no", "007", "a, b", "x: y", "[1]", "null", "2024-01-01", "plain", "é"]
)
def test_a_word_is_written_as_yaml_reads_it_again(word: str) -> None:
    assert yaml.safe_load(written(word)) == word
    assert yaml.safe_load(written([word, word])) == [word, word]
