"""Class folders go to the report without a table, and images that come or go split them anew."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml

from bakeoff.config.digest import run_digest
from bakeoff.config.experiment import Experiment
from bakeoff.data.synthesis.shapes.plan import CLASSES
from bakeoff.data.synthesis.shapes.write import synthesize_shapes
from bakeoff.files import read_json
from tests.workflow.conftest import CONFIG, Workflow, small

pytestmark = pytest.mark.slow(seconds=85)

FIRST = f"train/{CLASSES[0]}"
REPORT = ("--cores", "2", "results/small/report.html")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    """Shapes in folders of splits and classes, some against others, run to the report."""
    made = small(tmp_path_factory.mktemp("workflow") / "folders")
    synthesize_shapes(made.folder / "shapes", images=96, size=32)
    config = {
        **CONFIG,
        "data": {
            "layout": "folders",
            "images": "shapes",
            "patient_pattern": r"^(\d+)",  # each picture is of another one
            "negative": list(CLASSES[::2]),
            "positive": list(CLASSES[1::2]),
        },
        "split": {"given": "folders", "val": 0.25},
        "image": {"size": 80, "channels": 3},
        "training": {"epochs": 1, "batch_size": 8},
        "tracking": {"live": False},
        "variants": {"conv": {"model": "conv"}},
    }
    workflow = Workflow(made.folder, config)
    workflow.snakemake(*REPORT)
    return workflow


def test_a_bake_off_of_class_folders_ends_with_its_report(folders: Workflow) -> None:
    parts = {
        name: pd.read_csv(folders.results / f"splits/{name}.csv")
        for name in ("train", "val", "test")
    }
    assert {name: len(part) for name, part in parts.items()} == {"train": 54, "val": 18, "test": 24}
    assert set(parts["val"]["split"]) == {"train"} and set(parts["test"]["split"]) == {"test"}
    predicted = pd.read_csv(folders.results / "runs/conv/seed-0/predictions/test.csv")
    assert list(predicted)[:2] == ["Image Index", "Patient ID"]
    assert predicted["Image Index"].tolist() == parts["test"]["Image Index"].tolist()
    report = (folders.results / "report.html").read_text()
    assert "Split as given by the folders of the images" in report
    assert "Synthetic images" in report and "The split leaks" not in report
    assert folders.would_run(*REPORT) == {}


def test_a_run_can_be_made_again_by_its_own_configuration(folders: Workflow) -> None:
    kept = yaml.safe_load((folders.results / "runs/conv/seed-0/config.yaml").read_text())
    assert kept["data"]["images"] == str(folders.folder / "shapes")
    again, first = Experiment.parse(kept), Experiment.parse(folders.config)
    assert again.split == first.split and again.data.layout == "folders"
    ours, theirs = (run_digest(one.run("conv", 0), one.data) for one in (again, first))
    assert ours == theirs


def test_images_that_come_or_go_split_the_data_anew_and_other_files_do_not(
    folders: Workflow,
) -> None:
    place = folders.folder / "shapes" / FIRST
    (place / "Thumbs.db").touch()
    (folders.folder / "shapes/notes.txt").touch()
    assert folders.would_run(*REPORT) == {}
    image = sorted(place.glob("*.png"))[0]
    copy = place / "99999.png"
    shutil.copy(image, copy)
    assert folders.would_run(*REPORT)["split"] == 1
    copy.unlink()
    assert folders.would_run(*REPORT) == {}


def test_a_list_that_changes_splits_the_data_anew(folders: Workflow, tmp_path: Path) -> None:
    images = sorted((folders.folder / "shapes").glob("*/*/*.png"))
    given = {}
    for name in ("train", "test"):
        part = [i for i in images if i.relative_to(folders.folder / "shapes").parts[0] == name]
        given[name] = str(folders.folder / f"{name}.txt")
        Path(given[name]).write_text("\n".join(f"{i.parent.name}/{i.stem}" for i in part))
    flat = folders.folder / "flat"
    for image in images:
        (flat / image.parent.name).mkdir(parents=True, exist_ok=True)
        (flat / image.parent.name / image.name).hardlink_to(image)
    data = {**folders.config["data"], "images": "flat"}
    listed = folders.with_config(
        experiment="listed", data=data, split={"given": given, "val": 0.25}
    )
    made = folders.folder / "results/listed/splits/test.csv"
    target = ("--cores", "1", "results/listed/splits/test.csv")
    listed.snakemake(*target)
    assert len(pd.read_csv(made)) == 24
    assert listed.would_run(*target) == {}
    train, test = (Path(given[name]) for name in ("train", "test"))
    *rest, last = train.read_text().split("\n")
    train.write_text("\n".join(rest))
    test.write_text(f"{test.read_text()}\n{last}")
    assert listed.would_run(*target) == {"split": 1}
    listed.snakemake(*target)
    assert len(pd.read_csv(made)) == 25


def test_an_image_that_is_trained_on_and_tested_is_refused_or_told_first(
    folders: Workflow,
) -> None:
    twice = folders.folder / "twice"
    shutil.copytree(folders.folder / "shapes", twice)
    image = sorted((twice / FIRST).glob("*.png"))[0]
    shutil.copy(image, twice / f"test/{CLASSES[0]}" / "99999.png")
    data = {**folders.config["data"], "images": "twice"}
    leaking = folders.with_config(experiment="leaking", data=data)
    target = ("--cores", "1", "results/leaking/splits/audit.json")
    failed = leaking.snakemake(*target, check=False)
    assert failed.returncode != 0
    log = (folders.folder / "results/leaking/logs/split.log").read_text()
    assert "99999.png (test) are pixel-identical" in log and "split.allow_leaks: true" in log
    assert not (folders.folder / "results/leaking/splits/test.csv").exists()
    allowed = leaking.with_config(split={**leaking.config["split"], "allow_leaks": True})
    allowed.snakemake(*target)
    allowed.bakeoff("report", "--config", "config.yaml")
    report = (folders.folder / "results/leaking/report.html").read_text()
    first_screen = report[report.index("<header>") : report.index("<h1>")]
    assert "The split leaks" in first_screen and "99999.png" in first_screen
    assert read_json(folders.folder / "results/leaking/splits/audit.json")["leaks"]
