import xml.etree.ElementTree as ET

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.metrics import roc_auc_score

from bakeoff.evaluation.comparison import write_comparison
from bakeoff.plotting import GRID, INK, VARIABLES, inline_svg, new_figure, shortened, style
from bakeoff.report import dot_plot, learning_curves, roc
from bakeoff.report.evidence import read_evidence
from bakeoff.report.figures import FIGURES, write_figures
from tests.report.answers import change_scores, evidence_of
from tests.report.digits import EPOCHS, EXPECTED


@pytest.mark.slow(seconds=3)
def test_every_figure_is_a_file_of_its_own(bakeoff):
    paths = write_figures(bakeoff, EXPECTED)
    assert [path.relative_to(bakeoff / "figures").as_posix() for path in paths] == list(FIGURES)
    for path in paths[:3]:
        text = "".join(ET.parse(path).getroot().itertext())
        assert "broad" in text
        assert "var(--" not in path.read_text()
    with Image.open(paths[3]) as picture:
        assert min(picture.size) > 500
        assert np.asarray(picture.convert("L")).std() > 20


@pytest.mark.slow(seconds=7)
def test_the_same_results_give_the_same_figures(bakeoff):
    first = [path.read_bytes() for path in write_figures(bakeoff, EXPECTED)]
    assert [path.read_bytes() for path in write_figures(bakeoff, EXPECTED)] == first


@pytest.mark.slow(seconds=2)
def test_without_results_the_figures_say_so(tmp_path):
    for path in write_figures(tmp_path, EXPECTED)[:3]:
        assert "no finished" in "".join(ET.parse(path).getroot().itertext())
    assert write_figures(tmp_path, [])[3].stat().st_size > 0


@pytest.mark.slow(seconds=2)
def test_drawing_leaves_matplotlibs_settings_alone(bakeoff):
    before = dict(mpl.rcParams)
    write_figures(bakeoff, EXPECTED)
    assert dict(mpl.rcParams) == before


def test_inline_colours_follow_the_page_and_ids_carry_the_name():
    with style():
        figure = new_figure(3, 2)
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], color=INK)
        axes.set_title("a <b> & $c$_d")
    svg = str(inline_svg(figure, "mine", 'alt with "quotes"'))
    assert not [colour for colour in VARIABLES if colour in svg]
    assert f"var({VARIABLES[INK]})" in svg
    assert f"var({VARIABLES[GRID]})" in svg
    root = ET.fromstring(svg)
    assert "a <b> & $c$_d" in "".join(root.itertext())  # no formula
    assert root.get("aria-label") == 'alt with "quotes"'
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert ids
    assert all(name.startswith("mine-") for name in ids)


@pytest.mark.slow(seconds=4)
def test_long_names_keep_both_ends_and_fit(bakeoff):
    assert shortened("conv-lr-0.001", 20) == "conv-lr-0.001"
    assert shortened("abcdefghij", 5) == "ab…ij"
    assert shortened("abcdefghij", 6) == "ab…hij"
    name = "a" * 60 + "-weight_decay-0.0001"
    (bakeoff / "runs" / "broad").rename(bakeoff / "runs" / name)
    expected = [(name, (0, 1)), ("narrow", (0, 1))]
    write_comparison(bakeoff, expected)
    for path in write_figures(bakeoff, expected)[:3]:  # a layout that collapses is an error here
        assert "…" in path.read_text(encoding="utf-8")


def test_the_mean_roc_curve_has_the_mean_area_of_its_seeds(finished_bakeoff):
    evidence = read_evidence(finished_bakeoff, EXPECTED)
    for runs in dict(evidence.finished()).values():
        tests = [run.test for run in runs]
        area = np.trapezoid(roc.mean_curve(tests), roc.GRID)
        mean = np.mean([roc_auc_score(test.labels, test.scores) for test in tests])
        assert area == pytest.approx(mean, abs=0.01)


def test_learning_curves_show_every_seed_its_mean_and_the_kept_epoch(finished_bakeoff):
    evidence = read_evidence(finished_bakeoff, EXPECTED)
    runs = evidence.variants["broad"]
    within = learning_curves.common_range(evidence)
    assert within.epochs == EPOCHS
    (auroc,) = learning_curves.draw_variant(runs, within)[1].axes
    curves = [line for line in auroc.lines if len(line.get_xdata()) == EPOCHS]
    marks = [line for line in auroc.lines if len(line.get_xdata()) == 1]
    assert len(curves) == 2 * (2 + 1)
    assert sorted(line.get_xdata()[0] for line in marks) == sorted(run.best_epoch for run in runs)
    mean = np.mean([run.history["val_auc"] for run in runs], axis=0)
    assert any(np.allclose(line.get_ydata(), mean) for line in curves)


def test_a_loss_that_explodes_does_not_flatten_the_others(bakeoff):
    path = bakeoff / "runs" / "broad" / "seed-0" / "history.csv"
    header, first, *rest = path.read_text().splitlines()
    cells = first.split(",")
    cells[header.split(",").index("train_loss")] = "1e9"
    path.write_text("\n".join([header, ",".join(cells), *rest]) + "\n")
    within = learning_curves.common_range(read_evidence(bakeoff, EXPECTED))
    assert within.loss[1] < 5


def test_a_variant_that_minimises_something_larger_has_a_loss_axis_of_its_own(bakeoff):
    for seed in (0, 1):
        path = bakeoff / "runs" / "broad" / f"seed-{seed}" / "history.csv"
        history = pd.read_csv(path)
        history[["train_loss", "val_loss"]] *= 30
        history.to_csv(path, index=False)
    evidence = read_evidence(bakeoff, EXPECTED)
    within = learning_curves.common_range(evidence)
    tops = {}
    for name in ("broad", "narrow"):
        (loss,) = learning_curves.draw_variant(evidence.variants[name], within)[0].axes
        tops[name] = (loss.get_ylim()[1], loss.get_title(loc="left"))
        middle = np.median(np.concatenate([line.get_ydata() for line in loss.lines]))
        assert middle < loss.get_ylim()[1]
    assert tops["narrow"] == (within.loss[1], "Loss")
    assert tops["broad"][0] > 2 * within.loss[1] and tops["broad"][1] == "Loss (own axis)"


def test_a_kept_epoch_above_the_panel_is_not_marked_outside_it(bakeoff):
    path = bakeoff / "runs" / "broad" / "seed-0" / "history.csv"
    history = pd.read_csv(path)
    history["val_loss"] = 1e6
    history.to_csv(path, index=False)
    evidence = read_evidence(bakeoff, EXPECTED)
    within = learning_curves.common_range(evidence)
    panels = [f.axes[0] for f in learning_curves.draw_variant(evidence.variants["broad"], within)]
    marks = [[len(line.get_xdata()) for line in panel.lines].count(1) for panel in panels]
    assert marks == [1, 2]


def _marks(axes):
    """Where every marker is drawn, with half its size, in pixels: (left, bottom, right, top)."""
    for line in axes.lines:
        if line.get_marker() in ("None", None, ""):
            continue
        # A diamond of that size is wider than a circle of it.
        half = line.get_markersize() * (1.42 if line.get_marker() == "D" else 1.0) / 2
        half = (half + line.get_markeredgewidth() / 2) * axes.figure.dpi / 72
        for x, y in line.get_transform().transform(line.get_xydata()):
            yield x - half, y - half, x + half, y + half


@pytest.mark.slow(seconds=2)
def test_marks_at_the_ends_of_an_axis_are_whole(bakeoff):
    for variant in ("broad", "narrow"):
        for seed in (0, 1):
            run = bakeoff / "runs" / variant / f"seed-{seed}"
            change_scores(run, lambda frame: 0.1 + 0.8 * frame["Disease"])
            history = pd.read_csv(run / "history.csv")
            history["val_auc"] = 1.0
            history.to_csv(run / "history.csv", index=False)
    evidence = evidence_of(bakeoff)
    within = learning_curves.common_range(evidence)
    drawn = [dot_plot.draw_means(evidence, width) for width in (dot_plot.WIDE, dot_plot.NARROW)]
    drawn += [dot_plot.draw_gaps(evidence, width) for width in (dot_plot.WIDE, dot_plot.NARROW)]
    drawn += learning_curves.draw_variant(evidence.variants["broad"], within)
    drawn += [roc.draw_panel(roc.panels(evidence)[0], evidence)]
    for figure in drawn:
        figure.draw_without_rendering()
        (axes,) = figure.axes
        inside = axes.bbox
        marks = list(_marks(axes))
        assert marks
        for left, bottom, right, top in marks:
            assert inside.x0 <= left and right <= inside.x1
            assert inside.y0 <= bottom and top <= inside.y1


def test_train_and_validation_differ_by_more_than_their_colour(finished_bakeoff):
    evidence = read_evidence(finished_bakeoff, EXPECTED)
    within = learning_curves.common_range(evidence)
    for figure in learning_curves.draw_variant(evidence.variants["broad"], within):
        figure.draw_without_rendering()
        (axes,) = figure.axes
        thick = [line for line in axes.lines if line.get_linewidth() > 1.5]
        assert len({line.get_linestyle() for line in thick}) == len(thick) == 2
        words = {text.get_text(): text.get_window_extent() for text in axes.texts}
        assert set(words) == {"train", "val"}
        assert not words["train"].overlaps(words["val"])
