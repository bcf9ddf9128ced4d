"""Packs a finished bake-off for test_kept: `python -m tests.kept.pack FOLDER` after, in a clone at FOLDER,

    snakemake --configfile kept.yaml --cores 2

What takes room and nothing needs is left out: the images, of which there is the pack; pictures, in the
report too; the MLflow store, for journals fill another; checkpoints, but for a run and the pretraining.
"""

import re
import sys
import tarfile
from io import BytesIO
from pathlib import Path

from PIL import Image

ARCHIVE = Path(__file__).with_name("kept.tar.xz")
ROOTS = ("kept.yaml", "data/sample_labels.csv", "results/kept", ".snakemake/metadata")
CHECKPOINTS = ("runs/rnn/seed-0/checkpoints/last.ckpt", "pretraining/masked/checkpoints/last.ckpt")


def pack(folder: Path) -> int:
    """Write the archive of the bake-off in `folder`; its size in bytes."""
    with tarfile.open(ARCHIVE, "w:xz", preset=9) as archive:
        for root in ROOTS:
            place = folder / root
            for file in sorted(place.rglob("*")) if place.is_dir() else [place]:
                if file.is_file() and is_needed(file.relative_to(folder)):
                    add(archive, file, str(file.relative_to(folder)))
    return ARCHIVE.stat().st_size


def is_needed(file: Path) -> bool:
    """Whether Snakemake, the next stages or a person need the file."""
    if file.suffix == ".ckpt":
        return str(file.relative_to("results/kept")) in CHECKPOINTS
    # Snakemake expects one picture; the other senders' notes are about a store that is left out.
    if file.suffix == ".png":
        return file.name == "samples.png"
    return file.name not in ("journal.sent.json", "journal.sent.lock", "mlflow.sent.json")


def add(archive: tarfile.TarFile, file: Path, name: str) -> None:
    """Add one file, a report without its pictures, a picture small; hard links stay links."""
    entry = archive.gettarinfo(file, name)
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    content = file.read_bytes()
    if file.name == "report.html":
        content = re.sub(rb"data:image/[a-z+]+;base64,[^\"']*", b"data:,", content)
    elif file.suffix == ".png":
        with Image.open(file) as picture, BytesIO() as small:
            picture.thumbnail((64, 64))
            picture.save(small, "PNG")
            content = small.getvalue()
    if entry.isreg():
        entry.size = len(content)
    archive.addfile(entry, BytesIO(content) if entry.isreg() else None)


if __name__ == "__main__":
    print(f"{ARCHIVE}: {pack(Path(sys.argv[1])):,} bytes")
