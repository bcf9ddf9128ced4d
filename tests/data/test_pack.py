import resource
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from bakeoff.config.packing import Packing
from bakeoff.config.schema import Data, Split
from bakeoff.data.images import decode
from bakeoff.data.pack import PackedImages, pack
from bakeoff.data.splits import write_splits
from bakeoff.data.tables import split_frame
from bakeoff.errors import DataError
from tests.data.conftest import MakeData
from tests.data.dicom_files import write_dicom

SPLIT = Split(train=12, val=4, test=4)


@pytest.fixture
def packed(make_data: MakeData, tmp_path: Path) -> tuple[Data, Path, Path]:
    """A small data set, its splits and its pack at 16 pixels."""
    data = make_data(["No Finding", "Mass"] * 10)
    write_splits(data, SPLIT, tmp_path / "splits")
    return data, tmp_path / "splits", pack(tmp_path / "splits", data, 16, tmp_path / "packed")


def test_every_image_of_the_splits_is_found_by_name(packed: tuple[Data, Path, Path]) -> None:
    data, splits, folder = packed
    images = PackedImages.open(folder)
    assert images.images.shape == (20, 16, 16)
    assert images.images.dtype == np.uint8
    assert len(images) == 20
    assert not images.images.flags.writeable
    for name in ("train", "val", "test"):
        for image in pd.read_csv(splits / f"{name}.csv")["Image Index"]:
            grey = Image.fromarray(decode(data.images, image).pixels)
            expected = np.asarray(grey.resize((16, 16), Image.Resampling.BICUBIC))
            np.testing.assert_array_equal(images[image], expected)
            np.testing.assert_array_equal(images.images[images.rows([image])[0]], expected)


def test_the_index_says_what_is_in_each_row(packed: tuple[Data, Path, Path]) -> None:
    _, splits, folder = packed
    index = pd.read_csv(folder / "index.csv")
    assert index["row"].tolist() == list(range(20))
    assert index["split"].tolist() == ["train"] * 12 + ["val"] * 4 + ["test"] * 4
    train = pd.read_csv(splits / "train.csv")["Image Index"].tolist()
    assert index["Image Index"].tolist()[:12] == train
    assert set(zip(index["mode"], index["width"], index["height"], strict=True)) == {("L", 24, 20)}
    assert sorted(path.name for path in folder.iterdir()) == ["images.npy", "index.csv"]


def test_images_in_folders_below_are_packed_under_the_names_of_the_table(
    make_data: MakeData, tmp_path: Path
) -> None:
    data = make_data(["No Finding", "Mass"] * 10)
    flat = tmp_path / "flat"
    write_splits(data, SPLIT, flat / "splits")
    pack(flat / "splits", data, 16, flat / "packed")
    for number, path in enumerate(sorted(data.images.iterdir())):
        folder = data.images / f"images_{number % 3}/images"
        folder.mkdir(parents=True, exist_ok=True)
        path.rename(folder / path.name)
    table = data.labels.read_text()
    data.labels.write_text(table.replace(".png", ""))
    with pytest.raises(DataError, match=r"20 of 20 images[\s\S]*Write data.suffix: \.png"):
        write_splits(data, SPLIT, tmp_path / "splits")
    bare = data.model_copy(update={"suffix": ".png"})
    write_splits(bare, SPLIT, tmp_path / "splits")
    assert set(split_frame(tmp_path / "splits/test.csv")["Image Index"]) <= {
        f"{number:04}" for number in range(20)
    }
    ended = pack(tmp_path / "splits", bare, 16, tmp_path / "ended")
    assert (ended / "images.npy").read_bytes() == (flat / "packed/images.npy").read_bytes()
    data.labels.write_text(table)
    write_splits(data, SPLIT, tmp_path / "splits")
    for name in ("train.csv", "val.csv", "test.csv", "audit.json"):
        assert (tmp_path / "splits" / name).read_bytes() == (flat / "splits" / name).read_bytes()
    packed = pack(tmp_path / "splits", data, 16, tmp_path / "packed")
    for name in ("images.npy", "index.csv"):
        assert (packed / name).read_bytes() == (flat / "packed" / name).read_bytes()


def test_the_same_images_are_the_same_bytes(
    packed: tuple[Data, Path, Path], tmp_path: Path
) -> None:
    data, splits, folder = packed
    seen: list[tuple[int, int]] = []
    again = pack(splits, data, 16, tmp_path / "again", 1, lambda *at: seen.append(at))
    for path in folder.iterdir():
        assert path.read_bytes() == (again / path.name).read_bytes()
    assert seen == [(done, 20) for done in range(1, 21)]


def test_shrinking_does_not_alias(tmp_path: Path, make_data: MakeData) -> None:
    data = make_data(["No Finding", "Mass"] * 10)
    stripes = np.tile(np.array([0, 255], dtype=np.uint8), (128, 64))
    Image.fromarray(stripes).save(data.images / "0000.png")
    write_splits(data, SPLIT, tmp_path / "splits")
    images = PackedImages.open(pack(tmp_path / "splits", data, 16, tmp_path / "packed"))
    # Stripes finer than a pixel are grey; taking every eighth pixel would make them black.
    assert np.abs(images["0000.png"].astype(int) - 127.5).max() < 6


@pytest.mark.slow(seconds=5)
def test_the_real_rgba_originals_are_packed_as_their_grey(
    shared_data: Path, tmp_path: Path
) -> None:
    folder = shared_data / "nih-original-24"
    data = Data(labels=folder / "sample_labels.csv", images=folder / "images")
    write_splits(data, Split(train=12, val=6, test=6), tmp_path / "splits")
    images = PackedImages.open(pack(tmp_path / "splits", data, 128, tmp_path / "packed"))
    index = pd.read_csv(tmp_path / "packed/index.csv").set_index("Image Index")
    assert (index["mode"] == "RGBA").sum() == 4
    for name in index.index[index["mode"] == "RGBA"]:
        with Image.open(data.images / name) as image:
            red = image.getchannel("R").resize((128, 128), Image.Resampling.BICUBIC)
        np.testing.assert_array_equal(images[name], np.asarray(red))
        assert images[name].max() > 150  # not squeezed by the alpha of 255


@pytest.mark.slow(seconds=11)
def test_workers_do_not_change_the_pack(shared_data: Path, tmp_path: Path) -> None:
    originals = shared_data / "nih-original-24/images"
    (tmp_path / "images").mkdir()
    names = []
    for number in range(9):  # enough for several processes to be worth while
        for path in sorted(originals.iterdir()):
            names.append(f"{number}-{path.name}")
            shutil.copy(path, tmp_path / "images" / names[-1])
    data = tables(tmp_path, names)
    one = pack(tmp_path, data, 64, tmp_path / "one", 1)
    three = pack(tmp_path, data, 64, tmp_path / "three", 3)
    for name in ("images.npy", "index.csv"):
        assert (one / name).read_bytes() == (three / name).read_bytes()


def tables(folder: Path, names: list[str]) -> Data:
    """A split of the names in three equal parts, as the pack stage reads it."""
    for name, part in zip(("train", "val", "test"), np.array_split(names, 3), strict=True):
        table = pd.DataFrame({"Image Index": part, "Disease": 0})
        table.to_csv(folder / f"{name}.csv", index=False)
    return Data(labels=folder / "labels.csv", images=folder / "images")


def every_kind(folder: Path) -> list[str]:
    """Files of every kind and mode that are read, one of each."""
    random = np.random.default_rng(0)
    grey, deep = random.integers(0, 256, (40, 30)), random.integers(0, 65536, (40, 30))
    colour = Image.fromarray(random.integers(0, 256, (40, 30, 3), dtype=np.uint8))
    plain = Image.fromarray(grey.astype(np.uint8))
    wide = Image.fromarray(deep.astype(np.uint16))
    turned = Image.Exif()
    turned[0x0112] = 6
    see_through = colour.copy()
    see_through.putalpha(plain)
    images = {"L": plain, "16": wide, "RGB": colour, "P": colour.quantize(64), "RGBA": see_through}
    folder.mkdir()
    for mode, image in images.items():
        image.save(folder / f"{mode}.png", exif=turned)
        image.save(folder / f"{mode}, deflated.tif", compression="tiff_adobe_deflate")
    for mode in ("L", "RGB"):
        images[mode].save(folder / f'"{mode}".jpg', exif=turned)
        images[mode].save(folder / f"{mode}.bmp")
        images[mode].save(folder / f"{mode}.webp", lossless=True)
    return sorted(path.name for path in folder.iterdir())


def test_threads_and_processes_pack_the_same_bytes_of_every_kind(tmp_path: Path) -> None:
    names = every_kind(tmp_path / "images")
    data, packing = tables(tmp_path, names), Packing(16, colours=True)
    one = pack(tmp_path, data, packing, tmp_path / "one", 1)
    three = pack(tmp_path, data, packing, tmp_path / "three", 3)
    write_dicom(tmp_path / "images/z.dcm", np.arange(64, dtype=np.uint8).reshape(8, 8))
    tables(tmp_path, [*names, "z.dcm"])
    beside = pack(tmp_path, data, packing, tmp_path / "beside", 3)
    for name in ("images.npy", "index.csv"):
        assert (one / name).read_bytes() == (three / name).read_bytes()
    assert (PackedImages.open(beside).images[:-1] == PackedImages.open(one).images).all()
    index = pd.read_csv(one / "index.csv")
    # Names with commas and quotes: the index is written as pandas writes it.
    assert index.to_csv(index=False, lineterminator="\n") == (one / "index.csv").read_text()
    assert index["Image Index"].tolist() == names


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.slow(seconds=6)
def test_memory_does_not_grow_with_the_number_of_images(tmp_path: Path, workers: int) -> None:
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from bakeoff.config.schema import Data\n"
        "from bakeoff.data.pack import pack\n"
        "folder = Path(sys.argv[1])\n"
        "data = Data(labels=folder / 'labels.csv', images=folder / 'images')\n"
        "pack(folder, data, 160, folder / 'packed', int(sys.argv[2]))\n"
        "status = Path('/proc/self/status').read_text()\n"
        "print(status.partition('VmHWM:')[2].split()[0])\n"
    )
    peaks = []
    for count in (100, 1500):
        folder = tmp_path / str(count)
        (folder / "images").mkdir(parents=True)
        names = [f"{number:04}.png" for number in range(count)]
        Image.new("L", (64, 64), 7).save(tmp_path / "image.png")
        for name in names:
            (folder / "images" / name).hardlink_to(tmp_path / "image.png")
        tables(folder, names)
        command = [sys.executable, "-c", code, str(folder), str(workers)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        peaks.append(int(done.stdout) / 1024)
    assert peaks[1] - peaks[0] < 10, peaks  # MB; their pixels are 36 MB


def test_bad_images_are_all_named_and_leave_no_files(packed: tuple[Data, Path, Path]) -> None:
    data, splits, folder = packed
    (data.images / "0003.png").unlink()
    (data.images / "0008.png").write_text("no image")
    new = folder.parent / "new"
    with pytest.raises(DataError, match="2 of 20 images") as caught:
        pack(splits, data, 16, new)
    assert "0003.png: missing" in str(caught.value)
    assert "0008.png: not a PNG, JPEG, TIFF, WebP, BMP or DICOM image" in str(caught.value)
    assert list(new.iterdir()) == []


@pytest.mark.slow(seconds=2)
def test_a_full_disk_is_an_error_and_leaves_no_files(packed: tuple[Data, Path, Path]) -> None:
    data, splits, folder = packed
    code = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from bakeoff.config.schema import Data\n"
        "from bakeoff.data.pack import pack\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))\n"
        "labels, images, splits, folder = map(Path, sys.argv[1:])\n"
        "pack(splits, Data(labels=labels, images=images), 16, folder, 1)\n"
    )
    new = folder.parent / "new"
    arguments = [str(path) for path in (data.labels, data.images, splits, new)]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
    assert done.returncode == 1, done.stderr
    assert f"DataError: {new}: cannot write 20 images of 16 x 16 pixels" in done.stderr
    assert "File too large" in done.stderr
    assert list(new.iterdir()) == []


def test_an_image_that_was_not_packed_is_named(packed: tuple[Data, Path, Path]) -> None:
    images = PackedImages.open(packed[2])
    with pytest.raises(DataError, match=r"1 of 2 images were not packed, for example new\.png"):
        images.rows(["0001.png", "new.png"])


def test_files_of_two_packs_are_not_taken_for_one(
    packed: tuple[Data, Path, Path], tmp_path: Path
) -> None:
    data, splits, folder = packed
    other = pack(splits, data, 24, tmp_path / "other")
    write_splits(data, SPLIT.model_copy(update={"seed": 1}), tmp_path / "splits-1")
    reordered = pack(tmp_path / "splits-1", data, 16, tmp_path / "reordered")
    whole = (folder / "index.csv").read_bytes()
    for index in ((other / "index.csv"), (reordered / "index.csv")):
        (folder / "index.csv").write_bytes(index.read_bytes())
        with pytest.raises(DataError, match="do not belong together"):
            PackedImages.open(folder)
    (folder / "index.csv").write_bytes(b"".join(whole.splitlines(keepends=True)[:-1]))
    with pytest.raises(DataError, match="20 images, 19 rows in the index"):
        PackedImages.open(folder)
    (folder / "index.csv").write_bytes(whole)
    assert len(PackedImages.open(folder)) == 20


def test_a_pack_that_is_missing_or_damaged_says_what_to_do(
    packed: tuple[Data, Path, Path], tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="Run the pack stage again"):
        PackedImages.open(tmp_path / "none")
    images = packed[2] / "images.npy"
    content = images.read_bytes()
    for damaged in (b"", content[:50], content[:-100], b"not numpy" * 50):
        images.write_bytes(damaged)
        with pytest.raises(DataError, match=r"images\.npy: cannot be opened"):
            PackedImages.open(packed[2])
    np.save(images, np.zeros((20, 16, 16), dtype=np.float32))
    with pytest.raises(DataError, match="holds float32"):
        PackedImages.open(packed[2])
    images.write_bytes(content)
    (packed[2] / "index.csv").unlink()
    with pytest.raises(DataError, match=r"index\.csv: cannot be read"):
        PackedImages.open(packed[2])
