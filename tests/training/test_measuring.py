"""What evaluation measures while it predicts, through real runs."""

import pytest

from bakeoff.config.experiment import Experiment, Run
from bakeoff.evaluation.metrics import evaluate_predictions
from bakeoff.files import read_json
from bakeoff.inference.measuring import throughput
from bakeoff.inference.predict import SPLITS, predict, predictions_of
from bakeoff.layout import Layout
from bakeoff.planning.model_sizes import count_variant
from bakeoff.training.train import train
from tests.training.conftest import Prepare


@pytest.fixture
def trained(prepare: Prepare) -> tuple[Experiment, Run, Layout]:
    prepare.values["training"]["epochs"] = 1
    experiment, layout = prepare()
    run = experiment.run("conv_bn", 0)
    train(experiment, run, layout)
    return experiment, run, layout


@pytest.mark.slow(seconds=4)
def test_evaluation_writes_what_it_took_and_predicts_the_same_bits(
    trained: tuple[Experiment, Run, Layout],
) -> None:
    experiment, run, layout = trained
    folder = layout.run("conv_bn", 0)
    predict(experiment, run, layout)
    evaluate_predictions(folder.path, experiment.task)
    found, record = read_json(folder.inference), read_json(folder.run_json)
    assert found["digest"] == record["digest"]
    assert found["multiply_adds"] == count_variant(experiment, run.variant)[2] > 0
    assert found["images_per_second"] > 1
    # 20 images are a batch of a split; the first of all is not counted.
    assert (found["batch_size"], found["batches"]) == (20, 1)
    assert (found["device"], found["gpu"], found["threads"]) == ("cpu", None, 1)
    assert found["processor"] and found["image"] == {"size": 80, "channels": 1}
    files = [folder.predictions(split) for split in SPLITS] + [folder.path / "metrics.json"]
    before = [file.read_bytes() for file in files]
    # As without any measuring, and as when it is measured again.
    unmeasured = predictions_of(experiment, run, layout, record["provenance"]["planned_digest"])
    for file, (_, table) in zip(files[:2], unmeasured, strict=True):
        assert table.to_csv(index=False).encode() == file.read_bytes()
    predict(experiment, run, layout)
    evaluate_predictions(folder.path, experiment.task)
    assert [file.read_bytes() for file in files] == before


def test_the_first_batch_and_those_of_another_size_are_left_out() -> None:
    val = [(64, 9.0), (64, 0.5), (64, 0.25), (30, 0.01)]
    test = [(64, 1.0), (12, 0.01)]
    assert throughput([val, test]) == (64 / 0.5, 64, 3)


def test_of_a_single_batch_nothing_is_known() -> None:
    assert throughput([[(20, 1.0)]]) == (None, None, 0)
