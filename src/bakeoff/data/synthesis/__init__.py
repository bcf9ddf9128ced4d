"""Synthetic images: nothing to download, no licence, and a known ceiling for any model."""

from collections.abc import Callable

from bakeoff.data.synthesis.ceiling import ceiling_auroc
from bakeoff.data.synthesis.shapes import ShapesReport, synthesize_shapes
from bakeoff.data.synthesis.write import SynthesisReport, synthesize

GENERATORS: dict[str, Callable[..., SynthesisReport | ShapesReport]] = {
    "xrays": synthesize,
    "shapes": synthesize_shapes,
}
"""What draws each kind of `data.synthetic`, all with the same arguments."""

__all__ = [
    "GENERATORS",
    "ShapesReport",
    "SynthesisReport",
    "ceiling_auroc",
    "synthesize",
    "synthesize_shapes",
]
