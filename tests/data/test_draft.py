"""`bakeoff init` writes what runs at the first start, says what it guessed, and overwrites nothing."""

import shutil
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from bakeoff.cli import cli
from bakeoff.config.experiment import Experiment
from bakeoff.data.readiness import examine
from tests.photographs import photographs


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def init(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["init", *arguments])


def experiment(file: str) -> Experiment:
    return Experiment.parse(yaml.safe_load(Path(file).read_text()))


def test_of_a_folder_with_a_table_and_photographs(here: Path) -> None:
    photographs(here / "wall", size=130)
    done = init("wall")
    assert done.exit_code == 0, done.output
    assert "labels: column 'label': 40 intact, 20 crack" in done.output
    assert done.output.endswith("Now: snakemake --configfile wall.yaml\n")
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
    done = init("wall")
    assert done.exit_code == 0, done.output
    made = experiment("wall.yaml")
    assert str(made.data.images) == "wall/photos" and made.variants[0].image.size == 128
    assert examine(made).problems == []


def test_of_a_table_with_patients_and_another_name(here: Path) -> None:
    table = photographs(here / "clinic")
    header, *rows = table.read_text().splitlines()
    people = [f"{row},p{number // 7}" for number, row in enumerate(rows)]
    table.write_text("\n".join([f"{header},subject", *people]) + "\n")
    shutil.move("clinic/photos", "elsewhere")
    done = init("clinic/labels.csv", "--images", "elsewhere", "--name", "007", "--to", "my.yaml")
    assert done.exit_code == 0, done.output
    made = experiment("my.yaml")
    assert made.name == "007" and made.split.group_by == made.data.patient_column == "subject"
    assert examine(made).problems == []  # the sizes come out with whole patients


def test_of_a_folder_for_each_class_the_table_is_written_too(here: Path) -> None:
    photographs(here / "made")
    for number, file in enumerate(sorted(Path("made/photos").iterdir())):
        folder = Path("animals") / ("cat" if number % 2 else "dog")
        folder.mkdir(parents=True, exist_ok=True)
        shutil.move(file, folder)
    done = init("animals")
    assert done.exit_code == 0, done.output
    assert "the most frequent one, for want of a better: check it" in done.output
    assert Path("animals-labels.csv").read_text().count("\n") == 61
    assert examine(experiment("animals.yaml")).problems == []
    assert sorted(Path("animals").iterdir()) == [Path("animals/cat"), Path("animals/dog")]


def test_what_still_has_to_be_mended_by_hand_is_reported(here: Path) -> None:
    photographs(here / "wall")
    Path("wall/photos/photo_000.jpg").unlink()
    done = init("wall")
    assert "wall.yaml does not run yet" in str(done.exception)
    assert "photo_000.jpg" in str(done.exception) and Path("wall.yaml").exists()


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ([], "holds no CSV and no two folders"),
        (["a.png"], "holds no CSV and no two folders"),
        (["train/a.png", "test/b.png"], "are of splits, not of classes"),
        (["a.csv", "b.csv"], "holds 2 tables, a.csv, b.csv"),
    ],
)
def test_what_nothing_can_be_made_of_is_reported(here: Path, names: list[str], said: str) -> None:
    Path("source").mkdir()
    for name in names:
        (Path("source") / name).parent.mkdir(exist_ok=True)
        (Path("source") / name).touch()
    assert said in str(init("source").exception)
    assert not Path("source.yaml").exists()
