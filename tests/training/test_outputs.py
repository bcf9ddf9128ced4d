"""What an epoch's scores come to."""

import pytest
import torch
from sklearn.metrics import accuracy_score, roc_auc_score

from bakeoff.errors import TrainingError
from bakeoff.task.binary import BinaryTask
from bakeoff.task.measures import measures_of
from bakeoff.training.gathered import Gathered
from bakeoff.training.outputs import BatchOutputs, EpochOutputs, Launched

MEASURES = measures_of(BinaryTask())
LABELS = torch.tensor([0, 1, 1, 0, 1, 0, 0, 1])
SCORES = torch.tensor([0.1, 0.9, 0.4, 0.4, 0.5, 0.6, 0.4, 0.4])  # some are equal


def outputs(scores: torch.Tensor) -> EpochOutputs:
    seen = EpochOutputs()
    for begin in (0, 5):
        part = slice(begin, begin + 5)
        seen.add(BatchOutputs(0.5, scores[part], LABELS[part]))
    return seen


def test_accuracy_and_auroc_are_scikit_learns() -> None:
    found = outputs(SCORES).metrics("val", MEASURES)
    assert found["val_loss"] == 0.5
    assert found["val_acc"] == accuracy_score(LABELS, SCORES > 0.5)
    assert found["val_auc"] == pytest.approx(roc_auc_score(LABELS, SCORES), abs=1e-15)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_score_that_is_not_finite_is_an_error_with_advice(value: float) -> None:
    scores = SCORES.clone()
    scores[3] = value
    with pytest.raises(TrainingError, match=r"1 of 8 scores are not finite \(val\)\. Lower"):
        outputs(scores).metrics("val", MEASURES)


class Given(Gathered):
    """What the processes said of a batch."""

    def __init__(self, stop: bool) -> None:
        self.stop = stop

    def fetch(self) -> tuple[float, torch.Tensor, bool]:
        return 0.5, torch.tensor([0.5]), self.stop


def test_a_process_that_fetches_more_in_order_to_save_hears_no_earlier_that_one_has_to_stop() -> (
    None
):
    """Else the others would wait for it in a batch that it never begins."""
    heard = []
    for saves in (False, True):
        seen = EpochOutputs()
        for step in range(8):
            seen.expect(Launched(Given(step == 2), torch.tensor([1])), ahead=3)
            if saves:
                assert len(seen.tensors()["scores"]) == step + 1
            if seen.stop:
                heard.append(step)
                break
    assert heard == [5, 5]


def test_at_the_end_of_an_epoch_every_process_knows_whether_one_has_to_stop() -> None:
    for stop in (False, True):
        seen = EpochOutputs()
        for step in range(8):
            seen.expect(Launched(Given(stop and step == 2), torch.tensor([1])), ahead=32)
        assert not seen.stop
        assert seen.end() == stop
