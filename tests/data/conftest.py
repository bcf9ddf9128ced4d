"""A small labelled set of real PNG files, made where a test needs one."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from bakeoff.config.schema import Data

MakeData = Callable[..., Data]


@pytest.fixture
def make_data(tmp_path: Path) -> MakeData:
    """Write one 24 x 20 noise image per label, and the table; patients by default have one image each."""

    def make(labels: Sequence[str], patients: Sequence[str] | None = None, **keys: object) -> Data:
        images = tmp_path / "images"
        images.mkdir()
        names = [f"{i:04}.png" for i in range(len(labels))]
        for seed, name in enumerate(names):
            pixels = np.random.default_rng(seed).integers(0, 256, (20, 24), dtype=np.uint8)
            Image.fromarray(pixels).save(images / name)
        table = pd.DataFrame({"Image Index": names, "Finding Labels": labels})
        table["Patient ID"] = (
            [f"{i:03}" for i in range(len(labels))] if patients is None else patients
        )
        table.to_csv(tmp_path / "labels.csv", index=False)
        return Data(labels=tmp_path / "labels.csv", images=images, **keys)  # type: ignore[arg-type]

    return make
