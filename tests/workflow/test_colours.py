"""Snakemake packs colours into a folder of their own, and leaves what an earlier commit packed."""

from pathlib import Path

import numpy as np
import pytest

from bakeoff.files import read_json
from tests.workflow.conftest import Workflow

pytestmark = pytest.mark.slow(seconds=15)


OF_CLASSES = pytest.mark.parametrize("of_a_kind", ["multiclass"], indirect=True)


@OF_CLASSES
def test_each_variant_is_given_the_images_that_it_asks_for(of_a_kind: Workflow) -> None:
    shapes = {
        file.parent.name: np.load(file, mmap_mode="r").shape
        for file in of_a_kind.results.glob("packed/*/images.npy")
    }
    assert shapes == {
        "size-48": (60, 48, 48),
        "size-48-colour-crop-0.875": (60, 48, 48, 3),
        "size-54-colour-crop-1.0": (60, 54, 54, 3),  # random parts are taken of the whole square
    }
    for variant, channels in (("plain", 1), ("augmented", 3)):
        record = read_json(of_a_kind.results / f"runs/{variant}/seed-0/run.json")
        assert record["config"]["image"]["channels"] == channels
        assert (of_a_kind.results / f"runs/{variant}/seed-0/figures/index.json").exists()
    said = of_a_kind.bakeoff("status", "--config", "config.yaml").stdout
    assert said.startswith("small: 2 runs: 2 done")


@OF_CLASSES
def test_what_changes_of_the_images_is_made_again_and_nothing_else(of_a_kind: Workflow) -> None:
    variants, image = (
        of_a_kind.config["variants"],
        of_a_kind.config["variants"]["augmented"]["image"],
    )

    def again(**changes: object) -> dict[str, int]:
        changed = {**variants["augmented"], "image": {**image, **changes}}
        return of_a_kind.with_config(variants={**variants, "augmented": changed}).would_run()

    cropped = again(crop_pct=0.9)
    assert cropped["train"] == cropped["evaluate"] == 1
    assert cropped["pack_otherwise"] == 2 and "pack" not in cropped
    unflipped = again(flip=None)
    assert unflipped["train"] == 1 and not {"pack", "pack_otherwise"} & unflipped.keys()


def test_grey_images_of_an_earlier_commit_are_not_packed_again_for_three_channels(
    kept: Workflow,
) -> None:
    three = {"model": "conv", "norm": "batch", "kernel_size": 1, "image": {"channels": 3}}
    more = kept.with_config(variants={**kept.config["variants"], "three": three})
    again = more.would_run()
    assert again["train"] == 1 and not {"pack", "pack_otherwise", "split"} & again.keys()
    assert Path(more.folder / "results/kept/packed/size-32/index.csv").exists()
