"""What the pictures are drawn of, where they are drawn."""

import pytest

from bakeoff.pictures.subject import open_subject
from tests.pictures.conftest import Evaluated


@pytest.mark.slow(seconds=6)
def test_a_run_that_was_trained_on_a_gpu_is_drawn_where_there_is_none(evaluated: Evaluated) -> None:
    experiment, layout = evaluated("conv")
    run = experiment.run("conv", 0)
    training = run.variant.training.model_copy(update={"device": "cuda"})
    on_a_gpu = run.variant.model_copy(update={"training": training})
    subject = open_subject(experiment, type(run)(on_a_gpu, run.seed), layout, each=1)
    assert subject.images.shape[1:] == (1, 80, 80)
