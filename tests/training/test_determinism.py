"""Where torch refuses an operator because it is not deterministic, the error says which key to change."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from bakeoff.errors import TrainingError
from bakeoff.layout import RunFolder
from bakeoff.training.job import training_job
from bakeoff.training.randomness import make_deterministic


@pytest.fixture
def deterministic() -> Iterator[None]:
    mode = torch.get_deterministic_debug_mode()
    make_deterministic(1, deterministic=True)
    yield
    torch.set_deterministic_debug_mode(mode)


@pytest.mark.usefixtures("deterministic")
def test_an_operator_without_a_deterministic_form_ends_a_job_with_the_key_to_change(
    tmp_path: Path,
) -> None:
    job = training_job(RunFolder(tmp_path), torch.device("cpu"), fresh=False)
    with (
        pytest.raises(TrainingError, match=r"form of put_ .* set training\.deterministic: false"),
        job,
    ):
        torch.zeros(3).put_(torch.tensor([0]), torch.ones(1))  # refused on every device


def test_another_error_stays_what_it_is(tmp_path: Path) -> None:
    job = training_job(RunFolder(tmp_path), torch.device("cpu"), fresh=False)
    with pytest.raises(RuntimeError, match="size of tensor"), job:
        torch.zeros(3) + torch.zeros(2)
