import itertools

import numpy as np
import pytest

from bakeoff.evaluation.conclusion.letters import compact_letters


@pytest.mark.parametrize(
    ("apart", "letters"),
    [
        ([], {"p": "a", "q": "a", "r": "a", "s": "a"}),
        ([("p", "s")], {"p": "a", "q": "ab", "r": "ab", "s": "b"}),
        ([("p", "r"), ("p", "s"), ("q", "s")], {"p": "a", "q": "ab", "r": "bc", "s": "c"}),
        ([("s", "p"), ("s", "q"), ("s", "r")], {"p": "a", "q": "a", "r": "a", "s": "b"}),
    ],
)
def test_letters_of_examples_by_hand(apart, letters):
    assert compact_letters("pqrs", apart) == letters


def test_two_share_a_letter_just_if_they_are_not_told_apart():
    random = np.random.default_rng(0)
    for count in (2, 5, 9):
        names = [f"v{at}" for at in range(count)]
        pairs = list(itertools.combinations(names, 2))
        for share in (0.1, 0.5, 0.9):
            apart = [pair for pair in pairs if random.random() < share]
            letters = compact_letters(names, apart)
            for pair in pairs:
                assert bool(set(letters[pair[0]]) & set(letters[pair[1]])) == (pair not in apart)


def test_there_are_letters_for_a_hundred_groups():
    names = [f"v{at}" for at in range(100)]
    letters = compact_letters(names, list(itertools.combinations(names, 2)))
    assert len(set(letters.values())) == 100
    assert letters["v0"] == "a" and letters["v26"] == "A" and letters["v99"] == "(100)"
