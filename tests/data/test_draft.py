"""`bakeoff init` writes what runs at the first start, says what it saw, and overwrites nothing."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from click.testing import CliRunner, Result
from PIL import Image

from bakeoff.cli import cli
from bakeoff.config.experiment import Experiment
from bakeoff.data.draft import name_for
from bakeoff.data.readiness import examine
from bakeoff.data.splits import inspect_split
from tests.data.dicom_files import write_dicom
from tests.photographs import photographs


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def init(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["init", *arguments])


def sections(file: str) -> dict[str, Any]:
    values: dict[str, Any] = yaml.safe_load(Path(file).read_text())
    return values


def experiment(file: str) -> Experiment:
    return Experiment.parse(sections(file))


def drafted(*arguments: str, name: str) -> Experiment:
    """The experiment that `init` writes for the arguments; it fits its data."""
    done = init(*arguments)
    assert done.exit_code == 0, done.output
    assert done.output.endswith(f"start:\n  snakemake --configfile {name}.yaml\n")
    made = experiment(f"{name}.yaml")
    assert examine(made).problems == []
    return made


def table(file: Path, header: str, rows: list[str], encoding: str = "utf-8") -> None:
    file.write_text("\n".join([header, *rows]) + "\n", encoding=encoding)


def picture(file: Path, number: int, grey: bool = False) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(number)
    pixels = random.integers(60, 200, (100, 100, 3), dtype=np.uint8)
    pixels[20 * (number % 3) :][:10] = 20
    Image.fromarray(pixels[..., 0] if grey else pixels).save(file)


def class_folders(folder: Path, classes: list[str], images: int) -> None:
    for number in range(images):
        picture(folder / classes[number % len(classes)] / f"{number}.png", number)


def numbers(experiment: Experiment) -> tuple[int, int, int]:
    rows = inspect_split(experiment.data, experiment.split).rows
    assert rows is not None
    return len(rows.train), len(rows.val), len(rows.test)


def test_of_a_folder_with_a_table_and_photographs(here: Path) -> None:
    photographs(here / "wall", size=130)
    done = init("wall")
    assert done.exit_code == 0, done.output
    assert re.search(r"labels +column 'label': 40 intact, 20 crack", done.output)
    assert re.search(r"pictures +\.jpg, 130 pixels on the shorter side, in colour", done.output)
    made = experiment("wall.yaml")
    assert (str(made.data.labels), str(made.data.images)) == ("wall/labels.csv", "wall/photos")
    assert (made.data.negative, made.data.positive) == (("intact",), ("crack",))
    assert (made.split.train, made.split.val, made.split.test) == (36, 12, 12)
    assert made.variants[0].image.size == 128 and made.split.group_by is None
    assert examine(made).problems == []
    before = Path("wall.yaml").read_text()
    assert "wall.yaml: is there already" in str(init("wall").exception)
    assert Path("wall.yaml").read_text() == before


def test_of_a_table_with_bare_names_of_photographs_in_folders_below(here: Path) -> None:
    photographs(here / "wall", size=130)
    for number, photo in enumerate(sorted((here / "wall/photos").iterdir())):
        part = here / f"wall/photos/part_{number % 3}"
        part.mkdir(exist_ok=True)
        photo.rename(part / photo.name)
    made = drafted("wall", name="wall")
    assert str(made.data.images) == "wall/photos" and made.variants[0].image.size == 128


def test_of_a_table_with_patients_and_another_name(here: Path) -> None:
    file = photographs(here / "clinic")
    header, *rows = file.read_text().splitlines()
    table(file, f"{header},subject", [f"{row},p{number // 7}" for number, row in enumerate(rows)])
    shutil.move("clinic/photos", "elsewhere")
    done = init("clinic/labels.csv", "--images", "elsewhere", "--name", "007", "--to", "my.yaml")
    assert done.exit_code == 0, done.output
    made = experiment("my.yaml")
    assert made.name == "007" and made.split.group_by == made.data.patient_column == "subject"
    assert examine(made).problems == []  # the sizes come out with whole patients


def test_of_a_folder_for_each_class(here: Path) -> None:
    class_folders(here / "food", ["pie", "soup", "tartare"], 60)
    made = drafted("food", name="food")
    assert made.task.kind == "multiclass" and made.data.layout == "folders"
    assert not list(here.glob("*.csv")) and numbers(made) == (36, 12, 12)
    kept = sections("food.yaml")
    assert kept["data"] == {"layout": "folders", "images": "food"}
    assert kept["task"] == {"kind": "multiclass"} and kept["image"]["channels"] == 3


@pytest.mark.parametrize(
    ("classes", "kind"), [(["intact", "crack"], "binary"), (["cat", "dog"], "multiclass")]
)
def test_two_class_folders_are_binary_where_one_says_that_there_is_nothing(
    here: Path, classes: list[str], kind: str
) -> None:
    class_folders(here / "two", classes, 30)
    made = drafted("two", name="two")
    assert made.task.kind == kind
    if kind == "binary":
        assert (made.data.negative, made.data.positive) == (("intact",), ("crack",))
    else:
        line = "task: {kind: binary, negative: [cat], positive: [dog]}"
        assert f"# {line}" in Path("two.yaml").read_text()


@pytest.mark.parametrize(
    ("folders", "expected"),
    [
        ({"train": 40, "test": 20}, ({"given": "folders", "val": 0.2}, (32, 8, 20))),
        (
            {"train": 30, "valid": 9, "test": 12},
            ({"given": "folders"}, (30, 9, 12)),
        ),
    ],
)
def test_folders_of_splits_are_kept(
    here: Path, folders: dict[str, int], expected: tuple[dict[str, Any], tuple[int, int, int]]
) -> None:
    for at, (name, images) in enumerate(folders.items()):
        for number in range(images):
            picture(here / "food" / name / "abc"[number % 3] / f"{number}.png", 100 * at + number)
    made = drafted("food", name="food")
    assert (sections("food.yaml")["split"], numbers(made)) == expected


def test_what_unpacking_and_other_programs_leave_is_passed_over(here: Path) -> None:
    inner = here / "download/data"
    for number in range(60):
        picture(inner / "abc"[number % 3] / f"part_{number % 2}" / f"{number}.png", number)
    for junk in (
        "download/__MACOSX/._x.png",
        "download/data/.DS_Store",
        "download/data/a/Thumbs.db",
    ):
        (here / junk).parent.mkdir(exist_ok=True)
        (here / junk).write_text("x")
    (inner / "b/notes.txt").write_text("x")
    picture(inner / "loose.png", 99)
    done = init("download")
    assert done.exit_code == 0, done.output
    assert "1 image in no class folder, left out: loose.png" in done.output
    assert "left out: 1 .txt" in done.output
    made = experiment("download.yaml")
    assert str(made.data.images) == "download/data" and numbers(made) == (36, 12, 12)


def test_of_a_table_as_a_spreadsheet_writes_it(here: Path) -> None:
    file = photographs(here / "bilder", labels=("unauffällig", "Riß", "Bruch"))
    _, *rows = file.read_text().splitlines()
    cells = [row.replace(".jpg,", ";3,5; ") for row in rows]
    table(file, "Datei ;Größe;Befund", cells, "cp1252")
    made = drafted("bilder", name="bilder")
    assert made.task.kind == "multiclass" and made.data.encoding == "cp1252"
    assert made.data.suffix == ".jpg" and made.data.label_column == "Befund"


def test_of_findings_in_columns_of_their_own(here: Path) -> None:
    for number in range(60):
        picture(here / f"set/images/P{number // 3:03}_{number % 3}.png", number, grey=True)
    rows = [
        f"P{n // 3:03}_{n % 3}.png,{n % 2},{n % 3 == 0:d},{n % 4 == 1:d},{n == 5:d}"
        for n in range(60)
    ]
    table(here / "set/labels.csv", "image,sex,edema,mass,hernia", rows)
    made = drafted("set", name="set")
    assert made.task.as_json()["findings"] == ["edema", "mass"]  # a single hernia is told
    assert made.variants[0].image.channels == 1
    text = Path("set.yaml").read_text()
    # What the file names may say is a comment, and the sizes come out with it, too.
    commented = re.sub(r"# (patient_pattern: \S+)", r"\1", text)
    assert commented != text
    grouped = Experiment.parse(yaml.safe_load(commented))
    assert grouped.split.group_by == "Patient ID" and examine(grouped).problems == []


def test_of_joined_findings_the_question_of_the_lab_comes_first(here: Path) -> None:
    labels = ["No Finding", "Mass|Edema", "Mass", "Edema"]
    for number in range(60):
        picture(here / f"nih/images/{number}.png", number, grey=True)
    rows = [f"{n}.png,{labels[n % 4] if n else 'Hernia'},{n // 2}" for n in range(60)]
    table(here / "nih/table.csv", "Image Index,Finding Labels,Patient ID", rows)
    made = drafted("nih", name="nih")
    assert made.task.kind == "binary" and made.data.positive == ("Edema", "Hernia", "Mass")
    text = Path("nih.yaml").read_text()
    assert "as the course lab asks of chest X-rays" in text.replace("\n# ", " ")
    each = Experiment.parse(yaml.safe_load(text.replace("# task:", "task:")))
    assert each.task.as_json()["findings"] == ["Edema", "Mass"]
    assert examine(each).problems == []


def test_a_split_that_comes_along_is_kept_unless_it_is_refused(here: Path) -> None:
    file = photographs(here / "wall")
    header, *rows = file.read_text().splitlines()

    def written(patients: Callable[[int], int]) -> None:
        own = [f"{r},{patients(n)},{'train' if n < 40 else 'test'}" for n, r in enumerate(rows)]
        table(file, f"{header},patient,fold", own)

    written(lambda n: n // 2)
    kept = drafted("wall", name="wall")
    assert sections("wall.yaml")["split"] == {"given": "fold", "val": 0.2}
    assert numbers(kept) == (32, 8, 20)
    written(lambda n: n % 30)  # everybody is in training and in test
    done = init("wall", "--name", "leaky")
    assert done.exit_code == 0, done.output
    assert "the split that came along is not used" in done.output
    assert "that are also in train" in done.output
    assert experiment("leaky.yaml").split.given is None
    assert "# split: {given: fold, val: 0.2}" in Path("leaky.yaml").read_text()


def test_a_refused_split_with_validation_of_its_own_is_told_with_its_true_reason(
    here: Path,
) -> None:
    """Not with what is wrong with a `split.val` that nobody wrote."""
    header, *rows = photographs(here / "wall").read_text().splitlines()
    parts = ["train"] * 40 + ["val"] * 10 + ["test"] * 10
    own = [f"{r},{n % 30},{part}" for n, (r, part) in enumerate(zip(rows, parts, strict=True))]
    table(here / "wall/labels.csv", f"{header},patient,fold", own)
    done = init("wall")
    assert done.exit_code == 0, done.output
    told = " ".join(done.output.split())
    assert "are of 10 patients that are also in train" in told and "split.val" not in told
    assert "# split: {given: fold}\n" in Path("wall.yaml").read_text()


def test_lists_of_names_beside_the_table_are_its_split(here: Path) -> None:
    file = photographs(here / "wall")
    names = [row.split(",")[0] for row in file.read_text().splitlines()[1:]]
    (here / "wall/train_val_list.txt").write_text("\n".join(names[:40]))
    (here / "wall/test_list.txt").write_text("\n".join(names[40:]))
    made = drafted("wall", name="wall")
    assert made.split.given is not None and numbers(made) == (32, 8, 20)


def test_classes_with_fewer_images_than_splits_are_left_out_and_told(here: Path) -> None:
    file = photographs(here / "zoo", labels=("fox", "hare", "deer"))
    file.write_text(file.read_text().replace("photo_004.jpg,fox", "photo_004.jpg,lynx"))
    done = init("zoo")
    assert "left out, for there are few images of each: lynx 1" in done.output
    made = experiment("zoo.yaml")
    assert numbers(made) == (37, 11, 11) and examine(made).problems == []
    inspected = inspect_split(made.data, made.split)
    assert inspected.labels is not None and inspected.labels.task.classes == ("deer", "fox", "hare")
    assert "Rows that are left out by task.ignore: lynx 1." in inspected.notes


def test_of_dicom_files_the_headers_say_who_is_on_them(here: Path) -> None:
    random = np.random.default_rng(0)
    for number in range(30):
        file = here / "scans" / ["normal", "nodule"][number % 2] / f"{number}.dcm"
        file.parent.mkdir(parents=True, exist_ok=True)
        pixels = random.integers(0, 4000, (100, 120), dtype=np.uint16)
        write_dicom(file, pixels, PatientID=f"P{number // 3}")
    made = drafted("scans", name="scans")
    assert made.split.group_by == "Patient ID" and made.data.layout == "folders"
    image = made.variants[0].image
    assert (image.size, image.channels) == (96, 1) and made.task.kind == "binary"


def test_a_mixed_folder_is_told_and_goes_by_what_most_are(here: Path) -> None:
    for number in range(40):
        picture(here / "set" / "ab"[number % 2] / f"{number}.png", number, grey=number % 5 > 0)
    done = init("set")
    assert "about 20% in colour, the others grey: they are made grey" in done.output
    assert experiment("set.yaml").variants[0].image.channels == 1


def test_every_comment_that_offers_a_key_is_valid(here: Path) -> None:
    class_folders(here / "food", ["pie", "soup", "tartare"], 60)
    drafted("food", name="food")
    text = Path("food.yaml").read_text()
    offered = re.sub(r"^( *)# (\w+: .*)$", r"\1\2", text, flags=re.MULTILINE)
    made = Experiment.parse(yaml.safe_load(offered))
    image = made.variants[0].image
    assert image.crop and image.flip and image.jitter and image.normalise == "unit"
    assert made.metric.name == "balanced_accuracy" and len(made.variants) == 5


def test_what_still_has_to_be_mended_by_hand_is_reported(here: Path) -> None:
    photographs(here / "wall")
    Path("wall/photos/photo_000.jpg").unlink()
    done = init("wall")
    assert "wall.yaml is written, and does not run yet" in str(done.exception)
    assert "photo_000.jpg" in str(done.exception) and Path("wall.yaml").exists()


def test_the_folder_of_names_with_backslashes_is_the_one_in_which_they_are_right_with_slashes(
    here: Path,
) -> None:
    file = photographs(here / "wall")
    file.write_text(file.read_text().replace("photo_", "photos\\photo_"))
    done = init("wall")
    assert r"There is photos/photo_000.jpg: write / in place of \ in the table." in str(
        done.exception
    )
    file.write_text(file.read_text().replace("\\", "/"))
    Path("wall.yaml").unlink()
    drafted("wall", name="wall")


@pytest.mark.parametrize(
    ("kind", "images", "size"), [("xrays", "30", "32"), ("shapes", "48", "32")]
)
def test_of_drawn_images_their_labels_are_taken_and_not_what_they_show(
    here: Path, kind: str, images: str, size: str
) -> None:
    options = ["--kind", kind, "--images", images, "--size", size, "--workers", "1"]
    done = CliRunner().invoke(cli, ["synthesize", "--to", "drawn", *options])
    assert done.exit_code == 0, done.output
    assert str(drafted("drawn", name="drawn").data.labels).endswith("labels.csv")


def test_a_table_beside_folders_of_splits_names_the_images_of_all_of_them(here: Path) -> None:
    file = photographs(here / "wall")
    names = [row.split(",")[0] for row in file.read_text().splitlines()[1:]]
    for number, name in enumerate(names):
        place = here / "wall" / ("train" if number < 40 else "test")
        place.mkdir(exist_ok=True)
        (here / "wall/photos" / name).rename(place / name)
    made = drafted("wall", name="wall")
    assert made.data.images == Path("wall") and numbers(made) == (32, 8, 20)
    assert sections("wall.yaml")["split"] == {"given": "folders", "val": 0.2}


def test_columns_of_which_every_image_has_one_are_told_to_be_classes_perhaps(here: Path) -> None:
    for number in range(40):
        picture(here / "pets" / f"{number}.png", number)

    def written(dog: Callable[[int], int]) -> str:
        rows = [f"{n}.png,{n % 2},{dog(n)}" for n in range(40)]
        table(here / "pets/labels.csv", "image,cat,dog", rows)
        Path("pets.yaml").unlink(missing_ok=True)
        return " ".join(init("pets").output.split())

    assert "or are they classes? Every image has exactly one of them" in written(
        lambda n: 1 - n % 2
    )
    assert "or are they classes?" not in written(lambda n: (n // 2) % 2)


def test_a_name_that_is_none_is_refused_and_nothing_is_written(here: Path) -> None:
    photographs(here / "wall")
    assert "expected a name of at most 80 letters" in str(init("wall", "--name", "ä ö").exception)
    assert not list(here.glob("*.yaml"))


def test_a_column_that_is_called_label_and_says_one_thing_is_told_from_one_that_lacks(
    here: Path,
) -> None:
    table(here / "all.csv", "image,label", ["a.png,intact", "b.png,intact"])
    message = str(init("all.csv").exception)
    assert "column 'label' has nothing to tell apart: every row has 'intact'" in message
    assert "Rename" not in message


def test_a_workbook_of_excel_is_not_passed_over_in_silence(here: Path) -> None:
    picture(here / "wall/photos/a.png", 0)
    Path("wall/labels.xlsx").write_bytes(b"PK\x03\x04")
    assert "labels.xlsx: save a table of Excel as CSV first" in str(init("wall").exception)


def test_all_kinds_of_files_are_told(here: Path) -> None:
    for number in range(24):
        ending = (".png", ".jpg", ".tif", ".webp", ".bmp")[number % 5]
        picture(here / "zoo" / ("cat", "dog")[number % 2] / f"{number}{ending}", number)
    told = " ".join(init("zoo").output.split())
    assert all(f"{ending}, " in told for ending in (".png", ".jpg", ".tif", ".webp", ".bmp"))


@pytest.mark.parametrize("name", ["wall.csv.gz", "wall.csv", "wall.tsv"])
def test_an_experiment_is_named_after_its_table_without_the_endings(name: str) -> None:
    Path(name).touch()
    assert name_for(Path(name)) == "wall"


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ([], "holds no class folders"),
        (["a.png"], "holds no class folders"),
        (["cat/a.png"], "'cat' is the only class"),
        (["cat/a.png", "dog/notes.txt"], "1 class folder without a"),
        (["train/a.png", "test/b.png"], "train and test hold no class folders"),
        (["train/a/a.png", "other/a/b.png"], "holds folders of splits (train) beside others"),
    ],
)
def test_what_nothing_can_be_made_of_is_reported(here: Path, names: list[str], said: str) -> None:
    Path("source").mkdir()
    for name in names:
        (Path("source") / name).parent.mkdir(parents=True, exist_ok=True)
        (Path("source") / name).touch()
    message = str(init("source").exception)
    assert said in message.replace("test and train", "train and test")
    assert "bakeoff init labels.csv" in message
    assert not Path("source.yaml").exists()


def test_of_several_tables_the_one_of_labelled_images_is_taken(here: Path) -> None:
    file = photographs(here / "wall")
    table(here / "wall/sites.csv", "site,city", ["1,Bern", "2,Basel"])
    assert str(drafted("wall", name="wall").data.labels) == "wall/labels.csv"
    shutil.copy(file, here / "wall/copy.csv")
    assert "2 tables of labelled images, copy.csv, labels.csv" in str(
        init("wall", "--name", "x").exception
    )
    for one in ("copy.csv", "labels.csv"):
        (here / "wall" / one).write_text("image,note\nphoto_000.jpg,a\nphoto_001.jpg,a\n")
    message = str(init("wall", "--name", "y").exception)
    assert "column 'note' has nothing to tell apart" not in message
    assert "no column looks like one of labels" in message


def trained(file: str) -> None:
    """The first training of a configuration, through the stages that Snakemake runs before it."""
    size = ("--set", "image.size=96", "--set", "training.epochs=1")
    kind = experiment(file).variants[0].image.packing.options()
    for stage in (
        ("split",),
        ("pack", "--size", "96", *kind.split()),
        ("train", "--variant", "conv", "--seed", "0"),
    ):
        done = CliRunner().invoke(cli, [stage[0], "--config", file, *size, *stage[1:]])
        assert done.exit_code == 0, f"{stage}: {done.output} {done.exception}"
    run = Path("results") / file.removesuffix(".yaml") / "runs/conv/seed-0"
    assert (run / "history.csv").read_text().count("\n") == 2


@pytest.mark.slow(seconds=15)
def test_what_is_drafted_of_real_photographs_in_class_folders_trains(shared_data: Path) -> None:
    made = drafted(str(shared_data / "food-300"), name="food-300")
    assert sections("food-300.yaml")["split"] == {"given": "folders", "val": 0.2}
    image = made.variants[0].image
    assert (image.channels, image.size, made.task.kind) == (3, 224, "multiclass")
    trained("food-300.yaml")


@pytest.mark.slow(seconds=15)
def test_what_is_drafted_of_real_radiographs_trains(shared_data: Path) -> None:
    made = drafted(str(shared_data / "nih-1000"), name="nih-1000")
    assert made.split.group_by == "Patient ID" and made.task.kind == "binary"
    assert "# task: {kind: multilabel, findings: [Atelectasis," in Path("nih-1000.yaml").read_text()
    trained("nih-1000.yaml")


@pytest.mark.slow(seconds=12)
@pytest.mark.parametrize("labels", ["intact,crack", "fox,hare,deer", "Mass,Edema,Mass|Edema"])
def test_what_is_drafted_of_photographs_trains_for_every_kind(here: Path, labels: str) -> None:
    photographs(here / "set", labels=tuple(labels.split(",")), size=100)
    drafted("set", name="set")
    trained("set.yaml")
