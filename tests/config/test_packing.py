"""Where images are packed follows from the configuration; packs of before stay where and what they are."""

import csv
from pathlib import Path
from typing import Any

import pytest

from bakeoff.config.digest import pack_digest
from bakeoff.config.experiment import Experiment
from bakeoff.config.packing import Packing
from bakeoff.config.schema import Data, Image
from bakeoff.errors import ConfigError
from bakeoff.layout import Layout
from tests.config.test_experiment import config

DATA = Data(labels=Path("labels.csv"), images=Path("images"))
STATISTICS = {"mean": [0.4, 0.5, 0.6], "std": [0.2, 0.2, 0.3]}


@pytest.mark.parametrize(
    ("image", "folder", "size"),
    [
        ({"size": 224}, "size-224", 224**2),
        ({"size": 224, "channels": 3}, "size-224-colour", 3 * 224**2),
        ({"size": 96, "fit": "crop"}, "size-96-crop-0.875", 96**2),
        (
            {"size": 96, "channels": 3, "fit": "crop", "crop_pct": 1},
            "size-96-colour-crop-1.0",
            3 * 96**2,
        ),
    ],
)
def test_the_folder_says_what_is_in_it(image: dict[str, Any], folder: str, size: int) -> None:
    packing = Image(**image).packing
    assert packing.folder(Layout(Path("results"))) == Path("results/packed") / folder
    assert packing.image_bytes == size


@pytest.mark.parametrize(
    ("image", "packed"),
    [
        ({}, Packing(96)),
        ({"crop": {}}, Packing(96)),
        ({"crop": {"pixels": 200}, "channels": 3}, Packing(200, colours=True)),
        ({"fit": "crop"}, Packing(96, crop_pct=0.875)),
        ({"fit": "crop", "crop": {}}, Packing(109, crop_pct=1.0)),
        ({"fit": "crop", "crop_pct": 0.9, "crop": {"pixels": 200}}, Packing(200, crop_pct=1.0)),
    ],
)
def test_random_parts_are_taken_of_more_than_the_middle(
    image: dict[str, Any], packed: Packing
) -> None:
    given = Image(size=96, **image)
    assert given.training_packing == packed
    assert given.packing == Packing(96, given.channels == 3, packed.crop_pct and given.crop_pct)


def test_the_digest_of_a_grey_pack_is_that_of_before() -> None:
    assert pack_digest(DATA, Packing(224)) == "cb69015e1fc0"
    others = [Packing(224, True), Packing(224, False, 0.9), Packing(224, True, 0.9), Packing(96)]
    assert len({pack_digest(DATA, packing) for packing in [Packing(224), *others]}) == 5


def earlier_pack(layout: Layout, *modes: str, columns: tuple[str, ...] = ()) -> Path:
    """The index of a pack at 224 pixels, as earlier versions wrote it."""
    folder = layout.packed(224)
    folder.mkdir(parents=True)
    with (folder / "index.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["Image Index", "row", "split", "mode", "width", *columns])
        writer.writerows([f"{n}.png", n, "train", mode, 9] for n, mode in enumerate(modes))
    return folder


def test_three_channels_stay_with_the_grey_pack_of_an_earlier_version(tmp_path: Path) -> None:
    """It packed grey for them, too; of grey files, some in RGBA, that is what would be packed now."""
    layout, wanted = Layout(tmp_path), Packing(224, colours=True)
    earlier = earlier_pack(layout, "L", "I;16", "LA", "RGBA", "RGBA")
    assert wanted.folder(layout) == earlier
    layout.packed(224, "-colour").mkdir()
    assert wanted.folder(layout) == layout.packed(224, "-colour")


@pytest.mark.parametrize(
    ("modes", "columns"), [(("L", "RGB"), ()), (("RGBA", "P", "L"), ()), (("L",), ("colours",))]
)
def test_files_that_may_have_colours_are_packed_for_three_channels(
    tmp_path: Path, modes: tuple[str, ...], columns: tuple[str, ...]
) -> None:
    layout = Layout(tmp_path)
    earlier_pack(layout, *modes, columns=columns)
    assert Packing(224, colours=True).folder(layout) == layout.packed(224, "-colour")


def test_each_way_is_packed_once() -> None:
    variants = {
        "a": {"model": "conv", "image": {"channels": 3}},
        "b": {"model": "conv"},
        "c": {"model": "conv", "norm": "batch"},
        "d": {"model": "conv", "image": {"channels": 3, "normalise": "unit", "flip": {}}},
    }
    experiment = Experiment.parse(config(image={"size": 224}, variants=variants))
    assert experiment.packings() == [Packing(224), Packing(224, colours=True)]


@pytest.mark.parametrize(
    ("image", "said"),
    [
        ({"crop_pct": 0.9}, "image: 'crop_pct' means something with 'fit: crop' only"),
        ({"fit": "stretch"}, "image.fit: input should be 'squeeze' or 'crop'"),
        ({"normalise": "maxmin"}, "image.normalise: input should be 'min-max' or 'unit', found"),
        ({"normalise": STATISTICS}, "'normalise.mean' has 3 numbers, and there are 1 channels"),
        ({"normalise": {"mean": [0.5]}}, "image.normalise.std: this key is required"),
        (
            {"normalise": {"mean": [0.5], "deviation": [1]}},
            "image.normalise.deviation: unknown key. Valid keys: mean, std",
        ),
        (
            {"normalise": {"mean": [0.5], "std": [0]}},
            "image.normalise.std.0: input should be greater than 0",
        ),
        ({"crop": {"scale": [0.9, 0.1]}}, "image.crop: 'scale' is from and to"),
        ({"crop": {"ratio": [0, 1]}}, "image.crop: 'ratio' is from and to, above 0"),
        ({"flip": {"probability": 2}}, "image.flip.probability: input should be less"),
        ({"jitter": {"hue": 0.6}}, "image.jitter.hue: input should be less"),
        ({"jitter": {"colour": 0.6}}, "image.jitter.colour: unknown key"),
    ],
)
def test_mistakes_are_told_with_their_key(image: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Experiment.parse(config(image=image))
    assert said in str(caught.value)


def test_two_normalisations_on_top_of_each_other_are_refused(tmp_path: Path) -> None:
    tuned = {"model": "timm/resnet18", "weights": "a1_in1k"}
    image = {"channels": 3, "normalise": STATISTICS}
    with pytest.raises(ConfigError, match=r"twice: set image: \{normalise: unit\}, or, where"):
        Experiment.parse(config(image=image, variants={"a": tuned}))
    own = {**tuned, "normalise": "none"}
    plain = {**tuned, "image": {"normalise": "unit"}}
    fresh = {"model": "timm/resnet18"}
    Experiment.parse(config(image=image, variants={"a": own, "b": plain, "c": fresh}))
