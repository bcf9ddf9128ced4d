import json
import multiprocessing
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.metrics import roc_auc_score

from bakeoff.config.schema import Data
from bakeoff.data import parallel
from bakeoff.data.synthesis import ceiling_auroc, synthesize
from bakeoff.data.tables import read_labels
from bakeoff.errors import ConfigError, DataError
from tests.data.synthesis.conftest import contents, grey

pytestmark = pytest.mark.slow(seconds=2)


def test_the_labels_have_the_layout_of_kaggles_sample(small: Path, shared_data: Path) -> None:
    kaggle = pd.read_csv(shared_data / "labels/kaggle_sample_labels.csv")
    ours = pd.read_csv(small / "sample_labels.csv")
    assert list(ours) == list(kaggle)
    assert list(ours.dtypes) == list(kaggle.dtypes)
    for column, pattern in {
        "Image Index": r"\d{8}_\d{3}\.png",
        "Patient Age": r"\d{3}Y",
        "Patient Gender": "[FM]",
        "View Position": "AP|PA",
    }.items():
        assert ours[column].str.fullmatch(pattern).all()
        assert kaggle[column].str.fullmatch(pattern.replace("Y", "[YMD]")).all()
    first = (small / "sample_labels.csv").read_bytes().splitlines(keepends=True)[0]
    real = (shared_data / "labels/kaggle_sample_labels.csv").read_bytes()
    assert real.startswith(first)


def test_the_pipeline_reads_the_labels_and_every_row_has_its_film(small: Path) -> None:
    table = read_labels(Data(labels=small / "sample_labels.csv", images=small / "images")).frame
    assert table["Disease"].sum() == 19
    assert set(table["Image Index"]) == {path.name for path in (small / "images").iterdir()}
    assert (table["Patient ID"].astype(int) == table["Image Index"].str[:8].astype(int)).all()
    assert (table["Follow-up #"].astype(int) == table["Image Index"].str[9:12].astype(int)).all()


def test_films_are_8_bit_and_a_few_are_rgba_with_full_alpha(small: Path) -> None:
    modes = {}
    for path in (small / "images").iterdir():
        with Image.open(path) as image:
            assert image.size == (64, 64)
            modes.setdefault(image.mode, []).append(np.asarray(image))
    assert set(modes) == {"L", "RGBA"}
    assert len(modes["RGBA"]) == 2
    for pixels in modes["RGBA"]:
        assert (pixels[..., 3] == 255).all()
        assert (pixels[..., 0] == pixels[..., 2]).all()


def test_the_number_of_workers_changes_no_bit(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So few films would not be worth a second process; here they are, from the first on.
    monkeypatch.setattr(parallel, "TRIAL", 0.0)
    monkeypatch.setattr(parallel, "WORTH", 0.0)
    helpers = []
    synthesize(
        tmp_path,
        images=40,
        size=64,
        seed=3,
        workers=2,
        progress=lambda done, total: helpers.append(len(multiprocessing.active_children())),
    )
    assert len(helpers) == 40
    assert max(helpers) == 2
    assert contents(tmp_path) == contents(small)


def test_the_ceiling_is_stated_and_can_be_computed_again(small: Path) -> None:
    manifest = json.loads((small / "synthesis.json").read_text())
    assert manifest["arguments"] == {"images": 40, "size": 64, "seed": 3, "rgba_share": 0.03}
    # The file keeps six digits of a severity.
    assert ceiling_auroc(small) == pytest.approx(manifest["ceiling_auroc"], abs=1e-3)
    labels = pd.read_csv(small / "sample_labels.csv")["Finding Labels"] != "No Finding"
    severity = pd.read_csv(small / "severity.csv")["severity"]
    assert roc_auc_score(labels, severity) == ceiling_auroc(small)


def test_without_severities_there_is_no_ceiling(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"severity\.csv: cannot be read"):
        ceiling_auroc(tmp_path)
    (tmp_path / "severity.csv").write_text("Image Index,severity,disease\na.png,0.5,1\n")
    with pytest.raises(DataError, match="both classes"):
        ceiling_auroc(tmp_path)


def test_a_second_call_leaves_what_is_complete(small: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in small.rglob("*.png")}
    report = synthesize(small, images=40, size=64, seed=3)
    assert report.reused
    assert "were there already" in str(report)
    assert before == {path: path.stat().st_mtime_ns for path in small.rglob("*.png")}


@pytest.mark.parametrize("missing", ["sample_labels.csv", "severity.csv", "images"])
def test_what_is_missing_is_made_again(small: Path, tmp_path: Path, missing: str) -> None:
    synthesize(tmp_path, images=40, size=64, seed=3)
    path = tmp_path / missing
    (next(path.iterdir()) if path.is_dir() else path).unlink()
    assert not synthesize(tmp_path, images=40, size=64, seed=3).reused
    assert contents(tmp_path) == contents(small)


def test_other_arguments_make_the_data_anew_and_touch_nothing_else(
    small: Path, tmp_path: Path
) -> None:
    synthesize(tmp_path, images=12, size=32, seed=8)
    assert not list((tmp_path / "images").glob(".*"))
    unfinished = tmp_path / "images" / ".00000007_001.png.123"
    unfinished.write_bytes(b"half a film")
    mine = tmp_path / "images" / "00000001_000.png"
    mine.write_bytes(b"somebody's own")
    synthesize(tmp_path, images=40, size=64, seed=3)
    assert mine.read_bytes() == b"somebody's own"
    assert not unfinished.exists()
    mine.unlink()
    assert contents(tmp_path) == contents(small)


def test_a_call_that_is_killed_leaves_no_labels_and_the_next_one_finishes(tmp_path: Path) -> None:
    folder = tmp_path / "killed"
    code = (
        "from pathlib import Path; from bakeoff.data.synthesis import synthesize; "
        f"synthesize(Path({str(folder)!r}), images=300, size=64, seed=3, workers=1)"
    )
    process = subprocess.Popen([sys.executable, "-c", code])
    deadline = monotonic() + 60
    while len(list(folder.glob("images/0*.png"))) < 5:
        assert process.poll() is None
        assert monotonic() < deadline
        sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (folder / "sample_labels.csv").exists()
    assert len(list(folder.glob("images/0*.png"))) < 300
    synthesize(folder, images=40, size=64, seed=3)
    assert ceiling_auroc(folder) > 0.8
    assert len(read_labels(_data(folder)).frame) == 40


@pytest.mark.slow(seconds=8)
def test_pixels_alone_tell_more_than_metadata_and_less_than_the_severity(tmp_path: Path) -> None:
    report = synthesize(tmp_path, images=300, size=64, seed=0)
    table = read_labels(_data(tmp_path)).frame
    films = [
        grey(tmp_path / "images" / name).reshape(32, 2, 32, 2) for name in table["Image Index"]
    ]
    pixels = np.stack([film.mean((1, 3)).ravel() for film in films])
    train = table["Patient ID"].astype(int) < table["Patient ID"].astype(int).median()
    test = ~train
    trees = ExtraTreesClassifier(300, random_state=0).fit(pixels[train], table["Disease"][train])
    found = roc_auc_score(table["Disease"][test], trees.predict_proba(pixels[test])[:, 1])
    assert 0.72 < found < report.ceiling_auroc


@pytest.mark.parametrize("what", ["sample_labels.csv", "severity.csv", "images/00000001_000.png"])
def test_a_folder_with_other_data_is_refused_and_left_alone(tmp_path: Path, what: str) -> None:
    path = tmp_path / what
    path.parent.mkdir(exist_ok=True)
    path.write_text("mine")
    with pytest.raises(DataError, match=r"holds other data .* Choose another folder"):
        synthesize(tmp_path, images=10, size=32)
    assert contents(tmp_path) == {what: b"mine"}


def test_labels_that_somebody_changed_are_refused_and_left_alone(tmp_path: Path) -> None:
    synthesize(tmp_path, images=10, size=32)
    labels = tmp_path / "sample_labels.csv"
    labels.write_text(labels.read_text().replace("No Finding", "Mass"))
    before = contents(tmp_path)
    for seed in (0, 1):
        with pytest.raises(DataError, match=r"sample_labels\.csv: is not the file that"):
            synthesize(tmp_path, images=10, size=32, seed=seed)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("text", ["{}", "[]", '{"generator": "another"}', "{", "\x00"])
def test_a_manifest_of_another_tool_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "synthesis.json").write_text(text)
    with pytest.raises(DataError, match="was not written by `bakeoff synthesize`"):
        synthesize(tmp_path, images=10, size=32)
    assert contents(tmp_path) == {"synthesis.json": text.encode()}


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    with pytest.raises(DataError, match="file: is a file, expected a folder"):
        synthesize(file, images=10, size=32)
    with pytest.raises(DataError, match=r"file/below.*cannot be written \(Not a directory\)"):
        synthesize(file / "below", images=10, size=32)


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("images", 3),
        ("images", 10.0),
        ("seed", True),
        ("size", 31),
        ("size", 4097),
        ("seed", -1),
        ("seed", 2**32),
        ("workers", 0),
        ("rgba_share", 1.01),
        ("rgba_share", float("nan")),
    ],
)
def test_an_argument_out_of_range_is_named(tmp_path: Path, argument: str, value: object) -> None:
    with pytest.raises(ConfigError, match=rf"^{argument}: expected .*, found {value}"):
        synthesize(tmp_path / "new", **{argument: value})
    assert not (tmp_path / "new").exists()


def test_the_processes_that_draw_load_no_torch_pandas_or_scikit_learn() -> None:
    code = (
        "import sys, bakeoff.data.synthesis; "
        "print([m for m in ('torch', 'pandas', 'sklearn', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def _data(folder: Path) -> Data:
    return Data(labels=folder / "sample_labels.csv", images=folder / "images")
