import numpy as np

from bakeoff.task.thresholds import choose_threshold


def chosen(labels, scores):
    return choose_threshold(np.array(labels), np.array(scores, dtype=float))


def test_the_threshold_maximises_sensitivity_plus_specificity():
    # At 0.4: 3 of 3 ill found, 3 of 4 well spared, J = 3/4; the next best is 0.6 with 2/3.
    assert chosen([1, 1, 1, 0, 0, 0, 0], [0.9, 0.6, 0.4, 0.5, 0.3, 0.2, 0.1]) == 0.4


def test_equal_youden_goes_to_the_higher_accuracy():
    # J is 1/2 at 0.8 (1 of 2 ill found, 4 of 4 spared: accuracy 5/6) and at 0.3 (2 of 2, 2 of 4: 4/6).
    assert chosen([1, 0, 0, 1, 0, 0], [0.8, 0.7, 0.6, 0.3, 0.2, 0.1]) == 0.8


def test_equal_youden_and_accuracy_goes_to_the_nearest_to_one_half():
    # J is 1/2 and the accuracy 3/4 at 0.8 and at 0.4.
    assert chosen([1, 0, 1, 0], [0.8, 0.6, 0.4, 0.2]) == 0.4
    assert chosen([1, 0, 1, 0], [0.75, 0.5, 0.25, 0.1]) == 0.75  # equally near: the higher


def test_a_constant_score_calls_the_majority_of_validation():
    assert chosen([0, 0, 0, 1], [0.4] * 4) > 0.4
    assert chosen([0, 1, 1, 1], [0.4] * 4) == 0.4


def test_a_constant_score_on_a_balanced_validation_calls_what_the_score_says():
    assert chosen([0, 1], [0.4, 0.4]) > 0.4  # below one half: nobody is ill
    assert chosen([0, 1], [0.6, 0.6]) == 0.6


def test_the_threshold_is_finite_even_where_nobody_is_called_ill():
    threshold = chosen([0, 0, 1], [1.0, 1.0, 1.0])
    assert np.isfinite(threshold)
    assert threshold > 1
