import pytest

from bakeoff.config.schema import NIH_FINDINGS
from bakeoff.data.classes import ClassNames


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
    found = ClassNames.of(negative, positive)
    assert (found.negative, found.positive) == names


def test_the_labels_of_a_class_that_has_several_are_listed():
    found = ClassNames.of(["No Finding"], NIH_FINDINGS)
    assert found.meaning.startswith("positive is any of Atelectasis, Cardiomegaly,")
    assert ClassNames.of(["sound"], ["crack"]).meaning == ""
    many = ClassNames.of(["0"], [f"p{i}" for i in range(30)])
    assert many.meaning.endswith("p15 and 14 more")


def test_an_outcome_says_what_it_is_and_what_it_was_called():
    names = ClassNames.of(["sound"], ["crack"])
    assert names.outcome(1, 0) == "crack, called sound"
    assert names.outcome(0, 0) == "sound, called sound"
