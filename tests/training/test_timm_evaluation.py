"""A colour image through our stages is what timm evaluates: file, pack, batch, model, to its logits."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import save_file
from timm.data import create_transform, resolve_data_config

from bakeoff.config.experiment import Experiment
from bakeoff.data.pack import PackedImages, write_pack
from bakeoff.training.images import SplitImages
from bakeoff.training.initialisation import build_model
from bakeoff.training.scaling import normalise
from tests.config.test_experiment import config
from tests.models.parity import FLOAT32, randomise

pytestmark = pytest.mark.slow(seconds=8)

ARCHITECTURES = ("resnet18", "vit_tiny_patch16_224")
"""Their tags disagree in mean, spread and how much of an image is seen."""


def photographs(folder: Path) -> list[str]:
    """Smooth pictures of several shapes and kinds of file."""
    folder.mkdir()
    random = np.random.default_rng(0)
    names = []
    for at, (width, height) in enumerate(
        [(256, 171), (192, 256), (90, 120), (224, 224), (400, 97)]
    ):
        coarse = Image.fromarray(random.integers(40, 200, (9, 9, 3), dtype=np.uint8))
        name = f"{at}.{'png' if at % 2 else 'jpg'}"
        coarse.resize((width, height), Image.Resampling.BICUBIC).save(folder / name)
        names.append(name)
    Image.fromarray(random.integers(0, 256, (120, 160), dtype=np.uint8)).save(folder / "grey.png")
    return [*names, "grey.png"]


def published(name: str, file: Path) -> Any:
    """A timm network with random weights, which `file` gets; its logits are of an ordinary size."""
    network = randomise(timm.create_model(name, num_classes=2))
    with torch.no_grad():
        noise = torch.randn(4, 3, 224, 224, generator=torch.Generator().manual_seed(0))
        network.get_classifier().weight.div_(network(noise).abs().max())
    save_file(network.state_dict(), file)
    return network


def theirs(network: Any, folder: Path, names: list[str]) -> torch.Tensor:
    """The logits of timm's own evaluation, image by image."""
    transform = create_transform(**resolve_data_config({}, model=network))
    with torch.no_grad():
        return torch.cat(
            [network(transform(Image.open(folder / name).convert("RGB"))[None]) for name in names]
        )


def ours(
    name: str,
    image: dict[str, Any],
    file: Path,
    folder: Path,
    names: list[str],
    **options: str,
) -> torch.Tensor:
    """The logits of a variant that starts from these weights, through its pack."""
    variant = {"model": f"timm/{name}", "weights": str(file), "image": image, **options}
    experiment = Experiment.parse(config(variants={"a": variant}))
    run = experiment.run("a", 0)
    given = run.variant.image
    target = file.with_name(f"packed{given.packing.kind}")
    write_pack(folder, names, ["test"] * len(names), given.packing, target, 1)
    images = SplitImages.unlabelled(names, PackedImages.open(target), torch.device("cpu"))
    batch, _ = images.batch(torch.arange(len(names)))
    model = build_model(experiment, run).eval()
    with torch.no_grad():
        logits: torch.Tensor = model(normalise(batch, given))
    return logits


@pytest.mark.parametrize("food", [False, True])
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_colour_images_are_evaluated_as_timm_does(
    name: str, food: bool, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    folder = tmp_path / "images"
    if food:
        folder = request.getfixturevalue("shared_data") / "food-300/test"
        names = [
            file.relative_to(folder).as_posix() for file in sorted(folder.glob("*/*.jpg"))[::5]
        ]
    else:
        names = photographs(folder)
    file = tmp_path / "weights.safetensors"
    network = published(name, file)
    crop_pct = network.pretrained_cfg["crop_pct"]
    image = {"size": 224, "channels": 3, "fit": "crop", "crop_pct": crop_pct, "normalise": "unit"}
    expected = theirs(network, folder, names)
    found = ours(name, image, file, folder, names)
    apart = (found - expected).abs().amax(dim=1)
    assert len(apart) == len(names) and apart.max() <= FLOAT32, apart
    # The images tell what was done to them; photographs have black and white.
    others = [{"fit": "squeeze", "crop_pct": 0.875}, {"channels": 1}, {"normalise": "min-max"}]
    for other in others[: 2 if food else 3]:
        apart = (ours(name, {**image, **other}, file, folder, names) - expected).abs()
        assert apart.max() > 100 * FLOAT32, other


def test_our_statistics_in_place_of_the_weights_own_are_the_same(tmp_path: Path) -> None:
    """With `normalise: none` the model leaves it to the configuration."""
    folder = tmp_path / "images"
    names = photographs(folder)
    file = tmp_path / "weights.safetensors"
    network = published("resnet18", file)
    stated = network.pretrained_cfg
    by_hand = {"mean": list(stated["mean"]), "std": list(stated["std"])}
    image = {"size": 224, "channels": 3, "fit": "crop", "crop_pct": stated["crop_pct"]}
    given = {**image, "normalise": by_hand}
    found = ours("resnet18", given, file, folder, names, normalise="none")
    assert (found - theirs(network, folder, names)).abs().max() <= FLOAT32
