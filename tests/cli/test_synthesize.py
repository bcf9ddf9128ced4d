"""Synthetic images are drawn as a configuration says, or as the command line does."""

import json
from pathlib import Path

import pytest
import yaml

from bakeoff.config.digest import source_data_digest
from bakeoff.config.experiment import Experiment
from bakeoff.config.schema import Data, Synthetic
from tests.cli.test_cli import bakeoff
from tests.config.test_experiment import config


def written(folder: Path, **data: object) -> Path:
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config(data={"source": "synthetic", **data})))
    return path


def arguments(folder: Path) -> dict[str, object]:
    """What the data set was made from."""
    found: dict[str, object] = json.loads((folder / "synthesis.json").read_text())["arguments"]
    return found


@pytest.mark.slow(seconds=11)
def test_shapes_and_films_are_drawn_without_a_configuration(tmp_path: Path) -> None:
    flags = ("--images", "60", "--size", "32", "--seed", "7", "--workers", "1")
    done = bakeoff("synthesize", "--kind", "shapes", "--to", str(tmp_path / "shapes"), *flags)
    assert done.returncode == 0, done.stderr
    assert "60 pictures of 6 classes (45 in train, 15 in test)" in done.stdout
    assert "Ceiling on test: accuracy 0." in done.stdout
    expected = {"images": 60, "size": 32, "seed": 7}
    assert arguments(tmp_path / "shapes") == {**expected, "kind": "shapes"}
    done = bakeoff("synthesize", "--to", str(tmp_path / "films"), *flags)
    assert done.returncode == 0, done.stderr
    assert arguments(tmp_path / "films") == {**expected, "rgba_share": 0.03}


@pytest.mark.slow(seconds=5)
def test_shapes_are_drawn_where_the_configuration_has_its_images(tmp_path: Path) -> None:
    images = tmp_path / "shapes"
    synthetic = {"kind": "shapes", "images": 60}
    file = written(tmp_path, layout="folders", images=str(images), synthetic=synthetic)
    done = bakeoff("synthesize", "--config", str(file), "--workers", "1")
    assert done.returncode == 0, done.stderr
    assert arguments(images) == {"images": 60, "size": 96, "seed": 0, "kind": "shapes"}
    assert (images / "labels.csv").is_file()


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ([], "expected --config FILE, whose data.synthetic is drawn, or --to FOLDER"),
        (["--set", "data.rows=3", "--to", "x"], "--set: overrides the keys of a configuration"),
        (["--kind", "shapes", "--images", "47", "--to", "x"], "are 48 at least"),
        (["--size", "31", "--to", "x"], "command line: synthesize.size: "),
        (["--config", "FILE", "--images", "60"], "--images: with --config the images are those"),
        (["--config", "FILE"], "expected source: synthetic with labels and images in one folder"),
    ],
)
def test_what_does_not_go_together_is_refused(tmp_path: Path, flags: list[str], said: str) -> None:
    where = {"labels": str(tmp_path / "labels/l.csv"), "images": str(tmp_path / "images")}
    file = written(tmp_path, **where)
    done = bakeoff("synthesize", *(str(file) if flag == "FILE" else flag for flag in flags))
    assert done.returncode == 1
    assert said in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]


def test_shapes_have_a_size_of_their_own_and_films_the_digest_that_they_had() -> None:
    def data(**synthetic: object) -> Data:
        values = {"source": "synthetic", "labels": "d/labels.csv", "images": "d"}
        return Experiment.parse(config(data={**values, "synthetic": synthetic})).data

    assert Synthetic(kind="shapes").size == 96
    assert Synthetic(kind="shapes", size=64).size == 64
    assert Synthetic().size == 1024
    assert source_data_digest(data()) == source_data_digest(data(kind="xrays"))
    assert source_data_digest(data(images=1000)) == "cf9226fff431"
    assert source_data_digest(data(kind="shapes", size=1024)) != source_data_digest(data())
