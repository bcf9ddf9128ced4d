"""Snakemake packs colours into a folder of their own, and leaves what an earlier commit packed."""

from pathlib import Path

import numpy as np
import pytest

from bakeoff.files import read_json
from tests.photographs import photographs
from tests.workflow.conftest import CONFIG, Workflow, small

pytestmark = pytest.mark.slow(seconds=50)


@pytest.fixture(scope="module")
def coloured(tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    """Photographs in colour, cropped and squeezed, in colour and in grey, run to the report."""
    made = small(tmp_path_factory.mktemp("workflow") / "coloured")
    photographs(made.folder / "data", rows=60, size=40)
    cropped = {"channels": 3, "fit": "crop", "normalise": "unit", "flip": {}, "jitter": {}}
    config = {
        **CONFIG,
        "data": {
            "labels": "data/labels.csv",
            "images": "data/photos",
            "image_column": "image",
            "label_column": "label",
            "patient_column": None,
            "negative": ["intact"],
            "positive": ["crack"],
        },
        "split": {"train": 30, "val": 15, "test": 15},
        "variants": {
            "grey": {"model": "conv"},
            "colour": {"model": "conv", "image": {"channels": 3, "crop": {}}},
            "cropped": {"model": "conv", "norm": "batch", "image": cropped},
        },
    }
    workflow = Workflow(made.folder, config)
    workflow.snakemake("--cores", "2")
    return workflow


def test_each_variant_is_given_the_images_that_it_asks_for(coloured: Workflow) -> None:
    shapes = {
        file.parent.name: np.load(file, mmap_mode="r").shape
        for file in coloured.results.glob("packed/*/images.npy")
    }
    assert shapes == {
        "size-80": (60, 80, 80),
        "size-80-colour": (60, 80, 80, 3),
        "size-80-colour-crop-0.875": (60, 80, 80, 3),
    }
    assert coloured.would_run() == {}
    for variant in ("grey", "colour", "cropped"):
        record = read_json(coloured.results / f"runs/{variant}/seed-0/run.json")
        assert record["config"]["image"]["channels"] == (1 if variant == "grey" else 3)
        assert (coloured.results / f"runs/{variant}/seed-0/figures/index.json").exists()
    said = coloured.bakeoff("status", "--config", "config.yaml").stdout
    assert said.startswith("small: 3 runs: 3 done")


def test_what_changes_of_the_images_is_made_again_and_nothing_else(coloured: Workflow) -> None:
    variants = {**coloured.config["variants"]}
    variants["cropped"] = {
        **variants["cropped"],
        "image": {**variants["cropped"]["image"], "crop_pct": 0.9},
    }
    again = coloured.with_config(variants=variants).would_run()
    assert (
        again["pack_otherwise"] == again["train"] == again["evaluate"] == 1 and "pack" not in again
    )
    variants["cropped"]["image"] = {**variants["cropped"]["image"], "crop_pct": 0.875, "flip": None}
    again = coloured.with_config(variants=variants).would_run()
    assert again["train"] == 1 and not {"pack", "pack_otherwise"} & again.keys()


def test_grey_images_of_an_earlier_commit_are_not_packed_again_for_three_channels(
    kept: Workflow,
) -> None:
    three = {"model": "conv", "norm": "batch", "kernel_size": 1, "image": {"channels": 3}}
    more = kept.with_config(variants={**kept.config["variants"], "three": three})
    again = more.would_run()
    assert again["train"] == 1 and not {"pack", "pack_otherwise", "split"} & again.keys()
    assert Path(more.folder / "results/kept/packed/size-32/index.csv").exists()
