"""Sample test images: those with the most confident predictions of the leader on test, right and wrong."""

import base64
import io
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
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
from bakeoff.plotting import new_figure, quiet_note, shortened, style
from bakeoff.report.each_class import hardest
from bakeoff.report.evidence import Evidence, RunEvidence
from bakeoff.report.reading import dig
from bakeoff.task.outcomes import Alike, outcomes_of

COLUMNS = 4  # images beside each other
GROUPS = 16  # as many classes or findings are shown, the hardest of more
WORDS = 24  # characters of a line below an image
ROW, CAPTION = 1.95, 0.45  # inches of a row of images, and of two more lines below it
SHOWN = 224  # pixels per side in the page; packs may be larger


@dataclass(frozen=True)
class Sample:
    """A test image with its score; pixels uint8 (h, w) or (h, w, 3), at most SHOWN a side.

    said: what it was called and is, where that differs between the images of a group; wrong: whether those
    two differ.
    """

    name: str
    score: float
    said: str
    wrong: bool
    pixels: NDArray[np.uint8]

    @property
    def address(self) -> str:
        """The picture as a data: address, JPEG."""
        buffer = io.BytesIO()
        Picture.fromarray(self.pixels).save(buffer, format="JPEG", quality=85)
        return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


@dataclass(frozen=True)
class Group:
    """Samples of one title; `count`: test images of that outcome, None where the group has several."""

    title: str
    count: int | None
    samples: list[Sample]


@dataclass(frozen=True)
class Samples:
    """The samples of one run by outcome; `absent` is the reason where there are none.

    thresholds: by the name of what is scored; left_out: how many classes or findings are not shown.
    """

    run: RunEvidence | None
    thresholds: dict[str, float]
    groups: list[Group]
    left_out: int = 0
    absent: str = ""


def choose_samples(evidence: Evidence) -> Samples:
    """The surest images of each outcome, of the leader's run that is best on validation."""
    runs = next((runs for _, runs in evidence.finished()), [])
    if not runs:
        return Samples(None, {}, [], absent="no run has finished")
    run = evidence.best_run(runs)
    thresholds = evidence.thresholds_of(run)
    try:
        images, rows = open_pack(evidence.results, dig(run.record, "config", "image"))
    except (OSError, ValueError, KeyError, BakeoffError) as error:
        return Samples(run, thresholds, [], absent=f"the packed images cannot be read: {error}")
    test = run.test
    if test is None:  # a finished run has predictions; this tells the type checker
        return Samples(run, thresholds, [], absent="the run has no predictions")
    outcomes: dict[str, list[Alike]] = {}
    for outcome in outcomes_of(evidence.task).alike(test.labels, test.scores, thresholds):
        outcomes.setdefault(outcome.title, []).append(outcome)
    titles = list(outcomes)
    if len(titles) > GROUPS:
        names = hardest(run, evidence.task, GROUPS)
        titles = [title for title in titles if outcomes[title][0].of in names]
    groups = []
    for title in titles:
        samples = []
        for outcome in outcomes[title]:
            order = np.argsort(-outcome.sureness, kind="stable")
            there = (int(i) for i in order if outcome.members[i] and test.images[i] in rows)
            samples += [
                Sample(
                    str(test.images[i]),
                    float(outcome.score[i]),
                    outcome.said(i),
                    outcome.wrong,
                    shrink(images[rows[str(test.images[i])]]),
                )
                for i in islice(there, outcome.room)
            ]
        only = outcomes[title][0].members if len(outcomes[title]) == 1 else None
        groups.append(Group(title, None if only is None else int(only.sum()), samples))
    return Samples(run, thresholds, groups, len(outcomes) - len(groups))


def draw_samples(samples: Samples) -> Figure:
    """A contact sheet of the samples, a row per group."""
    with style():
        captions = any(sample.said for group in samples.groups for sample in group.samples)
        height = ROW + CAPTION if captions else ROW
        figure = new_figure(1.6 * COLUMNS + 0.2, height * max(1, len(samples.groups)))
        if captions:
            figure.set_layout_engine("constrained", h_pad=CAPTION / 2)
        if not samples.groups:
            axes = figure.subplots()
            axes.set_axis_off()
            quiet_note(axes, samples.absent)
            return figure
        rows = figure.subplots(len(samples.groups), COLUMNS, squeeze=False)
        for row, group in zip(rows, samples.groups, strict=True):
            count = "" if group.count is None else f" ({group.count})"
            row[0].set_title(f"{shortened(group.title, 64)}{count}")
            _draw_row(row, group.samples)
    return figure


def _draw_row(row: Sequence[Axes], group: Sequence[Sample]) -> None:
    for axes in row:
        axes.set_axis_off()
    for axes, sample in zip(row, group, strict=False):
        axes.imshow(sample.pixels, cmap="gray", vmin=0, vmax=255)
        words = f"{sample.score:.3f}"
        if sample.said:
            words += "\n" + "\n".join(
                textwrap.wrap(sample.said, WORDS, max_lines=2, placeholder=" …")
            )
        axes.text(0.5, -0.03, words, transform=axes.transAxes, ha="center", va="top")


def open_pack(results: Path, image: object) -> tuple[NDArray[np.uint8], dict[str, int]]:
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


def shrink(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pixels for the page, at most SHOWN a side."""
    if max(pixels.shape) <= SHOWN:
        return np.asarray(pixels)
    image = Picture.fromarray(np.asarray(pixels))
    image.thumbnail((SHOWN, SHOWN), Picture.Resampling.LANCZOS)
    return np.asarray(image)
