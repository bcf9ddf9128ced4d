"""The pictures of real runs: only those that the model has, with an index that says what they show."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from bakeoff.errors import EvaluationError
from bakeoff.evaluation.predictions import read_predictions
from bakeoff.files import read_json
from bakeoff.layout import Layout
from bakeoff.pictures.draw import draw_pictures
from bakeoff.pictures.randomisation import LARGEST_SIMILARITY
from tests.pictures.conftest import COLOURS, Evaluated

pytestmark = pytest.mark.slow(seconds=3)

ATTENTION = {"attention-maps", "last-attention", "rollout", "sanity"}
KINDS = {
    "conv": {"class-scores", "grad-cam", "sanity"},
    "rnn": {"patch-grid", "class-scores"},
    "vit": {"patch-grid", "class-scores", "position-similarity", "walk", *ATTENTION},
    "transformer": {
        *("patch-grid", "class-scores", "position-similarity", "alignment", "first-alignment"),
        *ATTENTION,
    },
}


CAMS = {"class-scores", "grad-cam", "sanity"}
OF_CLASSES = {
    "conv": CAMS,
    "resnet": CAMS,
    "vit": KINDS["vit"],
    "si_vit": KINDS["vit"],
    "transformer": KINDS["transformer"],
    "rnn_self_attention": {
        *("patch-grid", "class-scores", "alignment", "first-alignment", "sanity"),
    },
    "msht": {"class-scores", "grad-cam", *ATTENTION},
}
OF_FINDINGS = {
    "conv": CAMS,
    "vit": KINDS["vit"],
    "vpt": KINDS["vit"],
    "transformer": KINDS["transformer"],
    "rnn_attention": OF_CLASSES["rnn_self_attention"],
}


def drawn_by(evaluated: Evaluated, variant: str, each: int = 1) -> tuple[dict[str, Any], Path]:
    """The index of a run's pictures, and their folder, in which one of an earlier model lay."""
    experiment, layout = evaluated(variant)
    folder = layout.run(variant, 0).path / "figures"
    folder.mkdir(exist_ok=True)
    (folder / "of-an-earlier-model.png").write_bytes(b"old")
    index = draw_pictures(experiment, experiment.run(variant, 0), layout, each=each)
    return read_json(index), folder


def assert_drawn(index: dict[str, Any], folder: Path, kinds: set[str]) -> None:
    pictures = index["pictures"]
    assert {picture["kind"] for picture in pictures} - {"grad-cam-truth"} == kinds
    files = [picture["file"] for picture in pictures]
    assert {file.name for file in folder.glob("*.png")} == set(files)
    assert len(set(files)) == len(files)
    for picture in pictures:
        assert picture["title"] and picture["caption"]
        with Image.open(folder / picture["file"]) as image:
            assert min(image.size) > 100 and np.ptp(np.asarray(image.convert("L"))) > 50


@pytest.mark.parametrize("variant", KINDS)
def test_a_run_has_the_pictures_of_its_model_and_no_others(
    evaluated: Evaluated, variant: str
) -> None:
    assert_drawn(*drawn_by(evaluated, variant), KINDS[variant])


@pytest.mark.parametrize("variant", OF_CLASSES)
def test_a_run_of_several_classes_in_colour_has_the_same_pictures(
    classes: Evaluated, variant: str
) -> None:
    index, folder = drawn_by(classes, variant)
    assert_drawn(index, folder, OF_CLASSES[variant])
    assert index["threshold"] is None and index["thresholds"] == {}
    wrong = [image["name"] for image in index["images"] if image["outcome"].endswith("wrong")]
    truths = [p["images"] for p in index["pictures"] if p["kind"] == "grad-cam-truth"]
    assert truths == [wrong] * ("grad-cam" in OF_CLASSES[variant] and bool(wrong))
    named = any("the class named" in picture["caption"] for picture in index["pictures"])
    assert named == bool({"grad-cam", "walk"} & OF_CLASSES[variant])


@pytest.mark.parametrize("variant", OF_FINDINGS)
def test_a_run_of_several_findings_in_colour_has_the_same_pictures(
    findings: Evaluated, variant: str
) -> None:
    index, folder = drawn_by(findings, variant)
    assert_drawn(index, folder, OF_FINDINGS[variant])
    assert not any(picture["kind"] == "grad-cam-truth" for picture in index["pictures"])
    metrics = read_json(folder.parent / "metrics.json")
    assert index["threshold"] is None and index["thresholds"] == metrics["threshold"]["values"]
    for picture in index["pictures"]:
        explains = picture["kind"] in ("grad-cam", "walk")
        assert ("the finding named" in picture["caption"]) == explains


@pytest.mark.parametrize("kind", ["classes", "findings"])
def test_the_index_says_of_which_class_or_finding_a_score_is(
    kind: str, request: pytest.FixtureRequest
) -> None:
    evaluated: Evaluated = request.getfixturevalue(kind)
    experiment, layout = evaluated("conv")
    index, _ = drawn_by(evaluated, "conv", each=2)
    test = read_predictions(layout.run("conv", 0).predictions("test"), experiment.task)
    called = experiment.task.called(test.scores, index["thresholds"])
    assert {image["of"] for image in index["images"]} <= set(COLOURS)
    for image in index["images"]:
        row, at = test.images.tolist().index(image["name"]), list(COLOURS).index(image["of"])
        assert image["score"] == pytest.approx(test.scores[row, at])
        truth = experiment.task.strata(test.labels[[row]])[0, at]
        is_called = experiment.task.strata(called[[row]])[0, at]
        assert image["label"] == truth
        words = ("found", "right") if truth and is_called else ("missed", "wrong", "not there")
        assert image["outcome"].endswith(words)


def test_photographs_are_shown_in_their_colours(classes: Evaluated) -> None:
    index, folder = drawn_by(classes, "conv")
    with Image.open(folder / "class-scores.png") as opened:
        pixels = np.asarray(opened.convert("RGB")).astype(int)
    for name, colour in COLOURS.items():
        shown = any(image["outcome"].startswith(name) for image in index["images"])
        near = (np.abs(pixels - colour).max(axis=2) < 40).sum()
        assert (near > 300) == shown, name


def test_the_index_says_which_images_were_shown_and_how_they_came_out(
    evaluated: Evaluated,
) -> None:
    experiment, layout = evaluated("conv")
    run = layout.run("conv", 0)
    index = read_json(draw_pictures(experiment, experiment.run("conv", 0), layout, each=1))
    test = pd.read_csv(run.predictions("test")).set_index("Image Index")
    threshold = read_json(run.path / "metrics.json")["threshold"]["value"]
    assert index["threshold"] == threshold and "whatever their score" in index["rule"]
    called = {"true positive": (1, True), "false positive": (0, True)}
    called |= {"false negative": (1, False), "true negative": (0, False)}
    for image in index["images"]:
        row = test.loc[image["name"]]
        assert called[image["outcome"]] == (row["Disease"], row["score"] >= threshold)
        assert image["score"] == pytest.approx(row["score"])


def test_a_saliency_picture_carries_the_verdict_of_its_check(evaluated: Evaluated) -> None:
    experiment, layout = evaluated("vit")
    index = read_json(draw_pictures(experiment, experiment.run("vit", 0), layout, each=1))
    checked = {p["kind"]: p for p in index["pictures"] if p["sanity"] is not None}
    assert checked.keys() == {"last-attention", "rollout"}
    for picture in checked.values():
        sanity = picture["sanity"]
        assert sanity["shares"][0] == 0 and sanity["shares"][-1] == 1
        assert sanity["passed"] == (sanity["similarity"][-1] < LARGEST_SIMILARITY)
        assert picture["caption"].endswith(sanity["sentence"])
        assert ("FAILS" in picture["caption"]) != sanity["passed"]


def test_the_same_run_gives_the_same_pictures(evaluated: Evaluated) -> None:
    experiment, layout = evaluated("conv")

    def drawn() -> dict[str, bytes]:
        index = draw_pictures(experiment, experiment.run("conv", 0), layout, each=1)
        return {file.name: file.read_bytes() for file in index.parent.iterdir()}

    assert drawn() == drawn()


def test_a_run_that_was_not_evaluated_is_refused(evaluated: Evaluated, tmp_path: Path) -> None:
    experiment, _ = evaluated("conv")
    with pytest.raises(EvaluationError, match="Run the evaluate stage first"):
        draw_pictures(experiment, experiment.run("conv", 0), Layout(tmp_path))
