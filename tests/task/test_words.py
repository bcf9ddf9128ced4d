import pytest

from bakeoff.config.schema import NIH_FINDINGS
from bakeoff.task.binary import BinaryTask


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
