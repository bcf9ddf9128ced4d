"""Write synthetic chest X-rays: films, their labels in Kaggle's layout, their hidden severities."""

import re
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from time import perf_counter

from PIL import Image

from bakeoff.config.digest import SYNTHESIS
from bakeoff.data.synthesis.ceiling import SEVERITY, auroc
from bakeoff.data.synthesis.cohort import Study, draw_cohort
from bakeoff.data.synthesis.fill import Contents, fill
from bakeoff.data.synthesis.folder import FIRST_KIND, Names, require_int
from bakeoff.data.synthesis.phantom import draw
from bakeoff.data.synthesis.tables import labels_csv, severity_csv
from bakeoff.errors import ConfigError

XRAYS = Names(
    kind=FIRST_KIND,
    labels="sample_labels.csv",
    hidden=SEVERITY,
    below="images",
    folders=("images",),
    image=re.compile(r"\d{8}_\d{3,}\.png"),
)


@dataclass(frozen=True)
class Arguments:
    """What the X-rays are a function of."""

    images: int
    size: int
    seed: int
    rgba_share: float

    def __post_init__(self) -> None:
        require_int("images", self.images, 4, 1_000_000)
        require_int("size", self.size, 32, 4096)
        require_int("seed", self.seed, 0, 2**32 - 1)
        if not 0 <= self.rgba_share <= 1:
            raise ConfigError(f"rgba_share: expected a share in 0..1, found {self.rgba_share!r}")


@dataclass(frozen=True)
class SynthesisReport:
    """What a synthetic data set holds."""

    folder: Path
    images: int
    patients: int
    diseased: int  # images whose label is not "No Finding"
    rgba: int  # images stored with four channels, alpha 255
    ceiling_auroc: float  # what the hidden severity reaches against the label
    reused: bool  # the folder held these data already
    seconds: float

    def __str__(self) -> str:
        done = "were there already" if self.reused else f"written in {self.seconds:.0f} s"
        return (
            f"{self.folder}: {self.images} synthetic chest X-rays of {self.patients} patients "
            f"({self.diseased} with a finding, {self.rgba} RGBA) {done}. "
            f"Ceiling: their hidden severity reaches AUROC {self.ceiling_auroc:.3f} against the label."
        )


def synthesize(
    folder: Path,
    *,
    images: int = 1000,
    size: int = 1024,
    seed: int = 0,
    workers: int | None = None,
    rgba_share: float = 0.03,
    progress: Callable[[int, int], None] | None = None,
) -> SynthesisReport:
    """Chest-X-ray-like phantoms with labels in the layout of Kaggle's NIH sample.

    Writes images/*.png (`size` x `size`, 8-bit grey; `rgba_share` of them RGBA), severity.csv (the
    hidden severity, to state the ceiling by), synthesis.json (arguments, counts, ceiling) and, last,
    sample_labels.csv. The same arguments give the same bits, whatever the number of `workers`
    (processes, by default one per core). A folder that is complete already is left as it is; one
    made with other arguments is made anew. `progress` is called with (done, total).

    A script that calls this needs `if __name__ == "__main__":`, as for every spawned process.
    Raises ConfigError for an argument out of range; DataError for a folder that holds other data or
    cannot be written.
    """
    started = perf_counter()
    arguments = Arguments(images, size, seed, rgba_share)
    folder = Path(folder)
    studies = draw_cohort(images, seed, rgba_share)
    contents = Contents(
        names=XRAYS,
        arguments=asdict(arguments),
        version=SYNTHESIS,
        summary={
            "images": len(studies),
            "patients": len({study.patient_id for study in studies}),
            "diseased": sum(study.diseased for study in studies),
            "rgba": sum(study.rgba for study in studies),
            "ceiling_auroc": auroc(
                [study.diseased for study in studies], [study.severity for study in studies]
            ),
        },
        labels=labels_csv(studies),
        hidden=severity_csv(studies),
        images=studies,
    )
    reused = fill(folder, contents, partial(_save, size=size, seed=seed), workers, progress)
    return SynthesisReport(
        folder=folder, **contents.summary, reused=reused, seconds=perf_counter() - started
    )


def _save(study: Study, path: Path, *, size: int, seed: int) -> None:
    film = Image.fromarray(draw(study, size, seed))
    if study.rgba:
        film.convert("RGBA").save(path, "PNG", compress_level=1)
    else:
        # Films are mostly noise: run lengths and Huffman codes make a smaller file than matching.
        film.save(path, "PNG", compress_level=1, compress_type=zlib.Z_RLE)
