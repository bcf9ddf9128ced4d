"""What an image costs before the model sees it: ours, from the pack, and the course lab's loader.

    python -m benchmarks.input [--rounds N]

Images are PNGs of 1,024 pixels with smooth noise, trained at 512, batch 4. The lab's loader reads, resizes,
turns and scales each one (`benchmarks/lab5.py`), in a DataLoader without workers; ours takes a batch from
the packed array, turns and scales it, as a training step does. Both turn the same share by the same
degrees. One thread, processor time, the two take turns. Each starts an epoch of its own every round.

Writes benchmarks/input.md.
"""

import argparse
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from statistics import median

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from bakeoff.config.schema import Data, Image
from bakeoff.data.pack import open_packed
from bakeoff.layout import Layout, SplitName
from bakeoff.training.allocator import keep_freed_memory
from bakeoff.training.augment import Augmentation, augmented_input
from bakeoff.training.images import SplitImages, batches
from bakeoff.training.scaling import normalise
from benchmarks import lab5
from benchmarks.epochs import Case, experiment_of, write_images
from benchmarks.load import load, machine

TABLE = Path(__file__).with_suffix(".md")
SIZE, BATCH, TRAIN, VAL = 512, 4, 120, 40
CPU = torch.device("cpu")


def opened(layout: Layout, image: Image, data: Data, split: SplitName) -> SplitImages:
    """The images of a split, as a training opens them."""
    packed = open_packed(layout, image, split)
    return SplitImages.open(layout.splits / f"{split}.csv", packed, data, CPU)


def ours(images: SplitImages, image: Image, epoch: int) -> Iterable[Tensor]:
    """An epoch's batches as a training step takes them."""
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(epoch))
    for step, rows in enumerate(batches(order, BATCH)):
        drawn = Augmentation.draw(len(rows), image, images.side, 0, epoch, step)
        pixels, _ = images.batch(rows)
        yield augmented_input(pixels, drawn, image)


def seen(images: SplitImages, image: Image) -> Iterable[Tensor]:
    """The batches of validation: nothing is turned."""
    for rows in batches(torch.arange(len(images)), BATCH):
        yield normalise(images.batch(rows)[0], image)


def milliseconds(epoch: Iterable[object], count: int) -> float:
    """Of a processor, per image of an epoch."""
    begun = time.process_time()
    for _ in epoch:
        pass
    return 1e3 * (time.process_time() - begun) / count


def main() -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    keep_freed_memory()
    torch.set_num_threads(1)
    before = load()
    pairs: dict[str, list[tuple[float, float]]] = {"training": [], "validation": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        labels = write_images(folder, TRAIN + VAL + 2)
        case = Case("conv_bn", SIZE, BATCH, ("fp32",))
        experiment, layout = experiment_of(folder, case, TRAIN, VAL)
        image = experiment.run("v0", 0).variant.image
        train = opened(layout, image, experiment.data, "train")
        val = opened(layout, image, experiment.data, "val")
        files = sorted((folder / "images").glob("*.png"))
        theirs = {
            part: DataLoader(
                lab5.XRays(files[at], labels[at], SIZE, train=part == "training"),
                batch_size=BATCH,
                shuffle=part == "training",
            )
            for part, at in (
                ("training", slice(TRAIN)),
                ("validation", slice(TRAIN, TRAIN + VAL)),
            )
        }
        for epoch in range(rounds + 1):
            mine = {"training": ours(train, image, epoch), "validation": seen(val, image)}
            for part, count in (("training", TRAIN), ("validation", VAL)):
                lab = milliseconds(theirs[part], count)
                pairs[part].append((lab, milliseconds(mine[part], count)))
    rows = []
    for part, measured in pairs.items():
        lab, own = (median(side) for side in zip(*measured[1:], strict=True))  # the first warms up
        ratio = median(one / two for one, two in measured[1:])
        rows.append(f"| {part} | {lab:.2f} | {own:.3f} | {ratio:.0f}x |")
    TABLE.write_text(
        "# What an image costs before the model sees it\n\n"
        f"ms of a processor per image, medians of {rounds} rounds. {machine()}; load average {before} at "
        f"the start, {load()} at the end.\nWritten by `benchmarks/input.py`, which says what is measured.\n\n"
        "| images of | Lab 5's loader | ours | ratio |\n|---|---|---|---|\n"
        + "\n".join(rows)
        + "\n"
    )
    print(TABLE.read_text())


if __name__ == "__main__":
    main()
