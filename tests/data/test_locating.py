"""Names of a table find their files in folders as data sets unpack, and nowhere outside."""

import os
import time
from pathlib import Path

import pytest

from bakeoff.data.below import files_below
from bakeoff.data.locating import EXPLAINED, Places, find


@pytest.fixture
def unpacked(tmp_path: Path) -> Path:
    """Twelve folders as ChestX-ray14 unpacks, three images in each."""
    for number in range(36):
        file = tmp_path / f"images/images_{number // 3 + 1:03}/images/{number:08}_000.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return tmp_path / "images"


@pytest.fixture
def scanned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The folders that are listed from here on."""
    folders, scandir = list[str](), os.scandir
    monkeypatch.setattr(os, "scandir", lambda at: (folders.append(str(at)), scandir(at))[1])
    return folders


def only(places: Places) -> str:
    """The words on the only name that was not found."""
    (name,) = {**places.missing, **places.refused}
    return places.problem(name)


def test_bare_names_are_found_in_folders_below(unpacked: Path) -> None:
    names = [f"{number:08}_000.png" for number in range(36)]
    places = find(unpacked, names)
    assert places == (places.found, {}, {}, "")
    assert places.found["00000000_000.png"] == "images_001/images/00000000_000.png"
    assert places.found["00000035_000.png"] == "images_012/images/00000035_000.png"
    assert sorted(places.found) == names


def test_a_file_directly_in_the_folder_is_the_one_that_is_meant(unpacked: Path) -> None:
    (unpacked / "00000007_000.png").touch()
    places = find(unpacked, ["00000007_000.png", "images_003/images/00000007_000.png"])
    assert places.found == {name: name for name in places.found} and len(places.found) == 2


def test_where_every_name_is_directly_there_nothing_else_is_listed(
    unpacked: Path, scanned: list[str]
) -> None:
    for name in ("a.png", "b.png"):
        (unpacked / name).touch()
    assert find(unpacked, ["a.png", "./b.png"]).found == {"a.png": "a.png", "./b.png": "./b.png"}
    assert scanned == [str(unpacked)]


def test_two_files_of_one_name_are_an_error_that_shows_both(unpacked: Path) -> None:
    again = unpacked / "old/00000004_000.png"
    again.parent.mkdir()
    again.touch()
    said = only(find(unpacked, ["00000004_000.png", "00000005_000.png"]))
    assert said.startswith("00000004_000.png: 2 files have this name, ")
    assert "images_002/images/00000004_000.png, old/00000004_000.png" in said
    written = "images_002/images/00000004_000.png"
    assert find(unpacked, [written]).found == {written: written}


def test_two_names_of_one_file_are_an_error(unpacked: Path) -> None:
    path = "images_002/images/00000004_000.png"
    places = find(unpacked, [path, "00000004_000.png", f"{unpacked}/{path}"])
    assert places.found == {path: path}
    said = places.problem("00000004_000.png")
    assert said == f"00000004_000.png: the same file as {path}, {path}; keep one row per image"
    assert set(places.refused) == {"00000004_000.png", f"{unpacked}/{path}"}
    assert set(find(unpacked, ["00000004_000", "00000004_000.PNG"], ".png").refused) == {
        "00000004_000.PNG"
    }


def test_one_file_under_two_links_is_one_file(unpacked: Path) -> None:
    (unpacked / "all").mkdir()
    (unpacked / "all/00000004_000.png").symlink_to(unpacked / "images_002/images/00000004_000.png")
    (unpacked / "also").symlink_to(unpacked / "images_003")
    places = find(unpacked, ["00000004_000.png", "00000007_000.png"])
    assert places.found["00000004_000.png"] == "all/00000004_000.png"
    assert places.found["00000007_000.png"] == "also/images/00000007_000.png"
    assert places.refused == {}


def test_linked_folders_are_followed_and_loops_of_links_end(tmp_path: Path) -> None:
    disk, folder = tmp_path / "disk", tmp_path / "images"
    disk.mkdir()
    (disk / "far.png").touch()
    (folder / "part").mkdir(parents=True)
    (folder / "linked").symlink_to(disk)
    (folder / "part/up").symlink_to(folder)
    (disk / "back").symlink_to(folder / "part")
    (folder / "broken").symlink_to(folder / "none")
    (folder / "itself").symlink_to("itself")
    (folder / "part/near.png").touch()
    places = find(folder, ["far.png", "near.png"])
    assert places.found["far.png"] == "linked/far.png"
    assert (folder / places.found["near.png"]).samefile(folder / "part/near.png")


def test_hidden_folders_hold_no_images(tmp_path: Path) -> None:
    for file in (".ipynb_checkpoints/a.png", "x/a.png"):
        (tmp_path / file).parent.mkdir()
        (tmp_path / file).touch()
    assert list(files_below(tmp_path)) == ["x/a.png"]
    assert find(tmp_path, ["a.png"]).found == {"a.png": "x/a.png"}


def test_absolute_paths_are_accepted_inside_the_folder_also_through_links(
    unpacked: Path, tmp_path: Path
) -> None:
    link, disk = tmp_path / "link", tmp_path / "disk"
    link.symlink_to(unpacked)
    disk.mkdir()
    (disk / "far.png").touch()
    (unpacked / "linked").symlink_to(disk)
    inside = str(unpacked / "images_001/images/00000000_000.png")
    through = str(link / "images_001/images/00000001_000.png")
    far = str(disk / "far.png")
    expected = {
        inside: "images_001/images/00000000_000.png",
        through: "images_001/images/00000001_000.png",
        far: "linked/far.png",
    }
    assert find(unpacked, expected).found == expected
    assert find(link, expected).found == expected


def test_all_paths_through_a_link_are_found_without_a_look_at_what_is_below(
    unpacked: Path, tmp_path: Path, scanned: list[str]
) -> None:
    (tmp_path / "link").symlink_to(unpacked)
    name = str(tmp_path / "link/images_001/images/00000001_000.png")
    assert find(unpacked, [name]).found == {name: "images_001/images/00000001_000.png"}
    assert scanned == [str(unpacked / "images_001/images")]


def test_paths_that_leave_the_folder_are_refused(unpacked: Path, tmp_path: Path) -> None:
    outside = tmp_path / "other/00000000_000.png"
    outside.parent.mkdir()
    outside.touch()
    said = only(find(unpacked, [str(outside)]))
    assert f"absolute path that leads out of the image folder {unpacked}" in said
    assert said.endswith("there is images_001/images/00000000_000.png")
    assert "leaves the image folder" in only(find(unpacked, ["../other/00000000_000.png"]))
    assert "leaves the image folder" in only(find(unpacked, [f"{unpacked}/../other/a.png"]))
    assert "leads out" in only(find(unpacked, [f"{unpacked}-other/a.png"]))


@pytest.mark.parametrize(
    ("written", "instead", "advice"),
    [
        ("00000000_000", "images_001/images/00000000_000.png", "Write data.suffix: .png"),
        ("00000000_000.PNG", "images_001/images/00000000_000.png", "Write data.suffix: .png"),
        ("00000000_000.jpg", "images_001/images/00000000_000.png", "Write data.suffix: .png"),
        ("images_001\\images\\00000000_000.png", "images_001/images/00000000_000.png", "write / in"),
        ("C:\\x\\00000000_000.png", "images_001/images/00000000_000.png", "write / in place of \\"),
        ("images/00000000_000.png", "images_001/images/00000000_000.png", "data.images: {}/images_001"),
        ("scans/00000000_000.png", "images_001/images/00000000_000.png", "or bare names"),
        ("nothing.png", "", "There is, for example, images_001/images/00000000_000.png."),
    ],
)  # fmt: skip
def test_what_was_found_instead_is_said_and_what_to_write(
    unpacked: Path, written: str, instead: str, advice: str
) -> None:
    places = find(unpacked, [written])
    assert places.missing == {written: instead}
    assert advice.format(unpacked) in places.advice
    assert instead in places.problem(written)


def test_several_endings_are_no_key_and_case_is_said(tmp_path: Path) -> None:
    for name in ("a.png", "b.jpg"):
        (tmp_path / name).touch()
    assert "several (.png, .jpg). Add them in the table" in find(tmp_path, ["a", "b"]).advice
    assert "There is a.png: case counts." in find(tmp_path, ["A.png"]).advice


@pytest.mark.parametrize("written", ["7", "7.png", "7.PNG", "7.jpeg"])
def test_the_suffix_is_put_where_an_images_ending_is_or_appended(
    tmp_path: Path, written: str
) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below/7.png").touch()
    assert find(tmp_path, [written], ".png").found == {written: "below/7.png"}


def test_a_dot_in_a_name_is_no_ending(tmp_path: Path) -> None:
    (tmp_path / "1.2.840.113.png").touch()
    assert find(tmp_path, ["1.2.840.113"]).advice.endswith("Write data.suffix: .png")
    assert find(tmp_path, ["1.2.840.113"], ".png").found == {"1.2.840.113": "1.2.840.113.png"}


@pytest.mark.slow(seconds=15)
def test_the_hundred_thousand_names_of_the_full_set_are_found_in_seconds(tmp_path: Path) -> None:
    names = [f"{number:08}_000.png" for number in range(112_120)]
    for number in range(12):
        (tmp_path / f"images_{number:03}/images").mkdir(parents=True)
    for number, name in enumerate(names):
        os.mknod(tmp_path / f"images_{number % 12:03}/images/{name}")
    began = time.monotonic()
    assert len(find(tmp_path, names).found) == 112_120
    lost = find(tmp_path, [name.removesuffix(".png") for name in names])
    assert len(lost.missing) == 112_120 and "Write data.suffix: .png" in lost.advice
    assert sum(map(bool, lost.missing.values())) == EXPLAINED
    assert time.monotonic() - began < 60  # seconds alone; every name against every file takes hours
