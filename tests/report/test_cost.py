"""The section of costs: its figures, its fronts, and what it says where something is missing."""

import json

import pytest

from bakeoff.report.cost import cost_table
from bakeoff.report.cost_plot import draw_cost
from bakeoff.report.document import write_report
from bakeoff.report.dot_plot import NARROW, WIDE
from bakeoff.report.evidence import read_evidence
from bakeoff.report.front import Panel, Point, front
from bakeoff.task.words import AUROC
from tests.report.browser import measure as measure_page
from tests.report.digits import EXPECTED
from tests.report.test_efficiency import train

XEON, A100 = "Intel Xeon", "NVIDIA A100"


def measure(results, variant, seed, rate, adds, gpu=None, digest="d", **more):
    """A run's inference.json, and the digest and device in its run.json."""
    folder = results / "runs" / variant / f"seed-{seed}"
    record = json.loads((folder / "run.json").read_text())
    record["digest"] = "d"
    record["provenance"] |= {"device": "cuda" if gpu else "cpu", "gpu": gpu}
    (folder / "run.json").write_text(json.dumps(record))
    place = {"device": "cpu", "gpu": gpu, "processor": XEON, "threads": 4}
    found = {"digest": digest, "images_per_second": rate, "batch_size": 64, "multiply_adds": adds}
    (folder / "inference.json").write_text(json.dumps(found | place | more))


@pytest.fixture
def costly(bakeoff):
    """Both variants trained and measured, `broad` in two jobs each."""
    for variant, jobs, rate, adds in (
        ("broad", (600, 300), 500.0, 2_000_000),
        ("narrow", (400,), 2000.0, 1_000_000),
    ):
        for seed in (0, 1):
            train(bakeoff, variant, seed, memory=1000 + 100 * seed, jobs=jobs)
            measure(bakeoff, variant, seed, rate + 10 * seed, adds)
    return bakeoff


def table(results):
    return cost_table(read_evidence(results, EXPECTED))


def rows(results):
    return {row.variant: row for row in table(results).rows}


def panels(results):
    return {(panel.cost, panel.unit, panel.machine): panel for panel in table(results).panels}


@pytest.mark.slow(seconds=2)
def test_a_variant_has_its_costs_with_all_jobs_of_its_runs(costly):
    broad = rows(costly)["broad"]
    assert list(rows(costly)) == ["broad", "narrow"], "of `ghost` nothing is finished"
    assert broad.hours == pytest.approx(900 * 4 / 3600), "on 4 threads"
    assert broad.total_hours == pytest.approx(2 * broad.hours)
    assert (broad.unit, broad.trained_on, broad.jobs, broad.runs) == ("CPU", ["CPU"], 4, 2)
    assert broad.memory == pytest.approx(1100) and broad.memory_of == "process"
    assert (broad.multiply_adds, broad.images_per_second) == (2_000_000, 505.0)
    assert (broad.epoch_seconds, broad.parameters) == (0.5, 41)
    assert broad.predicted_on == [f"{XEON}, 4 threads"]
    assert broad.low < broad.quality < broad.high


def test_each_cost_has_a_panel_with_its_front(costly):
    found = panels(costly)
    assert set(found) == {
        ("multiply_adds", "", ""),
        ("hours", "CPU", "CPU"),
        ("seconds_per_image", "", f"{XEON}, 4 threads"),
    }
    for panel in found.values():
        # The cheaper one is the worse one here.
        assert [point.variant for point in panel.front] == ["narrow", "broad"]


def test_what_ran_on_another_machine_is_not_set_against_the_rest(costly):
    for seed in (0, 1):
        train_folder = costly / "runs" / "narrow" / f"seed-{seed}"
        (train_folder / "journal.jsonl").unlink()
        measure(costly, "narrow", seed, 9000.0, 1_000_000, gpu=A100)
        train(costly, "narrow", seed, memory=1000, busy=50.0, jobs=(400,), gpu=1)
    assert set(panels(costly)) == {("multiply_adds", "", "")}
    narrow = rows(costly)["narrow"]
    assert (narrow.unit, narrow.trained_on, narrow.predicted_on) == ("GPU", [A100], [A100])
    assert narrow.hours == pytest.approx(400 / 3600)
    assert (narrow.memory, narrow.memory_of) == (9000, "GPU")


def test_there_is_no_mean_over_two_machines(costly):
    measure(costly, "broad", 1, 9000.0, 2_000_000, gpu=A100)
    broad = rows(costly)["broad"]
    assert broad.images_per_second is None
    assert broad.predicted_on == [f"{XEON}, 4 threads", A100]


def test_figures_of_other_weights_do_not_count(costly):
    for seed in (0, 1):
        measure(costly, "broad", seed, 500.0, 2_000_000, digest="another")
    found = table(costly)
    assert found.unmeasured == ["broad"] and found.rows[0].multiply_adds is None


@pytest.mark.slow(seconds=6)
def test_the_page_has_the_section_with_its_figures_and_the_same_bytes_every_time(costly, tmp_path):
    write_report(costly, tmp_path / "one.html", EXPECTED)
    write_report(costly, tmp_path / "two.html", EXPECTED)
    html = (tmp_path / "one.html").read_text()
    assert html == (tmp_path / "two.html").read_text()
    section = html.partition('<section id="cost">')[2].partition("</section>")[0]
    for words in (
        "no other variant is both better and cheaper",
        "2.0 M",
        "1.0 CPU-h",
        "2.0 for 2 runs",
        "4 jobs of 2 runs",
        "1.1 GB",
        "batches of 64",
        "on the front",
    ):
        assert words in section, words
    assert section.count("<svg") == 6 and "snakemake" not in section
    assert '<a href="#cost">' in html


@pytest.mark.slow(seconds=4)
def test_results_of_earlier_versions_show_dashes_and_how_to_measure(bakeoff, tmp_path):
    write_report(bakeoff, tmp_path / "report.html", EXPECTED)
    html = (tmp_path / "report.html").read_text()
    section = html.partition('<section id="cost">')[2].partition("</section>")[0]
    assert "snakemake -R evaluate" in section and "<svg" not in section
    assert (
        "4 runs left no journal" in section
        and "Evaluation measured nothing of broad and narrow" in section
    )


def test_what_cannot_be_counted_says_why(costly):
    reason = "torch's counter has no formula for aten.lstm"
    for seed in (0, 1):
        measure(costly, "broad", seed, 500.0, None, not_counted=reason)
    row = rows(costly)["broad"]
    assert (row.multiply_adds, row.not_counted) == (None, reason)
    assert ("multiply_adds", "", "") not in panels(costly)


@pytest.mark.parametrize("damage", ["", "[]", '{"images_per_second": "fast", "digest": "d"}'])
def test_a_damaged_file_costs_its_figures_alone(costly, damage):
    for seed in (0, 1):
        (costly / "runs" / "broad" / f"seed-{seed}" / "inference.json").write_text(damage)
    row = rows(costly)["broad"]
    assert row.images_per_second is None and row.multiply_adds is None and row.hours


def test_the_front_is_what_no_other_beats():
    points = [(1, 0.7), (2, 0.9), (3, 0.8), (2, 0.9), (2, 0.85), (4, 0.9), (5, 0.95)]
    assert front(points, 1) == {0, 1, 3, 6}
    # Where lower is better; the cheapest is always on it.
    assert front(points, -1) == {0}
    assert front([(1, 0.7), (2, 0.6), (3, 0.65)], -1) == {0, 1}


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_names_in_a_crowd_cover_no_mark_and_no_other_name(width):
    points = [
        Point(f"variant_{at}", 1e6 * 1.3**at, 0.8 + 0.01 * (at % 4), 0.7, 0.9, at % 4 == 3)
        for at in range(20)
    ]
    figure = draw_cost(Panel("multiply_adds", "", "", points), AUROC, width)
    (axes,) = figure.axes
    names = [text.get_window_extent() for text in axes.texts]
    assert 4 <= len(names) <= 20
    assert not any(one.overlaps(other) for one in names for other in names if one is not other)
    marks = axes.transData.transform([(point.cost, point.quality) for point in points])
    assert not any(box.contains(*mark) for box in names for mark in marks)


@pytest.mark.slow(seconds=8)
@pytest.mark.parametrize("width", [1440, 390])
def test_the_plots_can_be_read_on_a_screen_and_on_a_telephone(costly, tmp_path, width):
    write_report(costly, tmp_path / "report.html", EXPECTED)
    seen = measure_page(tmp_path / "report.html", width)
    assert seen["page"] <= seen["width"], seen["beyond"]
    plots = [drawing for drawing in seen["drawings"] if "on the front" in drawing["alt"]]
    assert len(plots) == 3
    for plot in plots:
        left, top, right, bottom = plot["box"]
        assert len(plot["marks"]) == 2, "a diamond for each variant"
        named = [text for text in plot["texts"] if text[0] in ("broad", "narrow")]
        assert len(named) == 2 and min(text[1] for text in plot["texts"]) >= 10
        for _, _, x0, y0, x1, y1 in named:
            assert left <= x0 and x1 <= right + 1 and top <= y0 and y1 <= bottom
            assert all(
                x1 <= mark[0] or mark[2] <= x0 or y1 <= mark[1] or mark[3] <= y0
                for mark in plot["marks"]
            )
