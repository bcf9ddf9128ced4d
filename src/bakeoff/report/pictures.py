"""The saliency pictures of the report: of each variant one run's, small enough to be embedded in the page."""

import base64
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from bakeoff.layout import RunFolder
from bakeoff.report.evidence import Evidence, RunEvidence
from bakeoff.report.reading import Unread, dig, read_object

WIDEST = 1650  # pixels in the file
SHARPNESS = (
    1.5  # pixels in the file per pixel on the page; one value, so that all text is of one size
)
QUALITY = 80  # of WebP: a third of JPEG's bytes, and text stays sharp


@dataclass(frozen=True)
class Picture:
    """A picture with its title and caption; `fails`: it did not pass the weight-randomisation check."""

    title: str
    caption: str
    fails: bool
    address: str  # a data: address
    width: int  # pixels on the page
    height: int


@dataclass(frozen=True)
class RunPictures:
    """The pictures of one variant's run; `absent` is the reason where there are none."""

    variant: str
    seed: int
    rule: str  # how the images were chosen
    pictures: list[Picture]
    absent: str = ""

    @property
    def failed(self) -> list[str]:
        """The titles of those that fail the check."""
        return [picture.title for picture in self.pictures if picture.fails]


def collect_pictures(evidence: Evidence) -> list[RunPictures]:
    """The pictures of every variant with a result, of its run that is best on validation.

    Pictures of earlier weights are left out.
    """
    return [
        _pictures_of(evidence.best_run(runs), evidence.unread) for _, runs in evidence.finished()
    ]


def _pictures_of(run: RunEvidence, unread: Unread) -> RunPictures:
    file = RunFolder(run.folder).pictures
    index = read_object(file, unread)
    rule = str(index.get("rule", ""))
    listed = index.get("pictures")
    if not isinstance(listed, list):
        return RunPictures(run.variant, run.seed, rule, [], "not drawn")
    if not _is_of(run, index):
        return RunPictures(run.variant, run.seed, rule, [], "drawn of earlier weights")
    pictures = []
    for item in listed:
        try:
            pictures.append(_read(file.parent, item))
        except (OSError, ValueError, KeyError, TypeError) as error:
            unread.append(f"{file}: a picture cannot be shown ({error!r}).")
    return RunPictures(run.variant, run.seed, rule, pictures)


def _is_of(run: RunEvidence, index: Mapping[str, Any]) -> bool:
    """Whether the scores under the pictures are those of the run's predictions."""
    if run.test is None:
        return False
    scores = dict(
        zip(run.test.images, run.test.scores.reshape(len(run.test.images), -1), strict=True)
    )
    images = index.get("images")
    scored = run.test.task.scored
    return isinstance(images, list) and all(
        math.isclose(
            _score(scores.get(dig(image, "name")), scored, image), dig(image, "score") or 0.0
        )
        for image in images
    )


def _score(scores: Any, scored: Sequence[str], image: Any) -> float:
    """The score of an image that a picture explains: that of the class `of`, or the only one."""
    of = dig(image, "of")
    at = scored.index(of) if of in scored else 0
    return math.nan if scores is None else float(scores[at])


def _read(folder: Path, item: Mapping[str, Any]) -> Picture:
    with Image.open(folder / Path(item["file"]).name) as opened:
        drawn = opened.convert("RGBA")
    paper = Image.new("RGB", drawn.size, "white")
    paper.paste(drawn, mask=drawn.getchannel("A"))
    if paper.width > WIDEST:
        paper.thumbnail((WIDEST, paper.height), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    paper.save(buffer, format="WEBP", quality=QUALITY)
    return Picture(
        title=str(item["title"]),
        caption=str(item["caption"]),
        fails=dig(item, "sanity", "passed") is False,
        address="data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode("ascii"),
        width=round(paper.width / SHARPNESS),
        height=round(paper.height / SHARPNESS),
    )
