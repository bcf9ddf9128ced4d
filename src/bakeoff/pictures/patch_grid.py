"""The grid of patches that the model cuts an image into (seed D3:320-345)."""

from matplotlib.patches import Rectangle

from bakeoff.pictures.drawing import Picture, show
from bakeoff.pictures.subject import Subject
from bakeoff.pictures.tokens import patches_of
from bakeoff.plotting import TRAIN, VAL, new_figure, style

INCHES = 4.2


def draw_patch_grid(subject: Subject) -> Picture | None:
    """One image with every patch framed, the first two of a row coloured; None without patches."""
    cut = patches_of(subject.model, subject.size)
    if cut is None:
        return None
    rows, columns = cut.grid
    with style():
        figure = new_figure(INCHES, INCHES + 0.2)
        axes = figure.subplots()
        show(axes, subject.pixels[0], subject.chosen[0].name)
        for row in range(rows):
            for column in range(columns):
                corner = (column * cut.stride - 0.5, row * cut.stride - 0.5)
                square = Rectangle(corner, cut.patch, cut.patch, fill=False, lw=0.4, alpha=0.6)
                square.set_edgecolor("white")
                axes.add_patch(square)
        for column, colour in zip(range(min(2, columns)), (TRAIN, VAL), strict=False):
            corner = (column * cut.stride - 0.5, -0.5)
            axes.add_patch(Rectangle(corner, cut.patch, cut.patch, fill=False, ec=colour, lw=1.4))
    overlap = "do not overlap" if cut.stride >= cut.patch else "overlap"
    reach = (rows - 1) * cut.stride + cut.patch
    unseen = (
        ""
        if reach >= subject.size
        else (f" The last {subject.size - reach} rows and columns of pixels are in no patch.")
    )
    return Picture(
        kind="patch-grid",
        file="patch-grid.png",
        title=f"{rows * columns} patches",
        caption=f"{rows} x {columns} patches of {cut.patch} x {cut.patch} pixels, one every "
        f"{cut.stride}: they {overlap}. They are read row by row from the top left.{unseen}",
        figure=figure,
        images=(subject.chosen[0].name,),
    )
