"""The style of figures, and their conversion to files or parts of a page; no pyplot, no global state.

Colours are drawn as plain hex values; inside the page each becomes a CSS variable, so that one drawing
reads on light and on dark paper. Blue and orange (after Okabe and Ito, 2008) stay apart for readers with
any of the common colour vision deficiencies, and lines differ by width or dash as well.
"""

import io
import re
import textwrap
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bakeoff.files import write_bytes

INK = "#1b1e23"
MUTED = "#676e79"
GRID = "#e2e4e8"
CONTEXT = "#c3c8d0"  # the other variants, behind that of the panel
PAPER = "#ffffff"
TRAIN = "#0a6ebd"
VAL = "#c4530a"
ACCENT = "#0a6ebd"
BASELINE = "#8a5a9e"

VARIABLES = {
    INK: "--ink",
    MUTED: "--muted",
    GRID: "--grid",
    CONTEXT: "--context",
    PAPER: "--paper",
    TRAIN: "--blue",
    VAL: "--orange",
    BASELINE: "--purple",
}

_STYLE: dict[Any, Any] = {
    "axes.edgecolor": MUTED,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.labelcolor": MUTED,
    "axes.labelsize": 8.5,
    "axes.linewidth": 0.6,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 9,
    "axes.unicode_minus": True,
    "figure.facecolor": "none",
    "font.family": "DejaVu Sans",  # comes with matplotlib, so widths are the same everywhere
    "font.size": 8.5,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "lines.solid_capstyle": "round",
    "savefig.facecolor": PAPER,
    "svg.fonttype": "none",  # text stays text: small, searchable, in the page's own font
    "svg.hashsalt": "bakeoff",  # the same figure gives the same bytes
    "text.color": INK,
    "text.parse_math": False,  # a variant may be called a$b$c
    "xtick.color": MUTED,
    "xtick.labelsize": 8.5,
    "xtick.major.size": 0,
    "ytick.color": MUTED,
    "ytick.labelsize": 8.5,
    "ytick.major.size": 0,
}


@contextmanager
def style() -> Iterator[None]:
    """Draw in the report's style; matplotlib's own settings come back afterwards."""
    with mpl.rc_context(_STYLE), warnings.catch_warnings():
        # In an SVG, the reader's own font draws characters that this one lacks.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of that size in inches."""
    return Figure(figsize=(width, height), layout="constrained")


def quiet_note(axes: Axes, text: str) -> None:
    """Write in the middle of an empty panel why it is empty."""
    axes.text(
        0.5,
        0.5,
        textwrap.fill(text, 48),
        transform=axes.transAxes,
        ha="center",
        va="center",
        color=MUTED,
        in_layout=False,
    )


def shortened(name: str, most: int) -> str:
    """A name of at most `most` characters; of a longer one both ends, in which a grid's variants differ."""
    if len(name) <= most:
        return name
    head = (most - 1) // 2
    return f"{name[:head]}…{name[head + 1 - most :]}"


def tip(text: str) -> str:
    """The id of a mark that shows this text when it is pointed at: for `gid` of what is drawn."""
    return f"{_TIP}{text}"


_TIP = "tip: "


def _with_titles(svg: str) -> str:
    """Marks with a `tip` as SVG has it: a title, which needs no script."""
    return re.sub(rf'<g id="{_TIP}([^"]*)">', r"<g><title>\1</title>", svg)


def save(figure: Figure, path: Path) -> None:
    """Write the figure to a file of its own, whole, on white paper; the suffix is the format."""
    buffer = io.BytesIO()
    kind = path.suffix.removeprefix(".")
    metadata = {"Date": None, "Creator": None} if kind == "svg" else {"Software": None}
    with style():
        figure.savefig(buffer, format=kind, dpi=150, metadata=metadata)
    content = buffer.getvalue()
    write_bytes(path, _with_titles(content.decode()).encode() if kind == "svg" else content)


def inline_svg(figure: Figure, name: str, alt: str, kind: str = "") -> Markup:
    """The figure as an <svg> element for the page, described by `alt`, of the class `kind`.

    Ids are made unique by `name`.
    """
    buffer = io.StringIO()
    with style():
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    svg = _with_titles(buffer.getvalue())
    svg = svg[svg.index("<svg") :]
    # A <style> inside an SVG would apply to the whole page, which has the same style of its own.
    svg = re.sub(r"<metadata>.*?</metadata>|<defs>\s*<style.*?</defs>", "", svg, flags=re.DOTALL)
    svg = svg.replace("xlink:href", "href")
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = re.sub(r'href="#', f'href="#{name}-', svg)
    svg = svg.replace("url(#", f"url(#{name}-")
    svg = svg.replace("'DejaVu Sans'", "inherit")
    for colour, variable in VARIABLES.items():
        svg = svg.replace(colour, f"var({variable})")
    width, height = re.findall(r'<svg[^>]*?viewBox="0 0 ([\d.]+) ([\d.]+)"', svg)[0]
    # Our own opening tag: HTML needs no namespaces, whose addresses would be in the page.
    opening = Markup('<svg role="img" class="{}" aria-label="{}" viewBox="0 0 {} {}">')
    return opening.format(kind, alt, width, height) + Markup(svg[svg.index(">") + 1 :].strip())
