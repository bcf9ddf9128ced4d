"""An unlabelled folder: no patient of the test split, under whatever name, by whatever table."""

import logging
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from bakeoff.config.experiment import Experiment
from bakeoff.data.images import decode
from bakeoff.data.tables import read_split
from bakeoff.errors import DataError
from bakeoff.layout import Layout, SplitName
from bakeoff.pretraining.pretrain import pretrain
from bakeoff.pretraining.unlabelled import list_images, open_unlabelled, pack_unlabelled
from bakeoff.task.binary import BinaryTask
from bakeoff.training.images import SplitImages
from tests.data.dicom_files import write_dicom
from tests.pretraining.conftest import parsed
from tests.training.conftest import SIZE, Prepare

CPU = torch.device("cpu")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six images of patients who are in no split."""
    folder = tmp_path / "unlabelled"
    (folder / "more").mkdir(parents=True)
    draw = np.random.default_rng(0)
    for patient in range(3):
        for view in range(2):
            pixels = draw.integers(0, 256, (40, 50), dtype=np.uint8)
            below = "more/" if view else ""
            Image.fromarray(pixels).save(folder / f"{below}{99_000_000 + patient}_{view:03}.png")
    (folder / "README.txt").write_text("no image")
    return folder


def opened(
    experiment: Experiment, layout: Layout, settings: dict[str, Any], folder: Path, **changes: Any
) -> SplitImages:
    chosen = parsed(settings, images=folder, **changes)
    pack_unlabelled(chosen, experiment, layout, workers=1)
    return open_unlabelled(chosen, experiment, layout, CPU)


def image_of(split: SplitName, experiment: Experiment, layout: Layout) -> tuple[Path, str]:
    row = read_split(layout.split(split), BinaryTask()).frame.iloc[0]
    return experiment.data.images / row["Image Index"], row["Patient ID"]


@pytest.mark.slow(seconds=4)
def test_a_folder_of_other_patients_is_packed_and_read(
    prepare: Prepare, settings: dict[str, Any], folder: Path
) -> None:
    experiment, layout = prepare()
    images = opened(experiment, layout, settings, folder)
    assert images.names == list_images(folder, parsed(settings)) and len(images) == 6
    pixels, _ = images.batch(torch.tensor([4]))
    whole = Image.fromarray(decode(folder, images.names[4]).pixels)
    expected = np.asarray(whole.resize((SIZE, SIZE), Image.Resampling.BICUBIC))
    assert np.array_equal(pixels[0, 0].numpy(), expected)


def test_colours_of_the_folder_are_kept_and_copies_of_coloured_test_images_refused(
    prepare_colours: Prepare, settings: dict[str, Any], folder: Path
) -> None:
    experiment, layout = prepare_colours()
    colours = np.random.default_rng(1).integers(0, 256, (50, 50, 3), dtype=np.uint8)
    Image.fromarray(colours).save(folder / "99000004_000.png")
    images = opened(experiment, layout, settings, folder, image=prepare_colours.values["image"])
    pixels, _ = images.batch(torch.arange(len(images)))
    assert pixels.shape == (7, 3, SIZE, SIZE)
    grey = [bool((one == one[:1]).all()) for one in pixels]
    assert grey == [not name.startswith("99000004") for name in images.names]
    test = read_split(layout.split("test"), experiment.data.classification).frame.iloc[0]["image"]
    shutil.copy(experiment.data.images / test, folder / "99000005_000.png")
    with pytest.raises(DataError, match=r"1 images are also in the test split, pixel by pixel"):
        opened(experiment, layout, settings, folder, image=prepare_colours.values["image"])


def test_it_is_pretrained_on_once_it_is_packed(
    prepare: Prepare, settings: dict[str, Any], folder: Path
) -> None:
    experiment, layout = prepare()
    chosen = parsed(settings, images=folder)
    with pytest.raises(
        DataError, match=r"index\.csv: missing\. `bakeoff pack-unlabelled --name mpp`"
    ):
        pretrain(experiment, chosen, layout)
    pack_unlabelled(chosen, experiment, layout, workers=1)
    pretrain(experiment, chosen, layout)
    assert len(pd.read_csv(layout.pretraining("mpp").history)) == 2


@pytest.mark.parametrize("name", ["{patient:08}_999.png", "{patient:08}_999.JPEG"])
def test_a_patient_of_the_test_split_is_refused_by_the_files_name(
    prepare: Prepare, settings: dict[str, Any], folder: Path, name: str
) -> None:
    experiment, layout = prepare()
    _, patient = image_of("test", experiment, layout)
    Image.fromarray(np.arange(900, dtype=np.uint8).reshape(30, 30)).save(
        folder / name.format(patient=int(patient))
    )
    with pytest.raises(DataError, match=rf"1 patients of the test split.*patient {int(patient)}"):
        opened(experiment, layout, settings, folder)


def test_a_patient_of_the_test_split_is_refused_by_the_table(
    prepare: Prepare, settings: dict[str, Any], folder: Path, tmp_path: Path
) -> None:
    experiment, layout = prepare()
    _, patient = image_of("test", experiment, layout)
    names = list_images(folder, parsed(settings))
    table = pd.DataFrame({"Image Index": names, "Patient ID": [*["x"] * 5, patient]})
    table.to_csv(tmp_path / "patients.csv", index=False)
    with pytest.raises(DataError, match="1 patients of the test split"):
        opened(experiment, layout, settings, folder, patients=tmp_path / "patients.csv")
    table.iloc[:5].to_csv(tmp_path / "patients.csv", index=False)
    with pytest.raises(DataError, match="the patient of 1 of 6 images is not known"):
        opened(experiment, layout, settings, folder, patients=tmp_path / "patients.csv")


def test_the_table_of_patients_may_have_bare_names_of_files_in_folders_below(
    prepare: Prepare, settings: dict[str, Any], folder: Path, tmp_path: Path
) -> None:
    experiment, layout = prepare()
    names = [Path(name).name for name in list_images(folder, parsed(settings))]
    table = pd.DataFrame({"Image Index": names, "Patient ID": list("abcdef")})
    table.to_csv(tmp_path / "patients.csv", index=False, sep=";")
    assert (
        len(opened(experiment, layout, settings, folder, patients=tmp_path / "patients.csv")) == 6
    )


def test_patients_of_dicom_files_are_those_of_their_headers(
    prepare: Prepare, settings: dict[str, Any], folder: Path
) -> None:
    experiment, layout = prepare()
    pixels = np.arange(900, dtype=np.uint16).reshape(30, 30)
    write_dicom(folder / "scan.dcm", pixels, PatientID="another")
    assert len(opened(experiment, layout, settings, folder)) == 7
    _, patient = image_of("test", experiment, layout)
    write_dicom(folder / "scan.dcm", pixels, PatientID=patient)
    with pytest.raises(DataError, match="1 patients of the test split"):
        opened(experiment, layout, settings, folder)


def test_an_image_of_an_unknown_patient_is_refused(
    prepare: Prepare, settings: dict[str, Any], folder: Path
) -> None:
    experiment, layout = prepare()
    shutil.copy(folder / "99000000_000.png", folder / "anybody.png")
    with pytest.raises(DataError, match=r"the patient of 1 of 7 images is not known.*anybody\.png"):
        opened(experiment, layout, settings, folder)


def test_a_test_image_under_another_patients_name_is_refused(
    prepare: Prepare, settings: dict[str, Any], folder: Path
) -> None:
    experiment, layout = prepare()
    path, _ = image_of("test", experiment, layout)
    shutil.copy(path, folder / "99000005_000.png")
    with pytest.raises(DataError, match=rf"pixel by pixel: 99000005_000\.png \({path.name}\)"):
        opened(experiment, layout, settings, folder)


def test_a_test_image_that_was_encoded_again_is_refused(
    prepare: Prepare, settings: dict[str, Any], folder: Path
) -> None:
    experiment, layout = prepare()
    path, _ = image_of("test", experiment, layout)
    with Image.open(path) as image:
        image.convert("L").resize((200, 200)).save(folder / "99000005_000.jpg", quality=70)
    with pytest.raises(DataError, match=rf"look the same.*99000005_000\.jpg \({path.name}\)"):
        opened(experiment, layout, settings, folder)


def test_an_id_that_may_be_a_test_patients_is_refused_until_it_is_settled(
    prepare: Prepare, settings: dict[str, Any], folder: Path, tmp_path: Path
) -> None:
    experiment, layout = prepare()
    _, patient = image_of("test", experiment, layout)
    names = list_images(folder, parsed(settings))
    who = ["x", "x", "x", "x", "x", f"{patient},0"]
    table = pd.DataFrame({"Image Index": names, "Patient ID": who})
    table.to_csv(tmp_path / "patients.csv", index=False)
    with pytest.raises(DataError, match=rf"may be patients of the test split.*'{patient},0'"):
        opened(experiment, layout, settings, folder, patients=tmp_path / "patients.csv")
    for word in ("merge", "distinct"):
        prepare.values["data"]["similar_ids"] = word
        experiment, layout = prepare(word)
        if word == "merge":
            with pytest.raises(DataError, match="1 patients of the test split have 1 images"):
                opened(experiment, layout, settings, folder, patients=tmp_path / "patients.csv")
        else:
            opened(experiment, layout, settings, folder, patients=tmp_path / "patients.csv")
    again = pd.concat([table, table.iloc[:1].assign(**{"Patient ID": "y"})])
    again.to_csv(tmp_path / "patients.csv", index=False)
    with pytest.raises(DataError, match="is of two patients, x and y"):
        opened(experiment, layout, settings, folder, patients=tmp_path / "patients.csv")


def test_patients_of_validation_are_warned_about(
    prepare: Prepare,
    settings: dict[str, Any],
    folder: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    experiment, layout = prepare()
    path, _ = image_of("val", experiment, layout)
    shutil.copy(path, folder / path.name)
    with caplog.at_level(logging.WARNING):
        opened(experiment, layout, settings, folder)
    assert "1 images show patients of the validation split" in caplog.text


def test_data_without_patients_needs_names_that_tell_them(
    prepare: Prepare, settings: dict[str, Any], folder: Path
) -> None:
    prepare.values["data"]["patient_column"] = None
    prepare.values["split"]["group_by"] = None
    experiment, layout = prepare()
    opened(experiment, layout, settings, folder)  # the phantoms' names are like NIH's
    with pytest.raises(DataError, match="do not tell them"):
        opened(experiment, layout, settings, folder, patient_pattern=r"^(99\d+)_")


def test_a_folder_is_packed_once_until_it_changes(
    prepare: Prepare, settings: dict[str, Any], folder: Path
) -> None:
    experiment, layout = prepare()
    opened(experiment, layout, settings, folder)
    file = layout.pretraining("mpp").packed / "images.npy"
    before = file.stat().st_mtime_ns
    opened(experiment, layout, settings, folder)
    assert file.stat().st_mtime_ns == before
    Image.fromarray(np.eye(9, dtype=np.uint8)).save(folder / "99000007_000.png")
    assert len(opened(experiment, layout, settings, folder)) == 7


def test_a_folder_that_is_not_there_or_holds_nothing_is_refused(
    prepare: Prepare, settings: dict[str, Any], tmp_path: Path
) -> None:
    experiment, layout = prepare()
    with pytest.raises(DataError, match="no such folder"):
        opened(experiment, layout, settings, tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no PNG, JPEG, TIFF"):
        opened(experiment, layout, settings, tmp_path / "empty")
