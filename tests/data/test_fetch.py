import shutil
import socket
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from bakeoff.config.schema import Data
from bakeoff.data.fetch import arrange_nih_sample, fetch_nih_sample
from bakeoff.data.tables import read_labels
from bakeoff.errors import DataError


def unpacked(folder: Path, shared_data: Path, images: str = "sample/sample/images") -> Path:
    """The 24 real originals laid out as Kaggle's archive: the table twice, images nested."""
    real = shared_data / "nih-original-24"
    (folder / images).parent.mkdir(parents=True)
    shutil.copytree(real / "images", folder / images)
    for place in (folder, folder / "sample"):
        place.mkdir(exist_ok=True)
        shutil.copy(real / "sample_labels.csv", place)
    return folder


def refuse_connections(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    for name in ("NO_PROXY", "no_proxy", "https_proxy", "KAGGLEHUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")


def test_an_archive_unpacked_by_hand_is_put_in_order(shared_data: Path, tmp_path: Path) -> None:
    unpacked(tmp_path / "nih/download", shared_data)
    folder = fetch_nih_sample(tmp_path / "nih")
    labels = read_labels(Data(labels=folder / "sample_labels.csv", images=folder / "images")).frame
    assert len(labels) == 24
    images = sorted(path.name for path in (folder / "images").iterdir())
    assert images == sorted(labels["Image Index"])
    # The download can go: what is left are files of their own, not links to it.
    shutil.rmtree(folder / "download")
    for name in images:
        real = shared_data / "nih-original-24/images" / name
        assert (folder / "images" / name).read_bytes() == real.read_bytes()
        assert not (folder / "images" / name).is_symlink()


@pytest.mark.parametrize("images", ["images", "sample/images", "a/b/c"])
def test_wherever_the_images_are_they_are_found(
    shared_data: Path, tmp_path: Path, images: str
) -> None:
    source = unpacked(tmp_path / "source", shared_data, images)
    (source / "0").mkdir()  # a folder with some of the images only
    shutil.copy(source / images / "00002658_001.png", source / "0")
    arrange_nih_sample(source, tmp_path / "nih")
    assert len(list((tmp_path / "nih/images").iterdir())) == 24


def test_what_is_there_is_not_fetched_again(
    shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrange_nih_sample(unpacked(tmp_path / "source", shared_data), tmp_path / "nih")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "nih").rglob("*")}
    refuse_connections(monkeypatch, 9)
    assert fetch_nih_sample(tmp_path / "nih") == tmp_path / "nih"
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "nih").rglob("*")} == before


def test_a_fetch_that_was_interrupted_is_completed(shared_data: Path, tmp_path: Path) -> None:
    source = unpacked(tmp_path / "nih/download", shared_data)
    (tmp_path / "nih/images").mkdir()
    (tmp_path / "nih/images/00002658_001.png").write_bytes(b"half")
    fetch_nih_sample(tmp_path / "nih")
    real = source / "sample/sample/images/00002658_001.png"
    assert (tmp_path / "nih/images/00002658_001.png").read_bytes() == real.read_bytes()


def test_an_incomplete_archive_is_refused_and_leaves_no_table(
    shared_data: Path, tmp_path: Path
) -> None:
    source = unpacked(tmp_path / "nih/download", shared_data)
    (source / "sample/sample/images/00002658_001.png").unlink()
    with pytest.raises(DataError, match=r"without 1: 00002658_001\.png") as caught:
        fetch_nih_sample(tmp_path / "nih")
    assert "no folder has all 24 images" in str(caught.value)
    assert not (tmp_path / "nih/sample_labels.csv").exists()
    shutil.rmtree(source)
    source.mkdir()
    with pytest.raises(DataError, match=r"no sample_labels\.csv below it"):
        fetch_nih_sample(tmp_path / "nih")


def test_images_named_outside_the_archive_are_not_taken(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    Image.fromarray(np.zeros((4, 4), dtype=np.uint8)).save(tmp_path / "secret.png")
    pd.DataFrame({"Image Index": ["../secret.png"]}).to_csv(
        source / "sample_labels.csv", index=False
    )
    with pytest.raises(DataError, match="no folder has all 1 images"):
        arrange_nih_sample(source, tmp_path / "nih")


def test_without_a_network_the_error_says_at_once_how_to_do_it_by_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        refuse_connections(monkeypatch, closed.getsockname()[1])
        began = time.monotonic()
        with pytest.raises(DataError) as caught:
            fetch_nih_sample(tmp_path / "nih")
    assert time.monotonic() - began < 15
    message = str(caught.value)
    assert "could not be downloaded" in message
    assert "Connection refused" in message
    assert f"unzip archive.zip -d {tmp_path / 'nih/download'}" in message
    assert "bakeoff fetch nih-sample" in message
    assert not (tmp_path / "nih").exists()


def test_a_network_that_swallows_packets_does_not_hang(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()  # connects, and never answers
        refuse_connections(monkeypatch, silent.getsockname()[1])
        began = time.monotonic()
        with pytest.raises(DataError, match=r"could not be downloaded: .*timed out"):
            fetch_nih_sample(tmp_path / "nih", timeout=1.0)
    assert time.monotonic() - began < 20
