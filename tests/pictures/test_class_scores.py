"""Class scores: what the model says, summed to one."""

import pytest
import torch

from bakeoff.pictures.class_scores import class_scores, draw_class_scores, largest_findings
from tests.pictures.conftest import built, subject_of


def test_a_model_that_emits_findings_scores_each_of_them() -> None:
    model = built("rnn_attention", patch=8, hidden=8)
    images = torch.rand(2, 1, 32, 32)
    scored = class_scores(model, images)
    assert scored is not None
    expected = model(images).softmax(dim=1)
    for row, scores in zip(expected, scored, strict=True):
        assert scores["Effusion"] == pytest.approx(float(row[1].detach()))
        assert list(scores.values()) == sorted(scores.values(), reverse=True)
        assert sum(scores.values()) == pytest.approx(1)
    assert class_scores(built("conv", size=80), torch.rand(1, 1, 80, 80)) is None


def test_small_classes_are_summed_up_and_the_healthy_one_is_always_shown() -> None:
    scores = {f"finding {i}": 0.1 for i in range(9)} | {"No Finding": 0.1}
    shown = largest_findings(scores, "No Finding")
    assert list(shown) == [*(f"finding {i}" for i in range(5)), "No Finding", "all others"]
    assert sum(shown.values()) == pytest.approx(1)
    few = {"Mass": 0.7, "No Finding": 0.3}
    assert largest_findings(few, "No Finding") == few


@pytest.mark.parametrize("name", ["rnn_attention", "rnn"])
def test_every_image_has_its_bars_beside_it(name: str) -> None:
    subject = subject_of(built(name, patch=8))
    figure = draw_class_scores(subject).figure
    bars = [axes for axes in figure.axes if axes.patches]
    assert len(bars) == 4
    for axes, image in zip(bars, subject.chosen, strict=True):
        names = [label.get_text() for label in axes.get_yticklabels()]
        widths = dict(zip(names, [bar.get_width() for bar in axes.patches], strict=True))
        assert widths["shadow"] == image.score
        assert axes.lines[0].get_xdata()[0] == subject.threshold


def test_the_classes_are_called_as_the_table_calls_them() -> None:
    drawn = draw_class_scores(subject_of(built("rnn", patch=8)))
    bars = [axes for axes in drawn.figure.axes if axes.patches]
    names = {label.get_text() for axes in bars for label in axes.get_yticklabels()}
    assert names == {"shadow", "No Finding"}
    assert drawn.caption.startswith("The score of each image, P(shadow);")
