"""Drawing pictures: images, weights as a heat map over them, many maps as a mosaic."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from bakeoff.pictures.choice import Chosen
from bakeoff.pictures.randomisation import Sanity
from bakeoff.plotting import MUTED, new_figure, shortened, style

PANEL = 1.7  # inches
HEAT = "plasma"
TITLE = 7.5  # points of the text above an image
MOST_LINES = 3


@dataclass(frozen=True)
class Picture:
    """A figure with its words. `images` names the test images in it; `sanity` is of saliency only."""

    kind: str
    file: str
    title: str
    caption: str
    figure: Figure
    images: tuple[str, ...] = ()
    sanity: Sanity | None = None


def enlarge(maps: Tensor, size: int, *, smooth: bool) -> NDArray[np.float32]:
    """Maps (K, rows, columns) at the size of the image, (K, size, size), each scaled to 0..1.

    `smooth` interpolates, as Grad-CAM does; patches are squares and stay squares.
    """
    mode = "bilinear" if smooth else "nearest"
    large = F.interpolate(maps[:, None].float().cpu(), size=(size, size), mode=mode)[:, 0]
    low, high = large.amin(dim=(1, 2), keepdim=True), large.amax(dim=(1, 2), keepdim=True)
    scaled = (large - low) / (high - low).clamp(min=torch.finfo(torch.float32).tiny)
    return scaled.numpy()


def show(axes: Axes, pixels: NDArray[np.uint8], title: str = "", width: float = PANEL) -> None:
    """An image, uint8 (S, S) or (S, S, 3), without axes; `width` is the room of its title in inches."""
    axes.set_axis_off()
    axes.imshow(pixels, cmap="gray", vmin=0, vmax=255)
    axes.set_title(in_lines(title, width), fontsize=TITLE)


def in_lines(text: str, width: float) -> str:
    """A text in lines that fit into so many inches at the size of titles; both ends of a long one."""
    characters = max(8, int(width * 72 / (0.6 * TITLE)))  # most are narrower than 0.6 of the size
    return textwrap.fill(shortened(text, MOST_LINES * characters - 12), characters)


def lay_over(axes: Axes, heat: NDArray[np.float32]) -> None:
    """A heat map (S, S) in 0..1 over an image that is drawn already; low values stay transparent."""
    axes.imshow(heat, cmap=HEAT, vmin=0, vmax=1, alpha=np.clip(0.15 + 0.6 * heat, 0, 1))


def pairs(
    pixels: NDArray[np.uint8],
    chosen: Sequence[Chosen],
    heat: NDArray[np.float32],
    titles: Sequence[str] = (),
) -> Figure:
    """Each image and, below it, the same with its heat, four pairs to a row; `titles` are above the heat.

    pixels (K, S, S) or (K, S, S, 3), heat (K, S, S).
    """
    titles = titles or [""] * len(chosen)
    count = len(chosen)
    across = min(4, count)
    rows = -(-count // across)
    with style():
        figure = new_figure(PANEL * across, (2 * PANEL + 0.25 + 0.25 * any(titles)) * rows)
        panels = figure.subplots(2 * rows, across, squeeze=False)
        for axes in panels.flat:
            axes.set_axis_off()
        for index, image in enumerate(chosen):
            row, column = divmod(index, across)
            show(panels[2 * row, column], pixels[index], image.title)
            show(panels[2 * row + 1, column], pixels[index], titles[index])
            lay_over(panels[2 * row + 1, column], heat[index])
    return figure


def mosaic(maps: NDArray[np.float32]) -> NDArray[np.float32]:
    """Maps (R, C, rows, columns) side by side with a line of NaN between: one array to draw at once."""
    down, across, rows, columns = maps.shape
    sheet = np.full((down * (rows + 1) - 1, across * (columns + 1) - 1), np.nan, dtype=np.float32)
    for r in range(down):
        for c in range(across):
            top, left = r * (rows + 1), c * (columns + 1)
            sheet[top : top + rows, left : left + columns] = maps[r, c]
    return sheet


def label_mosaic(
    axes: Axes, maps: NDArray[np.float32], rows: str, columns: str, step: int = 1
) -> None:
    """Number the rows and columns of a mosaic of maps (R, C, rows, columns): 1, 1 + step, ..."""
    down, across, height, width = maps.shape
    places = [r * (height + 1) + (height - 1) / 2 for r in range(down)]
    axes.set_yticks(places, [str(1 + r * step) for r in range(down)])
    places = [c * (width + 1) + (width - 1) / 2 for c in range(across)]
    axes.set_xticks(places, [str(1 + c * step) for c in range(across)])
    axes.set(xlabel=columns, ylabel=rows)
    axes.grid(visible=False)
    axes.tick_params(labelsize=6.5, colors=MUTED)
    for spine in axes.spines.values():
        spine.set_visible(False)
