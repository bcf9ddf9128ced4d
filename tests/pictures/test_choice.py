"""Which test images are shown: fixed, of every outcome, not picked."""

from pathlib import Path

import numpy as np

from bakeoff.evaluation.predictions import Predictions
from bakeoff.pictures.choice import MOST, choose, rule
from bakeoff.task.binary import BinaryTask
from bakeoff.task.classification import ClassificationTask
from bakeoff.task.multiclass import MulticlassTask
from bakeoff.task.multilabel import MultilabelTask
from bakeoff.task.outcomes.binary import OUTCOMES

HALF = {"positive": 0.5}
DISHES = MulticlassTask(("pizza", "steak", "sushi"))
FINDINGS = MultilabelTask(("Mass", "Hernia", "Edema", "Effusion", "Nodule"))


def predictions(
    scores: np.ndarray, labels: np.ndarray | None = None, task: ClassificationTask | None = None
) -> Predictions:
    count = len(scores)
    return Predictions(
        path=Path("test.csv"),
        task=task or BinaryTask(),
        images=np.array([f"{i:04}.png" for i in range(count)]),
        units=np.arange(count),
        labels=np.arange(count) % 2 if labels is None else labels,
        scores=scores,
        by_patient=False,
    )


def classes(count: int, names: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Scores (n, K) that sum to 1, and labels (n,), by chance."""
    random = np.random.default_rng(seed)
    return random.dirichlet(np.ones(names), count), random.integers(0, names, count)


def test_the_four_outcomes_follow_from_label_and_threshold() -> None:
    chosen = choose(predictions(np.array([0.5, 0.5, 0.49, 0.49])), HALF, 9)
    assert {image.name: image.outcome for image in chosen} == {
        "0000.png": "false positive",  # a score at the threshold is called
        "0001.png": "true positive",
        "0002.png": "true negative",
        "0003.png": "false negative",
    }


def test_the_images_of_two_classes_are_those_that_every_version_chose() -> None:
    chosen = choose(predictions(np.random.default_rng(0).random(200)), HALF, 2)
    assert [(image.name, image.outcome) for image in chosen] == [
        *(("0115.png", "true positive"), ("0027.png", "true positive")),
        *(("0051.png", "false negative"), ("0019.png", "false negative")),
        *(("0132.png", "false positive"), ("0078.png", "false positive")),
        *(("0074.png", "true negative"), ("0048.png", "true negative")),
    ]
    assert rule(BinaryTask()) == (
        "of each outcome those whose names' SHA-256 is smallest, whatever their score"
    )


def test_so_many_of_each_outcome_in_a_fixed_order() -> None:
    scores = np.random.default_rng(0).random(200)
    chosen = choose(predictions(scores), HALF, 3)
    assert [image.outcome for image in chosen] == [o for o, *_ in OUTCOMES for _ in range(3)]
    assert chosen == choose(predictions(scores), HALF, 3)
    assert choose(predictions(scores), HALF, 2)[:2] == chosen[:2]


def test_other_scores_of_the_same_outcomes_choose_the_same_images() -> None:
    scores = np.random.default_rng(0).random(200)
    bolder = np.where(scores >= 0.5, 0.99, 0.01)
    one, other = (choose(predictions(values), HALF, 3) for values in (scores, bolder))
    assert [image.name for image in one] == [image.name for image in other]


def test_an_outcome_that_does_not_occur_is_not_shown() -> None:
    chosen = choose(predictions(np.ones(10)), HALF, 2)
    assert {image.outcome for image in chosen} == {"true positive", "false positive"}


def test_of_every_class_some_are_right_and_some_are_wrong() -> None:
    scores, labels = classes(60, 3)
    test = predictions(scores, labels, DISHES)
    chosen = choose(test, {}, 2)
    assert [image.outcome for image in chosen] == [
        f"{name}, called {how}"
        for name in DISHES.names
        for how in ("right", "right", "wrong", "wrong")
    ]
    for image in chosen:
        row = int(image.name[:4])
        called, truth = int(scores[row].argmax()), int(labels[row])
        assert image.of == DISHES.names[called] and image.score == scores[row, called]
        assert image.case.label == (called == truth)
        assert image.case.truth == (None if called == truth else truth)
        words = "right" if called == truth else DISHES.names[called]
        assert image.title == f"{DISHES.names[truth]}, called {words}, {image.score:.2f}"


def test_of_many_classes_those_are_shown_that_are_most_often_called_wrong() -> None:
    task = MulticlassTask(tuple(f"c{i}" for i in range(9)))
    labels = np.repeat(np.arange(9), 10)
    called = labels.copy()
    for at, wrong in enumerate((0, 5, 1, 7, 2, 6, 3, 2, 4)):  # of c4 and c7 as many
        called[at * 10 : at * 10 + wrong] = (at + 1) % 9
    scores = 0.9 * np.eye(9)[called] + 0.1 / 9
    chosen = choose(predictions(scores, labels, task), {}, 2)
    shown = dict.fromkeys(image.outcome.split(",")[0] for image in chosen)
    assert list(shown) == ["c1", "c3", "c4", "c5", "c6", "c8"]
    assert len(chosen) == MOST, "one of each where there are many outcomes"
    assert "each of the 6 classes that are most often called wrong" in rule(task)
    assert rule(DISHES).startswith("of each class, called right and called wrong, those whose")


def test_of_the_most_frequent_findings_some_are_found_some_missed_and_some_made_up() -> None:
    random = np.random.default_rng(0)
    labels = (random.random((300, 5)) < (0.3, 0.02, 0.4, 0.3, 0.2)).astype(int)
    scores = random.random((300, 5))
    thresholds = dict(zip(FINDINGS.findings, (0.5, 0.5, 0.9, 0.1, 0.5), strict=True))
    chosen = choose(predictions(scores, labels, FINDINGS), thresholds, 1)
    assert [image.outcome for image in chosen] == [
        f"{name} {how}"
        for name in ("Mass", "Edema", "Effusion", "Nodule")
        for how in ("found", "missed", "called, not there")
    ]
    for image in chosen:
        row, at = int(image.name[:4]), FINDINGS.findings.index(image.of)
        there, found = labels[row, at] == 1, scores[row, at] >= thresholds[image.of]
        words = {(True, True): "found", (True, False): "missed"}
        assert image.outcome == f"{image.of} {words.get((there, found), 'called, not there')}"
        assert image.score == scores[row, at] and image.case.label == there
        assert image.case.truth is None
    assert "each of the 4 findings that most test images have" in rule(FINDINGS)


def test_one_image_stands_for_two_findings_only_where_no_other_does() -> None:
    task = MultilabelTask(("Mass", "Edema"))
    both, mass, edema = [1, 1], [1, 0], [0, 1]
    scores = np.full((8, 2), 0.9)
    enough = choose(
        predictions(scores, np.array([both] * 4 + [mass] * 2 + [edema] * 2), task), {}, 2
    )
    found = [image.name for image in enough if image.outcome.endswith("found")]
    assert len(set(found)) == len(found) == 4
    few = choose(predictions(scores, np.array([both] + [[0, 0]] * 7), task), {}, 2)
    assert [image.name for image in few if image.outcome.endswith("found")] == ["0000.png"] * 2


def test_the_index_says_whose_score_it_is() -> None:
    scores, labels = classes(60, 3)
    for image in choose(predictions(scores, labels, DISHES), {}, 1):
        entry = image.as_json()
        assert entry.keys() == {"name", "label", "score", "outcome", "of"}
        assert scores[int(entry["name"][:4]), DISHES.names.index(entry["of"])] == entry["score"]
