"""The page in a real browser: measured by a script that is added to a copy of it, and printed."""

import json
import subprocess
from html import escape, unescape
from pathlib import Path
from typing import Any

from tests.browser import chromium
from tests.debian import program

MEASURE = """
const box = e => { const r = e.getBoundingClientRect(); return [r.left, r.top, r.right, r.bottom]; };
const shown = e => e.checkVisibility() && e.getBoundingClientRect().width > 0;
const svgs = [...document.querySelectorAll("svg")].filter(shown);
const measured = {
  width: innerWidth,
  page: document.documentElement.scrollWidth,
  beyond: [...document.body.querySelectorAll("*")].filter(
    e => shown(e) && !e.closest(".scroll, pre, svg") && e.getBoundingClientRect().right > innerWidth + 0.5
  ).map(e => e.outerHTML.slice(0, 120)),
  drawings: svgs.map(svg => {
    const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
    const words = [...svg.querySelectorAll("text")];
    return {
      alt: svg.getAttribute("aria-label"),
      box: box(svg),
      texts: words.map(t => [t.textContent, parseFloat(getComputedStyle(t).fontSize) * scale, ...box(t)]),
      marks: [...svg.querySelectorAll("g[id*='line2d'] use, g:has(> title) use")]
        .map(box).filter(b => b[2] - b[0] > 1),
    };
  }),
  scrolls: [...document.querySelectorAll(".scroll")].filter(shown).map(
    e => [e.getAttribute("aria-label"), e.scrollWidth - e.clientWidth]),
  names: [...document.querySelectorAll(".name")].filter(shown).map(
    e => [e.textContent,
          Math.round(e.getBoundingClientRect().height / parseFloat(getComputedStyle(e).lineHeight))]),
};
const out = document.createElement("pre");
out.id = "measured";
out.textContent = JSON.stringify(measured);
document.body.append(out);
"""
# A window of Chromium is at least 500 pixels wide, a frame in it is as narrow as one likes.
FRAME = """<!doctype html><iframe width="{width}" height="900" style="border: 0"
 onload="document.body.append(this.contentDocument.getElementById('measured'))" srcdoc="{page}"></iframe>"""


def measure(page: Path, width: int) -> dict[str, Any]:
    """The page's geometry in a window of that width: every drawing with its texts and marks, in pixels."""
    html = page.read_text().replace("</body>", f"<script>{MEASURE}</script></body>")
    frame = page.with_name(f"measured-{width}.html")
    frame.write_text(FRAME.format(width=width, page=escape(html)))
    dom = chromium("--window-size=1500,1000", "--dump-dom", frame.as_uri())
    text = dom.rpartition('<pre id="measured">')[2].partition("</pre>")[0]
    return dict(json.loads(unescape(text)))


def print_pages(page: Path) -> list[str]:
    """The text of each page when it is printed."""
    pdf = page.with_suffix(".pdf")
    chromium("--no-pdf-header-footer", f"--print-to-pdf={pdf}", page.as_uri())
    pdftotext = program("pdftotext", "poppler-utils")
    done = subprocess.run(
        [pdftotext, "-layout", pdf, "-"], capture_output=True, text=True, check=True, timeout=60
    )
    return [text for text in done.stdout.split("\f") if text.strip()]
