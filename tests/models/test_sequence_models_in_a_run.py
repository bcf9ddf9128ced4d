"""The models that emit findings or read sequences, as runs: trained, stopped, resumed, evaluated."""

from typing import Any

import pytest

from bakeoff.evaluation.predictions import read_predictions
from tests.training.conftest import Prepare, phantoms, prepare, values
from tests.training.test_train import finish, results

__all__ = ["phantoms", "prepare", "values"]

SMALL: dict[str, dict[str, Any]] = {
    "birnn": {"model": "birnn", "hidden": 16},
    "rnn_attention": {"model": "rnn_attention", "hidden": 16},
    "rnn_self_attention": {"model": "rnn_self_attention", "hidden": 16},
    "transformer": {
        **{"model": "transformer", "width": 16, "heads": 2, "hidden": 16, "dropout": 0.5},
        **{"encoder_depth": 1, "decoder_depth": 1},
    },
}


@pytest.mark.parametrize("variant", SMALL)
def test_a_run_stopped_after_every_step_ends_like_one_that_was_not(
    prepare: Prepare, variant: str
) -> None:
    prepare.values["variants"] = {variant: {**SMALL[variant], "training": {"epochs": 2}}}
    experiment, whole = prepare("whole")
    _, stopped = prepare("stopped")
    run = finish(experiment, whole, variant)
    assert results(finish(experiment, stopped, variant, stop_after_each_step=True)) == results(run)
    test = read_predictions(run.predictions("test"))
    assert len(test.scores) == 20 and len(set(test.scores)) > 10
