"""Findings as sequences: exact tokens, a likelihood by hand, scores that see no target."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bakeoff.errors import ConfigError
from bakeoff.models.findings_decoder import PADDING, EmitsFindings, FindingsVocabulary
from bakeoff.models.registry import OwnObjective, Targets, Task
from tests.models.overfit import FINDINGS

TASK = Task(channels=1, size=8, outputs=2, findings=FINDINGS)
ANY = replace(TASK, outputs=4, negatives=0, scored="independent")
ONE = replace(ANY, scored="exclusive")
NO_FINDING, EFFUSION, MASS, NODULE, END = range(5)


class Table(EmitsFindings):
    """Logits of the next token straight from a table by the token before; the image only scales them."""

    def __init__(self, task: Task = TASK) -> None:
        super().__init__(task)
        self.logits = nn.Parameter(torch.randn(5, 5))

    def encode(self, images: Tensor) -> Tensor:
        return images.mean(dim=(2, 3))

    def decode(self, memory: Tensor, tokens: Tensor) -> Tensor:
        return self.logits[tokens] * memory[:, None]


@pytest.fixture
def table() -> Table:
    torch.manual_seed(0)
    return Table()


def test_findings_become_sequences_between_start_and_end() -> None:
    findings = torch.tensor([[0, 1, 0, 1], [1, 0, 0, 0], [0, 0, 1, 0], [0, 1, 1, 1]])
    inputs, targets = FindingsVocabulary(TASK).sequences(findings.float())
    assert targets.tolist() == [
        [EFFUSION, NODULE, END, PADDING],
        [NO_FINDING, END, PADDING, PADDING],
        [MASS, END, PADDING, PADDING],
        [EFFUSION, MASS, NODULE, END],
    ]
    assert inputs[:, 0].tolist() == [END] * 4  # the start token
    assert inputs[0, 1:3].tolist() == [EFFUSION, NODULE]
    assert inputs[3].tolist() == [END, EFFUSION, MASS, NODULE]


def test_images_without_any_finding_end_at_once() -> None:
    inputs, targets = FindingsVocabulary(TASK).sequences(torch.zeros(2, 4))
    assert inputs.tolist() == targets.tolist() == [[END], [END]]


def test_the_loss_is_the_likelihood_of_the_sequence_by_hand(table: Table) -> None:
    images = torch.full((2, 1, 8, 8), 1.0)
    findings = torch.tensor([[0.0, 1, 0, 1], [1, 0, 0, 0]])
    loss, _ = table.objective(images, Targets(torch.tensor([1, 0]), findings))
    log = F.log_softmax(table.logits, dim=1)
    first = log[END, EFFUSION] + log[EFFUSION, NODULE] + log[NODULE, END]
    second = log[END, NO_FINDING] + log[NO_FINDING, END]
    assert torch.allclose(loss, -(first + second) / 2)


@pytest.mark.parametrize("task", [TASK, ONE, ANY])
def test_room_for_more_findings_than_a_batch_has_changes_nothing(
    task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A GPU does not count them: it makes room for as many as there can be."""
    table, images = Table(task), torch.rand(3, 1, 8, 8)
    targets = Targets(torch.tensor([1, 0, 1]), torch.eye(4)[[1, 0, 2]])
    without = table.objective(images, targets)
    monkeypatch.setattr(FindingsVocabulary, "room", lambda self, targets: 4)
    torch.testing.assert_close(table.objective(images, targets), without)


@pytest.mark.parametrize(("task", "most"), [(TASK, 4), (ONE, 1), (ANY, 4)])
def test_only_a_cpu_counts_the_findings_of_a_batch(task: Task, most: int) -> None:
    labels, findings = torch.tensor([1, 0]), torch.eye(4)[:2]
    vocabulary = FindingsVocabulary(task)
    assert vocabulary.room(Targets(labels, findings, most=2)) is None
    elsewhere = findings.to("meta")
    assert vocabulary.room(Targets(labels, elsewhere)) == most
    assert vocabulary.room(Targets(labels, elsewhere, most=2)) == 2


def test_an_image_without_any_finding_is_the_end_at_once(table: Table) -> None:
    images = torch.full((2, 1, 8, 8), 1.0)
    loss, _ = table.objective(images, Targets(torch.zeros(2, 4), torch.zeros(2, 4)))
    assert torch.allclose(loss, -F.log_softmax(table.logits, dim=1)[END, END])


@pytest.mark.parametrize("task", [ONE, ANY])
@pytest.mark.parametrize("training", [True, False])
def test_the_loss_asks_for_the_labels_and_scores_follow_only_what_is_evaluated(
    task: Task, training: bool
) -> None:
    table, images = Table(task).train(training), torch.rand(3, 1, 8, 8, requires_grad=True)
    findings = torch.eye(4)[[1, 2, 2]]
    loss, scores = table.objective(images, Targets(torch.tensor([1, 2, 2]), findings))
    brightness = images.mean(dim=(1, 2, 3))
    log = F.log_softmax(table.logits * brightness[:, None, None], dim=2)
    expected = -sum(log[i, END, k] + log[i, k, END] for i, k in enumerate((1, 2, 2))) / 3
    assert torch.allclose(loss, expected)
    assert scores.requires_grad is not training  # pictures ask what a score depends on


def test_a_class_has_its_share_of_what_the_first_token_says_of_classes() -> None:
    torch.manual_seed(0)
    table, images = Table(ONE).eval(), torch.rand(3, 1, 8, 8)
    _, scores = table.objective(images, Targets(torch.tensor([0, 1, 2]), torch.eye(4)[:3]))
    first = table(images).softmax(dim=1)[:, :END]
    torch.testing.assert_close(scores, first / first.sum(dim=1, keepdim=True))
    blank = Targets(torch.zeros(3, dtype=torch.int64), torch.zeros(3, 4))
    assert torch.equal(table.objective(images, blank)[1], scores)


def test_disease_is_what_is_left_of_no_finding_and_sees_no_target(table: Table) -> None:
    images = torch.rand(3, 1, 8, 8)
    one = Targets(torch.tensor([0, 0, 0]), torch.eye(4)[[0, 0, 0]])
    other = Targets(torch.tensor([1, 1, 1]), torch.tensor([[0.0, 1, 1, 1]] * 3))
    scores = table.objective(images, one)[1]
    assert torch.equal(scores, table.objective(images, other)[1])
    expected = 1 - table(images).softmax(dim=1)[:, NO_FINDING]
    assert torch.allclose(scores, expected)
    assert isinstance(table, OwnObjective)


def test_scores_of_sure_images_still_differ(table: Table) -> None:
    """1 - softmax would be exactly 0 for both."""
    sure = torch.tensor([[40.0, 0, 0, 0, 0], [41.0, 0, 0, 0, 0]])
    assert (1 - sure.softmax(dim=1)[:, 0]).tolist() == [0, 0]
    first, second = table.probability(sure).tolist()
    assert first > second > 0


def test_emission_is_greedy_and_stops_at_the_end(table: Table) -> None:
    with torch.no_grad():
        table.logits.zero_()
        table.logits[END, MASS] = table.logits[MASS, EFFUSION] = table.logits[EFFUSION, END] = 1
    tokens = table.emit(torch.ones(2, 1, 8, 8))
    assert tokens.tolist() == [[MASS, EFFUSION, END]] * 2
    assert table.vocabulary.names(tokens[0]) == ["Mass", "Effusion"]


def test_of_one_class_one_token_is_emitted() -> None:
    table = Table(ONE)
    with torch.no_grad():
        table.logits.zero_()
        table.logits[END, MASS] = table.logits[MASS, EFFUSION] = 1
    tokens = table.emit(torch.ones(2, 1, 8, 8))
    assert tokens.tolist() == [[MASS]] * 2
    assert table.vocabulary.names(tokens[0]) == ["Mass"]


def test_an_image_that_has_ended_says_nothing_more() -> None:
    class Script(EmitsFindings):
        """What is emitted depends on the image and the place alone."""

        def encode(self, images: Tensor) -> Tensor:
            return images.mean(dim=(1, 2, 3))

        def decode(self, memory: Tensor, tokens: Tensor) -> Tensor:
            said = torch.tensor([[END, MASS, NODULE], [MASS, NODULE, END]])[memory.long()]
            return F.one_hot(said[:, : tokens.shape[1]], 5).float()

    images = torch.arange(2.0).view(2, 1, 1, 1).expand(2, 1, 8, 8)
    tokens = Script(TASK).emit(images)
    assert tokens.tolist() == [[END, END, END], [MASS, NODULE, END]]


def test_every_label_of_class_0_counts_against_disease() -> None:
    class Fixed(EmitsFindings):
        def encode(self, images: Tensor) -> Tensor:
            return images

        def decode(self, memory: Tensor, tokens: Tensor) -> Tensor:
            return torch.tensor([0.1, 0.3, 0.4, 0.2, 1e-9]).log().expand(len(memory), 1, 5)

    findings = ("Normal", "Healthy", "Mass", "Nodule")
    first = Fixed(Task(findings=findings, negatives=2)).forward(torch.zeros(1, 1, 8, 8))
    two = Fixed(Task(findings=findings, negatives=2)).probability(first)
    one = Fixed(Task(findings=findings)).probability(first)
    assert two.item() == pytest.approx(0.6) and one.item() == pytest.approx(0.9)


def test_a_task_that_names_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match="named findings or classes, and this one names none"):
        FindingsVocabulary(Task())
