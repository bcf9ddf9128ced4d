import numpy as np
import pytest

from bakeoff.config.schema import NIH_FINDINGS
from bakeoff.task.binary import BinaryTask
from bakeoff.task.measures import measures_of
from bakeoff.task.multiclass import MulticlassTask
from bakeoff.task.multilabel import MultilabelTask
from bakeoff.task.outcomes import outcomes_of

TASKS = [
    BinaryTask(("sound",), ("crack",)),
    MulticlassTask(tuple("abcdefghijkl")),
    MultilabelTask(("Mass", "Nodule", "Hernia")),
]


def drawn(task):
    """Labels and scores of 200 images."""
    generator = np.random.default_rng(0)
    match task.scored_as:
        case "positive":
            return generator.integers(0, 2, 200), generator.random(200)
        case "exclusive":
            count = len(task.scored)
            return generator.integers(0, count, 200), generator.dirichlet(np.ones(count), 200)
    shape = (200, len(task.scored))
    return generator.integers(0, 2, shape), generator.random(shape)


@pytest.mark.parametrize(
    ("negative", "positive", "names"),
    [
        (["sound"], ["crack"], ("sound", "crack")),
        (["0"], ["1"], ("class 0", "class 1")),
        (["No Finding"], NIH_FINDINGS, ("No Finding", "positive")),
        (["cat", "dog"], ["fox"], ("negative", "fox")),
        ([], [], ("negative", "positive")),
    ],
)
def test_a_class_is_called_by_its_label_and_one_of_several_labels_by_its_side(
    negative, positive, names
):
    assert BinaryTask(tuple(negative), tuple(positive)).classes == names


def test_the_labels_of_a_class_that_has_several_are_listed():
    found = BinaryTask(("No Finding",), tuple(NIH_FINDINGS))
    assert found.meaning.startswith("positive is any of Atelectasis, Cardiomegaly,")
    assert BinaryTask(("sound",), ("crack",)).meaning == ""
    many = BinaryTask(("0",), tuple(f"p{i}" for i in range(30)))
    assert many.meaning.endswith("p15 and 14 more")


def test_a_metric_is_named_in_sentences_and_over_columns():
    task = BinaryTask()
    assert task.metric().with_article == "an AUROC"
    assert task.metric("log_loss").with_article == "a log loss"
    assert task.metric("balanced_accuracy").head == "Balanced accuracy"
    assert task.metric("brier").head == "Brier" and str(task.metric("brier")) == "Brier score"
    assert [metric.name for metric in task.metrics if metric.direction] == ["brier", "log_loss"]
    assert (task.metric("log_loss").ideal, task.metric().ideal) == (0.0, 1.0)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.kind)
def test_every_outcome_has_the_images_of_which_it_says_so(task):
    labels, scores = drawn(task)
    cut = dict.fromkeys(task.scored, 0.5)
    called = task.called(scores, cut)
    outcomes = list(outcomes_of(task).alike(labels, scores, cut))
    right = sum(int(one.members.sum()) for one in outcomes if not one.wrong and one.of)
    wrong = sum(int(one.members.sum()) for one in outcomes if one.wrong)
    if task.kind == "binary":
        assert sum(one.members for one in outcomes).tolist() == [1] * len(labels)
    else:
        assert right == int(((called == labels) * (labels if labels.ndim > 1 else 1)).sum())
        assert wrong == int((called != labels).sum())
    for one in outcomes:
        for i in np.flatnonzero(one.members)[:3]:
            if one.said(int(i)):
                (name,) = task.in_words(labels[i : i + 1])
                assert one.said(int(i)).endswith(name.replace("|", ", "))


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.kind)
def test_what_is_a_mean_over_images_is_that_of_each_of_them(task):
    labels, scores = drawn(task)
    measures = measures_of(task)
    cut = dict.fromkeys(task.scored, 0.4)
    values = measures.values(labels, scores, cut)
    over = measures.over_classes(labels, scores, cut, np.ones((1, len(labels))))
    for name in task.metric_names:
        each = measures.of_each(name, labels, scores, cut)
        assert (each is None) == (name in over)
        if each is not None:
            assert each.shape == (len(labels),)
            assert each.mean() == pytest.approx(values[name])
    assert measures.of_each(task.calibration.name, labels, scores, cut) is not None
    assert task.ranking.name in over
