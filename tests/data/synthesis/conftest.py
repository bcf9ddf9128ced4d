"""Synthetic data sets small enough for tests."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bakeoff.data.synthesis import synthesize


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 films of 64 pixels. Tests only read it."""
    folder = tmp_path_factory.mktemp("synthetic")
    synthesize(folder, images=40, size=64, seed=3)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below the folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def grey(path: Path) -> np.ndarray:
    """An image's grey values."""
    with Image.open(path) as image:
        return np.asarray(image.convert("L"))
