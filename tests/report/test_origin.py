"""How the results were made, as the page says it."""

from dataclasses import replace
from pathlib import Path

from bakeoff.report.evidence import read_evidence
from bakeoff.report.origin import flatten, trace
from bakeoff.task.multiclass import MulticlassTask
from tests.report.digits import EXPECTED

AS_RECORDED = {
    "data": {"image_column": "image", "negative": ["No Finding"], "positive": ["Mass", "Nodule"]}
}
"""A section of run.json: it has the default labels for other tasks, too."""


def test_the_commands_of_a_run_can_be_copied_from_a_cell_that_breaks_no_lines(
    finished_bakeoff: Path,
) -> None:
    evidence = read_evidence(finished_bakeoff, EXPECTED)
    name, (run, *_) = next(iter(evidence.variants.items()))
    lines = {"reproduce": "git checkout 1a2b\nsnakemake results/a --cores all"}
    record = {**run.record, "provenance": {**run.record["provenance"], **lines}}
    evidence.variants[name] = [replace(run, record=record)]
    assert trace(evidence).runs[0]["command"] == (
        "git checkout 1a2b && snakemake results/a --cores all"
    )


def test_a_run_that_was_accepted_is_named_with_who_accepted_it(
    finished_bakeoff: Path, tmp_path: Path
) -> None:
    evidence = read_evidence(finished_bakeoff, EXPECTED)
    name, (run, *_) = next(iter(evidence.variants.items()))
    said = {"accepted": "trained under digest 1a, accepted as 2b by ada@laptop: 40 outputs"}
    record = {**run.record, "provenance": {**run.record["provenance"], **said}}
    assert trace(evidence).accepted == {}
    evidence.variants[name] = [replace(run, record=record, folder=tmp_path)]
    assert trace(evidence).accepted == {}, "that was taken back, by deleting the record"
    (tmp_path / "accepted.json").touch()
    assert trace(evidence).accepted == {f"{name}, seed {run.seed}": said["accepted"]}


def test_a_run_that_was_trained_on_several_kinds_of_devices_says_from_where_on(
    finished_bakeoff: Path,
) -> None:
    evidence = read_evidence(finished_bakeoff, EXPECTED)
    name, (run, *_) = next(iter(evidence.variants.items()))
    jobs = [
        {"device": device, "epoch": epoch, "step": step}
        for device, epoch, step in (("cpu", 1, 0), ("cpu", 2, 3), ("NVIDIA H200", 3, 12))
    ]
    assert trace(evidence).devices == {}, "runs of before do not know"
    for several, expected in (
        (jobs, {f"{name}, seed {run.seed}": "cpu; NVIDIA H200 from epoch 3, step 12"}),
        (jobs[:2], {}),
    ):
        evidence.variants[name] = [replace(run, record={**run.record, "attempts": several})]
        assert trace(evidence).devices == expected


def test_when_a_run_saves_itself_is_no_difference_between_variants(finished_bakeoff: Path) -> None:
    evidence = read_evidence(finished_bakeoff, EXPECTED)
    name, (run, *_) = next(iter(evidence.variants.items()))
    assert len(evidence.variants) > 1
    training = {**run.config["training"], "checkpoint": {"every": 5.0}, "resume_anywhere": True}
    config = {**run.record["config"], "training": training}
    evidence.variants[name] = [replace(run, record={**run.record, "config": config})]
    assert not [key for key in trace(evidence).differing if "checkpoint" in key or "resume" in key]


def test_settings_are_shown_in_the_letters_that_they_are_written_in() -> None:
    config = {"data": {"positive": ["Ödem", "肺炎"], "name": "Größe"}}
    assert dict(flatten(config)) == {"data.positive": '["Ödem", "肺炎"]', "data.name": "Größe"}


def test_labels_of_a_binary_task_are_shown_where_they_mean_something(
    finished_bakeoff: Path,
) -> None:
    evidence = read_evidence(finished_bakeoff, EXPECTED)
    for name, runs in evidence.variants.items():
        config = {"config": {**runs[0].config, **AS_RECORDED}}
        evidence.variants[name] = [replace(run, record={**run.record, **config}) for run in runs]
    labels = {"data.negative", "data.positive"}
    assert labels <= set(trace(evidence).common)
    several = trace(replace(evidence, task=MulticlassTask(("pizza", "steak")))).common
    assert not labels & set(several) and several["data.image_column"] == "image"
