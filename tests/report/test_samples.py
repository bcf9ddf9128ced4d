"""The images that the report shows are those that the run was given, colours included."""

import base64
import io
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bakeoff.report.document import write_report
from tests.report.digits import EXPECTED, SIZE


def shown(results: Path) -> list[Image.Image]:
    """The sample images in the report on a results folder."""
    page = results / "report.html"
    write_report(results, page, EXPECTED)
    found = re.findall(r"data:image/jpeg;base64,([^\"']+)", page.read_text())
    return [Image.open(io.BytesIO(base64.b64decode(one))) for one in found]


@pytest.mark.slow(seconds=2)
@pytest.mark.parametrize("coloured", [False, True])
def test_samples_are_shown_as_the_run_was_given_them(bakeoff: Path, coloured: bool) -> None:
    """Here both packs are there, and only a run with three channels was given the second."""
    grey = bakeoff / f"packed/size-{SIZE}"
    colours = shutil.copytree(grey, grey.with_name(f"size-{SIZE}-colour"))
    pixels = np.load(grey / "images.npy")
    np.save(colours / "images.npy", np.stack([pixels, pixels // 2, 255 - pixels], axis=-1))
    for file in bakeoff.glob("runs/*/*/run.json"):
        record = json.loads(file.read_text())
        record["config"]["image"]["channels"] = 3 if coloured else 1
        file.write_text(json.dumps(record))
    samples = shown(bakeoff)
    assert samples and {image.mode for image in samples} == {"RGB" if coloured else "L"}
    assert {image.size for image in samples} == {(SIZE, SIZE)}
