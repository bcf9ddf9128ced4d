"""Where a decoder looks, for what it really emits."""

import pytest
import torch

from bakeoff.models.findings_decoder import EmitsFindings
from bakeoff.models.registry import Task, build
from bakeoff.pictures.alignment import alignments, draw_alignment, first_alignment
from bakeoff.task.classification import Scored
from tests.pictures.conftest import TRANSFORMER, built, subject_of

IMAGES = torch.rand(3, 1, 32, 32, generator=torch.Generator().manual_seed(1))
MODELS = [("rnn_attention", {"patch": 8, "hidden": 8}), ("transformer", TRANSFORMER)]


def talkative(name: str, options: dict[str, int]) -> EmitsFindings:
    """A model whose tokens depend on the ones before, and that does not end at once."""
    model = built(name, **options)
    assert isinstance(model, EmitsFindings)
    with torch.no_grad():
        model.token.weight.mul_(10)
        model.head.bias.zero_()
        model.head.bias[-1] = -1
    return model


@pytest.mark.parametrize(("name", "options"), MODELS)
def test_every_emitted_finding_comes_with_its_weights(name: str, options: dict[str, int]) -> None:
    model = talkative(name, options)
    found = alignments(model, IMAGES)
    assert found is not None and any(len(set(one.tokens)) > 1 for one in found)
    emitted = model.emit(IMAGES)
    memory = model.encode(IMAGES)
    for index, one in enumerate(found):
        names = model.vocabulary.names(emitted[index])
        assert one.tokens == (names or ["<end>"])
        assert one.weights.shape == (len(one.tokens), 4, 4)
        assert torch.allclose(one.weights.sum(dim=(1, 2)), torch.ones(len(one.tokens)))
        start = [model.vocabulary.start, *emitted[index].tolist()]
        for place in range(len(one.tokens)):
            given = torch.tensor([start[: place + 1]])
            _, weights = model.decode_aligned(memory[index : index + 1], given)
            assert torch.allclose(weights[0, -1], one.weights[place].flatten(), atol=1e-6)


@pytest.mark.parametrize(("name", "options"), MODELS)
@pytest.mark.parametrize("scored", ["exclusive", "independent"])
def test_classes_and_any_findings_come_with_their_weights_too(
    scored: Scored, name: str, options: dict[str, int]
) -> None:
    torch.manual_seed(0)
    task = Task(1, 32, 3, ("pizza", "steak", "sushi"), negatives=0, scored=scored)
    found = alignments(build(name, task, options).eval(), IMAGES)
    assert found is not None
    for one in found:
        assert set(one.tokens) <= {*task.findings, "<end>"}
        assert len(one.tokens) == 1 or scored == "independent"
        assert one.weights.shape == (len(one.tokens), 4, 4)


@pytest.mark.parametrize(("name", "options"), MODELS)
def test_one_class_of_several_is_the_one_with_the_highest_score(
    name: str, options: dict[str, int]
) -> None:
    names = ("pizza", "steak", "sushi")
    torch.manual_seed(0)
    model = build(name, Task(1, 32, 3, names, negatives=0, scored="exclusive"), options).eval()
    assert isinstance(model, EmitsFindings)
    with torch.no_grad():
        model.head.bias[-1] = 9  # the end is likelier than any class
        called = model.scores(model.encode(IMAGES)).argmax(dim=1)
    found = alignments(model, IMAGES)
    assert found is not None
    assert [one.tokens for one in found] == [[names[at]] for at in called]


@pytest.mark.parametrize(("name", "options"), MODELS)
def test_the_first_alignment_is_that_of_the_first_token(name: str, options: dict[str, int]) -> None:
    model = built(name, **options)
    found, first = alignments(model, IMAGES), first_alignment(model, IMAGES)
    assert found is not None and first is not None
    for one, weights in zip(found, first, strict=True):
        assert torch.allclose(one.weights[0], weights, atol=1e-6)


def test_self_attention_shows_what_its_last_state_looked_back_at() -> None:
    model = built("rnn_self_attention", patch=8, hidden=8)
    found = alignments(model, IMAGES)
    assert found is not None and found[0].tokens == ["last state"]
    first = first_alignment(model, IMAGES)
    assert first is not None and first.shape == (3, 4, 4)
    assert torch.allclose(first.sum(dim=(1, 2)), torch.ones(3))


def test_other_models_have_none() -> None:
    model = built("rnn", patch=8)
    assert alignments(model, IMAGES) is None and first_alignment(model, IMAGES) is None
    assert draw_alignment(subject_of(model)) is None


def test_a_column_per_image_and_a_row_per_finding() -> None:
    model = built("rnn_attention", patch=8, hidden=8)
    subject = subject_of(model)
    found = alignments(model, subject.images)
    picture = draw_alignment(subject)
    assert found is not None and picture is not None
    titles = [axes.get_title(loc="left") for axes in picture.figure.axes]
    assert titles[:4] == [image.title for image in subject.chosen]
    shown = [title for title in titles[4:] if title]
    assert sorted(shown) == sorted(token for one in found for token in one.tokens[:5])
