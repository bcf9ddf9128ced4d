"""Class scores: what the model says of an image, by name."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from matplotlib.axes import Axes

from bakeoff.pictures.class_scores import OTHERS, draw_class_scores, first_labels, largest
from bakeoff.plotting import MUTED, TRAIN, VAL
from bakeoff.task.binary import BinaryTask
from bakeoff.task.multiclass import MulticlassTask
from bakeoff.task.multilabel import MultilabelTask
from tests.pictures.conftest import FINDINGS, built, subject_of

SHADOW = BinaryTask(("No Finding",), ("shadow",))


def bars_of(axes: Axes) -> dict[str, float]:
    names = [label.get_text() for label in axes.get_yticklabels()]
    return dict(zip(names, [bar.get_width() for bar in axes.patches], strict=True))


def colours_of(axes: Axes) -> dict[str, tuple[float, ...]]:
    names = [label.get_text() for label in axes.get_yticklabels()]
    return dict(zip(names, [bar.get_facecolor() for bar in axes.patches], strict=True))


def rgba(colour: str) -> tuple[float, ...]:
    return (*(int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)), 1.0)


def test_a_model_that_emits_labels_scores_each_that_may_be_first() -> None:
    model = built("rnn_attention", patch=8, hidden=8)
    images = torch.rand(2, 1, 32, 32)
    scored = first_labels(model, images)
    assert scored is not None
    expected = model(images).softmax(dim=1)
    for row, scores in zip(expected, scored, strict=True):
        assert scores["Effusion"] == pytest.approx(float(row[1].detach()))
        assert sum(scores.values()) == pytest.approx(1)
    assert first_labels(built("conv", size=80), torch.rand(1, 1, 80, 80)) is None


def test_small_scores_are_summed_up_and_those_that_matter_are_always_shown() -> None:
    scores = {f"finding {i}": 0.1 for i in range(9)} | {"No Finding": 0.1}
    shown = largest(scores, {"No Finding"}, others=True)
    assert list(shown) == [*(f"finding {i}" for i in range(5)), "No Finding", OTHERS]
    assert sum(shown.values()) == pytest.approx(1)
    few = {"Mass": 0.7, "No Finding": 0.3}
    assert largest(few, {"No Finding"}, others=True) == few
    assert OTHERS not in largest(scores, set(), others=False)
    assert largest(scores, set(scores), others=False) == scores
    assert list(largest({"a": 0.1, "b": 0.3, "c": 0.2}, {"a"}, others=True)) == ["b", "c", "a"]


@pytest.mark.parametrize("name", ["rnn_attention", "rnn"])
def test_every_image_has_its_bars_beside_it(name: str) -> None:
    subject = subject_of(built(name, patch=8))
    figure = draw_class_scores(subject).figure
    bars = [axes for axes in figure.axes if axes.patches]
    assert len(bars) == 4
    for axes, image in zip(bars, subject.chosen, strict=True):
        widths = bars_of(axes)
        assert widths["positive"] == image.score
        assert axes.lines[0].get_xdata()[0] == subject.threshold
        assert (set(FINDINGS[1:]) <= set(widths)) == (name == "rnn_attention")


def test_the_classes_are_called_as_the_table_calls_them() -> None:
    drawn = draw_class_scores(subject_of(built("rnn", patch=8), task=SHADOW))
    bars = [axes for axes in drawn.figure.axes if axes.patches]
    names = {label.get_text() for axes in bars for label in axes.get_yticklabels()}
    assert names == {"shadow", "No Finding"}
    assert drawn.caption.startswith("The score of each image, P(shadow); the dotted line is the")


def test_what_an_image_is_and_what_it_is_called_instead_have_their_colours() -> None:
    subject = subject_of(built("rnn", patch=8), task=SHADOW)
    bars = [axes for axes in draw_class_scores(subject).figure.axes if axes.patches]
    right, missed, *_ = map(colours_of, bars)
    assert right == {"shadow": rgba(TRAIN), "No Finding": rgba(MUTED)}
    assert missed == {"shadow": rgba(TRAIN), "No Finding": rgba(VAL)}


def test_of_many_classes_the_largest_are_shown_and_the_rest_is_summed_up() -> None:
    task = MulticlassTask(tuple(f"dish_{i}" for i in range(40)))
    scores = np.random.default_rng(0).dirichlet(np.ones(40), 4)
    labels = scores.argmin(axis=1)
    subject = replace(
        subject_of(built("rnn", patch=8)), task=task, labels=labels, scores=scores, thresholds={}
    )
    drawn = draw_class_scores(subject)
    bars = [axes for axes in drawn.figure.axes if axes.patches]
    for row, axes in enumerate(bars):
        widths, colours = bars_of(axes), colours_of(axes)
        assert sum(widths.values()) == pytest.approx(1) and OTHERS in widths
        called, true = (f"dish {at}" for at in (scores[row].argmax(), labels[row]))
        assert colours[called] == rgba(VAL) and colours[true] == rgba(TRAIN)
        assert widths[called] == scores[row].max() and widths[true] == scores[row].min()
        assert not axes.lines, "no threshold"
    assert "the largest 6 and those that matter" in drawn.caption
    assert "threshold" not in drawn.caption


def test_every_finding_has_its_own_threshold() -> None:
    names = ("Effusion", "Mass", "Nodule")
    task = MultilabelTask(names)
    scores = np.random.default_rng(0).random((4, 3))
    labels = np.array([[1, 0, 1], [0, 0, 0], [1, 1, 1], [0, 1, 0]])
    thresholds = dict(zip(names, (0.2, 0.5, 0.8), strict=True))
    subject = replace(
        subject_of(built("rnn", patch=8)),
        task=task,
        labels=labels,
        scores=scores,
        thresholds=thresholds,
    )
    drawn = draw_class_scores(subject)
    bars = [axes for axes in drawn.figure.axes if axes.patches]
    for row, axes in enumerate(bars):
        assert OTHERS not in bars_of(axes), "scores of findings do not sum to one"
        marks = {float(line.get_ydata().mean()): line.get_xdata()[0] for line in axes.lines}
        for tick, label in zip(axes.get_yticks(), axes.get_yticklabels(), strict=True):
            name = label.get_text()
            assert marks[float(tick)] == thresholds[name]
            at = names.index(name)
            called = scores[row, at] >= thresholds[name]
            expected = TRAIN if labels[row, at] else VAL if called else MUTED
            assert colours_of(axes)[name] == rgba(expected)
    assert "each dotted line is a threshold chosen on validation" in drawn.caption
