"""Which runs share a job: as many as are asked for, of those that want the same of it."""

from collections.abc import Mapping
from typing import Any

import pytest

from bakeoff.config.digest import run_digest
from bakeoff.config.experiment import Experiment
from bakeoff.config.run_packs import run_packs
from bakeoff.errors import ConfigError
from bakeoff.planning.summary import summarise


def experiment(variants: Mapping[str, Any], **training: Any) -> Experiment:
    values = {
        "experiment": "small",
        "data": {"labels": "labels.csv", "images": "images"},
        "training": {"seeds": [0, 1], **training},
        "variants": {name: {"model": "conv", **keys} for name, keys in variants.items()},
    }
    return Experiment.parse(values, "small.yaml")


def names(found: Experiment) -> dict[int, list[str]]:
    return {number: [run.name for run in pack] for number, pack in run_packs(found.runs()).items()}


def test_without_the_key_every_run_has_a_job_of_its_own() -> None:
    assert names(experiment({"a": {}, "b": {}})) == {}


def test_packs_are_filled_in_the_order_of_the_configuration_and_one_left_over_is_by_itself() -> (
    None
):
    assert names(experiment({"a": {}, "b": {}, "c": {"training": {"seeds": [0]}}}, pack=2)) == {
        1: ["a/seed-0", "a/seed-1"],
        2: ["b/seed-0", "b/seed-1"],
    }
    assert names(experiment({"a": {}, "b": {}}, pack=3)) == {
        1: ["a/seed-0", "a/seed-1", "b/seed-0"]
    }


@pytest.mark.parametrize(
    ("pack", "jobs", "hours"), [(1, "", "4"), (3, " in 2 jobs", "2"), (4, " in 1 job", "1")]
)
def test_the_plan_counts_a_pack_as_one_job_that_asks_for_what_a_run_asks(
    pack: int, jobs: str, hours: str
) -> None:
    assert summarise(experiment({"a": {}, "b": {}}, pack=pack)) == (
        f"small: 4 training runs{jobs} (2 variants), at most {hours} h of job time."
    )


@pytest.mark.parametrize(
    "other",
    [
        {"resources": {"mem_mb": 9000}},
        {"training": {"threads": 2}},
        {"training": {"device": "cpu"}},
        {"training": {"deterministic": False}},
        {"training": {"pack": 9}},
    ],
)
def test_only_runs_that_want_the_same_of_a_job_share_one(other: dict[str, Any]) -> None:
    assert names(experiment({"a": {}, "b": other, "c": {}}, pack=8)) == {
        1: ["a/seed-0", "a/seed-1", "c/seed-0", "c/seed-1"],
        2: ["b/seed-0", "b/seed-1"],
    }


def test_another_pack_trains_nothing_again() -> None:
    one, eight = (experiment({"a": {}}, pack=pack) for pack in (1, 8))
    digests = [{run_digest(run, found.data) for run in found.runs()} for found in (one, eight)]
    assert digests[0] == digests[1]


@pytest.mark.parametrize("asked", [{"tasks": 2}, {"gpu": 2}, {"nodes": 2}])
def test_several_processes_for_a_run_and_several_runs_for_a_process_are_refused(
    asked: dict[str, int],
) -> None:
    key = next(iter(asked))
    message = rf"variants\.a: training\.pack \(4\) .* and resources\.{key} \(2\) lets several"
    with pytest.raises(ConfigError, match=message):
        experiment({"a": {"resources": asked}}, pack=4)
    experiment({"a": {"resources": asked}})


@pytest.mark.parametrize("key", ["precision", "layout", "compile"])
def test_what_one_process_measures_is_refused_where_a_run_has_several(key: str) -> None:
    message = rf"variants\.a: training\.{key}: 'auto' is measured by one process, and resources\.gpu \(2\)"
    several = {"training": {key: "auto"}, "resources": {"gpu": 2}}
    with pytest.raises(ConfigError, match=message):
        experiment({"a": several})
    experiment({"a": {**several, "resources": {"gpu": 1}}})
