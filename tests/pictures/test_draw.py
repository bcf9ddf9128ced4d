"""The pictures of real runs: only those that the model has, with an index that says what they show."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from bakeoff.config.experiment import Experiment
from bakeoff.errors import EvaluationError
from bakeoff.files import read_json
from bakeoff.layout import Layout
from bakeoff.pictures.draw import draw_pictures
from bakeoff.pictures.randomisation import LARGEST_SIMILARITY

pytestmark = pytest.mark.slow(seconds=3)

Evaluated = Callable[[str], tuple[Experiment, Layout]]
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


@pytest.mark.parametrize("variant", KINDS)
def test_a_run_has_the_pictures_of_its_model_and_no_others(
    evaluated: Evaluated, variant: str
) -> None:
    experiment, layout = evaluated(variant)
    folder = layout.run(variant, 0).path / "figures"
    folder.mkdir(exist_ok=True)
    (folder / "of-an-earlier-model.png").write_bytes(b"old")
    index = read_json(draw_pictures(experiment, experiment.run(variant, 0), layout, each=1))
    pictures = index["pictures"]
    assert {picture["kind"] for picture in pictures} == KINDS[variant]
    assert {file.name for file in folder.glob("*.png")} == {p["file"] for p in pictures}
    for picture in pictures:
        assert picture["title"] and picture["caption"]
        with Image.open(folder / picture["file"]) as image:
            assert min(image.size) > 100 and np.ptp(np.asarray(image.convert("L"))) > 50


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
