"""Tables of the page sort in a real browser, by mouse and keyboard, and are whole without the script."""

import json
import shutil
from html import unescape
from pathlib import Path

import pytest

from bakeoff.report.document import write_report
from tests.browser import chromium
from tests.report.answers import BOTH, blur, change_scores, evidence_of

PRESS = """
const table = document.querySelector('[aria-label="Comparison table"] table');
const heads = [...table.tHead.rows[0].cells];
const rows = () => [...table.tBodies[0].rows].map(row => row.cells[0].querySelector(".name").textContent);
const at = text => heads.find(head => head.textContent.startsWith(text));
const seen = [rows()];
const press = head => { head.querySelector("button").click(); seen.push([head.ariaSort, rows()]); };
press(at("AUROC")); press(at("AUROC")); press(at("AUROC")); press(at("Variant")); press(at("To the leader"));
const others = {};
const more = [["Subgroups in every variant", "Variant"], ["Every pair of variants", "pall pairs"]];
for (const [label, heading] of more) {
  const other = document.querySelector(`[aria-label="${label}"] table`);
  const at = [...other.tHead.rows[0].cells].findIndex(head => head.textContent.startsWith(heading));
  const cells = () => [...other.tBodies[0].rows].filter(row => !row.matches(".baseline"));
  if (heading[0] === "p") other.tBodies[0].rows[2].cells[at].firstChild.textContent = "< 0.001";
  others[label] = [];
  for (const _ of [1, 2]) {
    other.tHead.rows[0].cells[at].querySelector("button").click();
    others[label].push(cells().map(row => row.cells[at].firstChild.textContent.trim()));
  }
}
const focusable = heads.every(head => head.querySelector("button").tabIndex === 0);
const out = document.createElement("pre");
out.id = "pressed";
out.textContent = JSON.stringify({seen, focusable, others});
document.body.append(out);
"""

pytestmark = pytest.mark.slow(seconds=10)


@pytest.fixture
def page(bakeoff: Path, tmp_path: Path) -> Path:
    expected = [*BOTH]
    for name, share in (("zebra", 0.6), ("apple", 0.9)):
        for seed in (0, 1):
            run = bakeoff / "runs" / name / f"seed-{seed}"
            shutil.copytree(bakeoff / "runs" / "broad" / f"seed-{seed}", run)
            change_scores(run, blur(share, seed))
        expected.append((name, (0, 1)))
    evidence_of(bakeoff, expected)
    out = tmp_path / "report.html"
    write_report(bakeoff, out, expected)
    return out


def test_a_heading_sorts_by_its_numbers_and_baselines_stay_below(page: Path) -> None:
    html = page.read_text()
    assert html.count("</body>") == 1
    page.write_text(html.replace("</body>", f"<script>{PRESS}</script></body>"))
    dom = chromium("--dump-dom", page.as_uri())
    found = json.loads(unescape(dom.rpartition('<pre id="pressed">')[2].partition("</pre>")[0]))
    first, *pressed = found["seen"]
    baselines = first[4:]
    assert set(baselines) == {"metadata", "majority"} and found["focusable"]
    ways, orders = zip(*pressed, strict=True)
    assert ways == ("descending", "ascending", None, "ascending", "descending")
    assert orders[0] == first  # the page has the best first
    assert orders[1] == [*reversed(first[:4]), *baselines]
    assert orders[2] == first
    assert orders[3] == [*sorted(first[:4]), *baselines]
    assert orders[4] == [*first[1:4], first[0], *baselines]  # the best has no difference to itself
    up, down = found["others"]["Subgroups in every variant"]
    assert up[:4] == sorted(up[:4]) and down[:4] == up[3::-1]
    assert up[4:] == down[4:] == ["Test images", "Patients", "odd"]
    down, up = found["others"]["Every pair of variants"]
    assert up[0] == "< 0.001" and up == down[::-1] and len(set(up)) > 2


def test_a_mark_says_what_it_is_without_any_script(page: Path) -> None:
    html = page.read_text()
    assert "<title>zebra, seed 0: 0." in html and "<title>zebra: 0." in html
