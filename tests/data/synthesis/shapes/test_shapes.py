"""Coloured shapes: what can be reached on them is known, with their colours and without."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score

from bakeoff.data import parallel
from bakeoff.data.synthesis import synthesize
from bakeoff.data.synthesis.shapes import ceiling, read_evidence, synthesize_shapes
from bakeoff.data.synthesis.shapes.ceiling import likelihood
from bakeoff.data.synthesis.shapes.draw import draw
from bakeoff.data.synthesis.shapes.plan import CLASSES, Picture, plan
from bakeoff.errors import ConfigError, DataError
from tests.data.synthesis.conftest import contents

Features = NDArray[np.float64]


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """2,000 pictures of 48 pixels. Tests only read it."""
    folder = tmp_path_factory.mktemp("shapes")
    synthesize_shapes(folder, images=2000, size=48, workers=1)
    return folder


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 pictures of 32 pixels. Tests only read it."""
    folder = tmp_path_factory.mktemp("few")
    synthesize_shapes(folder, images=60, size=32, seed=3, workers=1)
    return folder


def looked_at(path: Path, colours: bool) -> list[float]:
    """What a careful eye measures: how round and how large the shape is, and how red."""
    with Image.open(path) as image:
        pixels = np.asarray(image, dtype=float)
        grey = np.asarray(image.convert("L").filter(ImageFilter.GaussianBlur(1)), dtype=float)
    size = len(grey)
    y, x = np.mgrid[:size, :size]
    plane = np.stack([np.ones_like(x), x, y], axis=-1).reshape(-1, 3)
    edge = (np.minimum(x, y) < 3) | (np.maximum(x, y) > size - 4)
    away = grey - (plane @ np.linalg.lstsq(plane[edge.ravel()], grey[edge], rcond=None)[0]).reshape(
        size, size
    )
    inside = np.abs(away) > 14
    rows, columns = np.nonzero(inside)
    centre = np.array([np.median(columns), np.median(rows)])
    angle = np.arctan2(rows - centre[1], columns - centre[0])
    distance = np.hypot(columns - centre[0], rows - centre[1])
    sectors = ((angle + np.pi) / (2 * np.pi) * 40).astype(int) % 40
    far = np.array(
        [np.quantile(distance[sectors == s], 0.9) if (sectors == s).any() else 0 for s in range(40)]
    )
    waves = np.abs(np.fft.rfft(far / (far.mean() + 1e-9)))[1:9]
    redness = (pixels[..., 0] - pixels @ [0.299, 0.587, 0.114])[inside].mean()
    return [
        *waves,
        inside.mean(),
        len(rows) / (np.pi * far.max() ** 2),
        redness if colours else 0.0,
    ]


def reached(folder: Path, colours: bool) -> tuple[float, float]:
    """Accuracy and macro AUROC on test of a forest that has learned from the training pictures."""

    def split(name: str) -> tuple[Features, list[str]]:
        paths = sorted(folder.glob(f"{name}/*/*.png"))
        return np.array([looked_at(path, colours) for path in paths]), [
            p.parent.name for p in paths
        ]

    forest = RandomForestClassifier(400, min_samples_leaf=5, random_state=0).fit(*split("train"))
    seen, labels = split("test")
    scores = forest.predict_proba(seen)
    accuracy = float(np.mean(forest.classes_[scores.argmax(axis=1)] == labels))
    return accuracy, float(roc_auc_score(labels, scores, multi_class="ovr"))


@pytest.mark.slow(seconds=5)
def test_a_careful_eye_reaches_the_ceiling_and_does_not_exceed_it(shapes: Path) -> None:
    best = ceiling(read_evidence(shapes))
    accuracy, macro_auroc = reached(shapes, colours=True)
    # Of 500 pictures a fifth have to be guessed: three standard deviations of luck are 0.03.
    assert best.accuracy - 0.04 < accuracy < best.accuracy + 0.03
    assert best.macro_auroc - 0.03 < macro_auroc < best.macro_auroc + 0.01


@pytest.mark.slow(seconds=5)
def test_without_colours_the_ceiling_is_as_much_lower_as_it_says(shapes: Path) -> None:
    best, grey = ceiling(read_evidence(shapes)), ceiling(read_evidence(shapes), colours=False)
    accuracy, macro_auroc = reached(shapes, colours=False)
    assert grey.accuracy < best.accuracy - 0.35
    assert grey.macro_auroc < best.macro_auroc - 0.08
    # Two classes look the same to it: each picture is a guess, and three deviations are 0.06.
    assert grey.accuracy - 0.06 < accuracy < grey.accuracy + 0.06
    assert grey.macro_auroc - 0.05 < macro_auroc < grey.macro_auroc + 0.02


def test_grey_values_do_not_tell_red_from_green() -> None:
    """The same picture in the other colour is the same in grey, but for rounding."""
    for number in range(40):
        in_grey = []
        for colour in ("red", "green"):
            picture = Picture("train/x/1.png", number, "x", "star", colour)
            image = Image.fromarray(draw(picture, 64, seed=1))
            in_grey.append(np.asarray(image.convert("L"), dtype=int))
        difference = in_grey[0] - in_grey[1]
        assert np.abs(difference).max() <= 4  # rounding, and now and then a clipped pixel
        assert abs(difference.mean()) < 0.05


def test_classes_have_equal_shares_and_evidence_is_hidden_from_as_many_as_said() -> None:
    pictures = plan(1200, seed=5)
    for split, count in (("train", 900), ("test", 300)):
        ours = [picture for picture in pictures if picture.split == split]
        assert pd.Series([p.label for p in ours]).value_counts().to_dict() == dict.fromkeys(
            CLASSES, count // 6
        )
        assert sum(p.shape is None for p in ours) == count // 10
        assert sum(p.colour is None for p in ours) == count // 10
        assert not any(p.shape is None and p.colour is None for p in ours)
        impossible = likelihood(ours)[np.arange(count), [CLASSES.index(p.label) for p in ours]] == 0
        assert 0.03 < impossible.mean() <= 0.06  # mislabelled, but for those dealt a likely label


@pytest.mark.slow(seconds=8)
def test_the_ceiling_is_that_of_the_arithmetic() -> None:
    """Of 0.94 rightly labelled, 0.8 are certain, 0.1 one of two, 0.1 one of three; grey halves the first."""
    pictures = plan(200_000, seed=0)
    best, grey = ceiling(pictures), ceiling(pictures, colours=False)
    lucky = 0.06 / 6
    assert best.accuracy == pytest.approx(0.94 * (0.8 + 0.1 / 2 + 0.1 / 3) + lucky, abs=0.003)
    assert grey.accuracy == pytest.approx(0.94 * (0.9 / 2 + 0.1 / 6) + lucky, abs=0.003)


def test_class_folders_and_tables_say_the_same(few: Path) -> None:
    manifest = json.loads((few / "synthesis.json").read_text())
    labels = pd.read_csv(few / "labels.csv")
    assert manifest["arguments"] == {"images": 60, "size": 32, "seed": 3, "kind": "shapes"}
    assert (manifest["train"], manifest["test"], manifest["classes"]) == (45, 15, list(CLASSES))
    assert manifest["ceiling"] == ceiling(read_evidence(few))._asdict()
    files = sorted(str(path.relative_to(few)) for path in few.rglob("*.png"))
    assert sorted(labels["Image Index"]) == files
    for image, label, split in labels.itertuples(index=False):
        assert image.split("/")[:2] == [split, label]
        with Image.open(few / image) as picture:
            assert (picture.mode, picture.size) == ("RGB", (32, 32))
    for split in ("train", "test"):
        assert sorted(path.name for path in (few / split).iterdir()) == sorted(CLASSES)


@pytest.mark.slow(seconds=2)
def test_the_number_of_workers_changes_no_bit(
    few: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parallel, "TRIAL", 0.0)
    monkeypatch.setattr(parallel, "WORTH", 0.0)
    synthesize_shapes(tmp_path, images=60, size=32, seed=3, workers=2)
    assert contents(tmp_path) == contents(few)


def test_what_is_complete_is_left_and_other_arguments_make_it_anew(
    few: Path, tmp_path: Path
) -> None:
    synthesize_shapes(tmp_path, images=80, size=32, seed=4)
    assert not synthesize_shapes(tmp_path, images=60, size=32, seed=3).reused
    assert contents(tmp_path) == contents(few)
    assert synthesize_shapes(tmp_path, images=60, size=32, seed=3).reused
    next(tmp_path.rglob("*.png")).unlink()
    assert not synthesize_shapes(tmp_path, images=60, size=32, seed=3).reused
    assert contents(tmp_path) == contents(few)


def test_folders_with_other_data_are_refused_and_left_alone(few: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine/train/cats/1.png"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"a cat")
    with pytest.raises(DataError, match=r"holds other data \(train, but no synthesis\.json\)"):
        synthesize_shapes(tmp_path / "mine")
    synthesize(tmp_path / "films", images=10, size=32)
    before = contents(tmp_path)
    with pytest.raises(
        DataError, match="holds synthetic images of kind xrays, asked for are shapes"
    ):
        synthesize_shapes(tmp_path / "films")
    with pytest.raises(
        DataError, match="holds synthetic images of kind shapes, asked for are xrays"
    ):
        synthesize(few, images=10, size=32)
    assert contents(tmp_path) == before


def test_too_few_pictures_and_a_missing_ceiling_are_named(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"images: expected a whole number in 48\.\.1000000, found 47"
    ):
        synthesize_shapes(tmp_path / "new", images=47)
    with pytest.raises(DataError, match=r"evidence\.csv: cannot be read"):
        read_evidence(tmp_path)
    (tmp_path / "evidence.csv").write_text("Image Index,label\ntest/red_star/1.png,red_star\n")
    with pytest.raises(DataError, match="expected the columns Image Index, label, shape, colour"):
        read_evidence(tmp_path)
