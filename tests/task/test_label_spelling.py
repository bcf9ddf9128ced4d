"""Tables spell numbers and truth values in their own ways; all else is spelled as it is configured."""

import pytest

from bakeoff.task.label_spelling import Spellings, truth


@pytest.mark.parametrize(
    ("label", "texts"),
    [
        ("1", ["1", "1.0", "1.", "1.000"]),
        ("0", ["0", "0.0"]),
        ("1.0", ["1", "1.00"]),
        ("2.5", ["2.50"]),
        ("-1", ["-1.0"]),
        ("true", ["True", "TRUE", "true"]),
        ("no", ["No", "NO"]),
        ("Mass", ["Mass"]),
    ],
)
def test_one_value_is_one_label(label: str, texts: list[str]) -> None:
    spellings = Spellings([label, "another"])
    assert [spellings.label(text) for text in texts] == [label] * len(texts)


@pytest.mark.parametrize(
    ("label", "text"),
    [
        ("1", "01"),
        ("1", "11"),
        ("1", "1.5"),
        ("1", "true"),
        ("yes", "true"),
        ("Mass", "mass"),
        ("1", "1,0"),
        ("1e3", "1000"),
    ],
)
def test_other_values_and_words_stay_unknown(label: str, text: str) -> None:
    assert Spellings([label]).label(text) == text


def test_labels_that_differ_by_spelling_alone_are_told_apart() -> None:
    spellings = Spellings(["1", "1.0", "Yes", "yes"])
    assert [spellings.label(text) for text in ("1", "1.0", "Yes", "yes")] == [
        "1",
        "1.0",
        "Yes",
        "yes",
    ]
    assert spellings.label("1.00") == "1.00" and spellings.label("YES") == "YES"


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["1", "1.0", " true ", "TRUE", "yes", "Y", "t"], True),
        (["0", "0.0", "False", "no", "N", "f"], False),
        (["", "2", "-1.0", "unknown", "01"], None),
    ],
)
def test_cells_of_yes_and_no_are_read_in_their_usual_spellings(
    texts: list[str], said: bool | None
) -> None:
    assert {truth(text) for text in texts} == {said}
