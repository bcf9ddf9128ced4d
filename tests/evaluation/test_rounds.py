import json

import numpy as np
import pytest

from bakeoff.config.experiment import Experiment
from bakeoff.config.rounds import next_seeds, read_rounds
from bakeoff.errors import ConfigError
from bakeoff.evaluation.rounds import decide
from bakeoff.layout import Layout
from bakeoff.planning.summary import summarise
from tests.evaluation.conclusion.drawn import errors

VALUES = {
    "experiment": "rounds",
    "data": {"labels": "labels.csv", "images": "images"},
    "training": {"seeds": [0, 1]},
    "compare": {"until": "separated", "max_seeds": 3},
    "variants": {"a": {"model": "conv"}, "b": {"model": "conv", "norm": "batch"}},
}


def decided(truths, seeds=2, max_seeds=5, seed=0):
    found = errors(np.random.default_rng(seed), truths, seeds=seeds)
    given = {name: tuple(range(seeds)) for name in found.names}
    return decide(1, found, given, "auroc", max_seeds)


def test_who_may_be_the_best_gets_the_next_seed():
    one = decided((0.80, 0.801, 0.5))
    assert one.in_the_set == ("v0", "v1") and one.ended == ""
    assert one.added == {"v0": (2,), "v1": (2,)}
    assert one.in_words == "v0, v1 may be the best on validation; next seeds: v0 2; v1 2"


def test_it_ends_when_one_is_left_or_nobody_may_have_more():
    assert decided((0.9, 0.6, 0.5)).ended == "separated"
    enough = decided((0.80, 0.801, 0.5), max_seeds=2)
    assert enough.ended == "max_seeds" and enough.added == {}


def test_with_one_seed_everywhere_every_variant_gets_a_second():
    one = decided((0.9, 0.6, 0.5), seeds=1)
    assert set(one.added) == {"v0", "v1", "v2"} and one.ended == ""


def test_next_seeds_are_the_smallest_that_are_not_there():
    assert next_seeds((0, 2, 5), 3) == (1, 3, 4)


def test_the_configuration_knows_the_seeds_that_rounds_added(tmp_path):
    experiment = Experiment.parse({**VALUES, "results": str(tmp_path)}, "test")
    layout = Layout(tmp_path / "rounds")
    assert [run.seed for run in experiment.with_rounds().runs()] == [0, 1, 0, 1]
    layout.round(1).parent.mkdir(parents=True)
    written = {
        "number": 1, "metric": "auroc", "seeds": {"a": [0, 1], "b": [0, 1]}, "p": {"a": 1, "b": 0.3},
        "validation": {"a": 0.7, "b": None}, "in_the_set": ["a", "b"], "added": {"b": [2]}, "ended": "",
    }  # fmt: skip
    layout.round(1).write_text(json.dumps(written))
    assert dict(experiment.with_rounds().expected_seeds()) == {"a": (0, 1), "b": (0, 1, 2)}
    assert dict(experiment.with_rounds(0).expected_seeds()) == {"a": (0, 1), "b": (0, 1)}
    # What was decided after the end is of an earlier decision.
    layout.round(1).write_text(json.dumps(written | {"added": {}, "ended": "separated"}))
    layout.round(2).write_text(json.dumps(written | {"number": 2}))
    assert [one.number for one in read_rounds(layout)] == [1]
    layout.round(1).write_text("{}")
    with pytest.raises(ConfigError, match=r"rounds/1\.json: not a round"):
        read_rounds(layout)


def test_a_configuration_that_contradicts_itself_is_refused():
    with pytest.raises(ConfigError, match="'max_seeds' is of 'until: separated'"):
        Experiment.parse({**VALUES, "compare": {"max_seeds": 3}}, "test")
    with pytest.raises(ConfigError, match=r"max_seeds: 3 is less than the 4 seeds of a"):
        Experiment.parse({**VALUES, "training": {"seeds": [0, 1, 2, 3]}}, "test")


def test_the_plan_says_how_many_runs_rounds_may_add():
    said = summarise(Experiment.parse(VALUES, "test"))
    assert said.startswith(
        "rounds: 4 training runs (2 variants), with the seeds that rounds add at most 6, at most"
    )
