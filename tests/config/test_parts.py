"""Data that is split several ways: which experiments a configuration is, and what it does not mean."""

from typing import Any

import pytest

from bakeoff.config import digest
from bakeoff.config.experiment import Experiment
from bakeoff.config.resolved import resolved_run
from bakeoff.errors import ConfigError
from bakeoff.yaml_text import load_yaml

DATA = {"labels": "labels.csv", "images": "images", "patient_column": "who"}


def experiment(split: dict[str, Any], **more: Any) -> Experiment:
    values = {
        "experiment": "lab",
        "data": DATA,
        "split": split,
        "variants": {"conv": {"model": "conv"}, "vit": {"model": "vit_b16"}},
    }
    return Experiment.parse(values | more, "lab.yaml")


def test_a_repeat_is_the_split_with_the_next_seed_in_every_digest() -> None:
    repeats = experiment({"train": 60, "seed": 7, "repeats": 3})
    assert [one.name for one in repeats.parts] == ["lab/repeat-1", "lab/repeat-2", "lab/repeat-3"]
    for number, part in enumerate(repeats.parts):
        alone = experiment({"train": 60, "seed": 7 + number})
        assert part.split.settings() == alone.split.settings()
        for one in (part, alone):
            assert one.split.group_by == "who"
        assert digest.data_digest(part.data, part.split) == digest.data_digest(
            alone.data, alone.split
        )
        runs = [digest.run_digest(run, part.data) for run in part.runs()]
        assert runs == [digest.run_digest(run, alone.data) for run in alone.runs()]


def test_a_design_changes_the_keys_that_it_has_and_no_other() -> None:
    written = {"train": 60, "val": 20, "designs": {"whole": {}, "rows": {"group_by": None}}}
    whole, rows = experiment(written).parts
    assert whole.split.settings() == experiment({"train": 60, "val": 20}).split.settings()
    assert rows.split.settings() == whole.split.settings() | {"group_by": None}
    given = experiment({"train": 60, "designs": {"drawn": {}, "theirs": {"given": "fold"}}})
    assert given.parts[1].split.given is not None


def test_one_part_is_an_experiment_by_itself() -> None:
    split = {"train": 60, "folds": 5}
    (second,) = [one for one in experiment(split).parts if one.split_as == "fold-2"]
    alone = experiment({**split, "part": "fold-2"})
    assert alone == second and not alone.parts
    assert alone.split.fold == 2
    assert str(alone.root) == "results/lab/fold-2" and alone.tracked_as == "lab/fold-2"
    named = experiment({**split, "part": "fold-2"}, tracking={"experiment": "ours"})
    assert named.tracked_as == "ours/fold-2"


def test_folds_differ_in_what_they_split_and_not_in_what_they_train() -> None:
    parts = experiment({"folds": 3}).parts
    assert len({digest.data_digest(one.data, one.split) for one in parts}) == 3
    assert len({digest.run_digest(next(one.runs()), one.data) for one in parts}) == 1


@pytest.mark.parametrize("several", [{"repeats": 2}, {"folds": 3}, {"designs": {"a": {}, "b": {}}}])
def test_the_configuration_of_one_of_its_runs_can_be_read_again(several: dict[str, Any]) -> None:
    part = experiment(several).parts[1]
    text = resolved_run(part, part.variants[0], 0)
    again = Experiment.parse(load_yaml(text))
    assert not again.parts and again.split.settings() == part.split.settings()
    assert again.name.split("/")[0] == part.alone


@pytest.mark.parametrize(
    ("split", "said"),
    [
        ({"repeats": 2, "folds": 3}, "'repeats' and 'folds' exclude each other"),
        ({"folds": 2}, "split.folds: input should be greater than or equal to 3"),
        ({"folds": 3, "given": "fold"}, "'folds' draws splits, and 'given' has one"),
        ({"part": "fold-1"}, "there is none"),
        ({"folds": 3, "part": "fold-4"}, "part: expected one of fold-1, fold-2, fold-3, found"),
        ({"designs": {"a": {}}}, "designs: expected at least two"),
        ({"designs": {"a": {}, "logs": {}}}, "designs.logs: the results have a file or folder"),
        ({"designs": {"a": {}, "report.html": {}}}, "designs.report.html: the results have a file"),
        (
            {"designs": {"a": {}, "2019": {}}},
            "designs.2019: expected a name that begins with a letter",
        ),
        ({"designs": {"a": {}, "null": {}}}, "designs.null: expected a name"),
        ({"repeats": 3, "seed": 4294967294}, "seed: 4294967294 leaves no room for 3 seeds"),
        ({"designs": {"a": {}, "b": {"sed": 1}}}, "split.designs.b.sed: unknown key"),
        ({"designs": {"a": {}, "b": {"folds": 3}}}, "split.designs.b.folds: unknown key"),
        ({"designs": {"a": {}, "b/c": {}}}, "split.designs.b/c: expected a name"),
        ({"designs": {"a": {}, "b": {"val": 0.1}}}, "split.designs.b: 'val: 0.1' is a share"),
    ],
)
def test_what_splits_no_way_is_refused(split: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        experiment(split)
    assert "lab.yaml: split" in str(refused.value) and said in str(refused.value)
