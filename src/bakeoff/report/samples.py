"""Sample test images: those with the most confident predictions of the best variant, right and wrong."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image as Picture
from pydantic import ValidationError

from bakeoff.config.schema import Image
from bakeoff.data.csv_table import read_text
from bakeoff.errors import BakeoffError
from bakeoff.layout import Layout
from bakeoff.plotting import new_figure, quiet_note, style
from bakeoff.report.evidence import Evidence, RunEvidence
from bakeoff.report.reading import dig

EACH = 4  # images per outcome
SHOWN = 224  # pixels per side in the page; packs may be larger


@dataclass(frozen=True)
class Outcome:
    """One of the four combinations of true and predicted class, with its title."""

    label: int
    called: int
    title: str


OUTCOMES = ((1, 1), (1, 0), (0, 0), (0, 1))  # label, called


@dataclass(frozen=True)
class Sample:
    """A test image with its score; pixels uint8 (h, w) or (h, w, 3), at most SHOWN a side."""

    name: str
    score: float
    pixels: NDArray[np.uint8]

    @property
    def address(self) -> str:
        """The picture as a data: address, JPEG."""
        buffer = io.BytesIO()
        Picture.fromarray(self.pixels).save(buffer, format="JPEG", quality=85)
        return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


@dataclass(frozen=True)
class Samples:
    """The samples of one run by outcome; `absent` is the reason where there are none."""

    run: RunEvidence | None
    threshold: float
    groups: list[
        tuple[Outcome, int, list[Sample]]
    ]  # with the number of test images of that outcome
    absent: str = ""


def choose_samples(evidence: Evidence) -> Samples:
    """The EACH most confident images of each outcome, of the best variant's run with the best val AUROC."""
    runs = next((runs for _, runs in evidence.finished()), [])
    if not runs:
        return Samples(None, np.nan, [], "no run has finished")
    run = max(runs, key=lambda run: run.figure_of("val", "auroc"))
    threshold = run.figure_of("threshold", "value")
    try:
        images, rows = _open_pack(evidence.results, dig(run.record, "config", "image"))
    except (OSError, ValueError, KeyError, BakeoffError) as error:
        return Samples(run, threshold, [], f"the packed images cannot be read: {error}")
    test = run.test
    if test is None:  # a finished run has predictions; this tells the type checker
        return Samples(run, threshold, [], "the run has no predictions")
    groups = []
    classes = evidence.classes
    for label, called in OUTCOMES:
        outcome = Outcome(label, called, classes.outcome(label, called))
        of_outcome = (test.labels == outcome.label) & ((test.scores >= threshold) == outcome.called)
        confidence = test.scores if outcome.called else -test.scores
        order = np.argsort(-confidence, kind="stable")
        chosen = [i for i in order if of_outcome[i] and test.images[i] in rows][:EACH]
        samples = [
            Sample(str(name), float(score), _shrink(images[rows[name]]))
            for name, score in zip(test.images[chosen], test.scores[chosen], strict=True)
        ]
        groups.append((outcome, int(of_outcome.sum()), samples))
    return Samples(run, threshold, groups)


def draw_samples(samples: Samples) -> Figure:
    """A contact sheet of the samples, a row per outcome."""
    with style():
        figure = new_figure(1.6 * EACH + 0.2, 1.95 * max(1, len(samples.groups)))
        if not samples.groups:
            axes = figure.subplots()
            axes.set_axis_off()
            quiet_note(axes, samples.absent)
            return figure
        for row, (outcome, count, group) in zip(
            figure.subplots(len(samples.groups), EACH), samples.groups, strict=True
        ):
            row[0].set_title(f"{outcome.title} ({count})")
            _draw_row(row, group)
    return figure


def _draw_row(row: Sequence[Axes], group: Sequence[Sample]) -> None:
    for axes in row:
        axes.set_axis_off()
    for axes, sample in zip(row, group, strict=False):
        axes.imshow(sample.pixels, cmap="gray", vmin=0, vmax=255)
        axes.text(
            0.5, -0.03, f"{sample.score:.3f}", transform=axes.transAxes, ha="center", va="top"
        )


def _open_pack(results: Path, image: object) -> tuple[NDArray[np.uint8], dict[str, int]]:
    """The packed images as the run was given them, or else the largest there are, and their rows."""
    folders = sorted((results / "packed").glob("size-*"), key=_size_of)
    if not folders:
        raise FileNotFoundError(f"there are none in {results / 'packed'}")
    own = _own_pack(results, image) or folders[-1]
    folder = own if own in folders else folders[-1]
    images = np.load(folder / "images.npy", mmap_mode="r", allow_pickle=False)
    index, _ = read_text(folder / "index.csv")
    return images, dict(zip(index["Image Index"], index["row"].astype(int), strict=True))


def _own_pack(results: Path, image: object) -> Path | None:
    try:
        return Image.model_validate(image).packing.folder(Layout(results))
    except ValidationError:  # a record of another version, or none
        return None


def _size_of(folder: Path) -> int:
    digits = folder.name.removeprefix("size-").partition("-")[0]
    return int(digits) if digits.isdigit() else 0


def _shrink(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if max(pixels.shape) <= SHOWN:
        return np.asarray(pixels)
    image = Picture.fromarray(np.asarray(pixels))
    image.thumbnail((SHOWN, SHOWN), Picture.Resampling.LANCZOS)
    return np.asarray(image)
