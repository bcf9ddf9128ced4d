"""Write a synthetic data set: films in parallel, the labels last."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from PIL import Image

from bakeoff import files
from bakeoff.data.parallel import parallel_map
from bakeoff.data.synthesis import folder as place
from bakeoff.data.synthesis.ceiling import SEVERITY, auroc
from bakeoff.data.synthesis.cohort import Study, draw_cohort
from bakeoff.data.synthesis.phantom import draw
from bakeoff.data.synthesis.tables import labels_csv, severity_csv
from bakeoff.errors import DataError
from bakeoff.pace import Pace


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
    place.require_workers(workers)
    arguments = place.Arguments(images, size, seed, rgba_share)
    folder = Path(folder)
    found = place.manifest(folder)
    studies = draw_cohort(images, seed, rgba_share)
    labels, severities = labels_csv(studies), severity_csv(studies)
    texts = {place.LABELS: labels, SEVERITY: severities}
    films = {study.image for study in studies}
    summary: dict[str, Any] = {
        "images": len(studies),
        "patients": len({study.patient_id for study in studies}),
        "diseased": sum(study.diseased for study in studies),
        "rgba": sum(study.rgba for study in studies),
        "ceiling_auroc": auroc(
            [study.diseased for study in studies], [study.severity for study in studies]
        ),
    }
    reused = found is not None and place.is_complete(folder, found, arguments, texts, films)
    if not reused:
        try:
            place.remove_earlier(folder, keep=films)
            place.claim(folder, arguments, summary, labels)
            files.write_text(folder / SEVERITY, severities)
            (folder / place.IMAGES).mkdir(exist_ok=True)
            write = partial(_write_film, folder=folder / place.IMAGES, size=size, seed=seed)
            for _ in parallel_map(write, studies, workers, progress or Pace("drawing")):
                pass
            # All at the end: waiting for each film would take longer.
            for path in (*(folder / place.IMAGES / film for film in films), folder / place.IMAGES):
                files.flush(path)
            files.write_text(folder / place.LABELS, labels)
        except OSError as error:
            raise DataError(
                f"{error.filename or folder}: cannot be written ({error.strerror}). Free or choose "
                "another place and start again; what is there is made anew."
            ) from error
    return SynthesisReport(
        folder=folder, **summary, reused=reused, seconds=perf_counter() - started
    )


def _write_film(study: Study, *, folder: Path, size: int, seed: int) -> None:
    film = Image.fromarray(draw(study, size, seed))
    unfinished = place.unfinished(folder, study.image)
    if study.rgba:
        film.convert("RGBA").save(unfinished, "PNG", compress_level=1)
    else:
        # Films are mostly noise: run lengths and Huffman codes make a smaller file than matching.
        film.save(unfinished, "PNG", compress_level=1, compress_type=zlib.Z_RLE)
    unfinished.replace(folder / study.image)
