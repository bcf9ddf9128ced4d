"""Which stages status knows, by the rules of the workflow, and when it says that one of them failed."""

import os
import re
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from snakemake.io import expand

from bakeoff.config.experiment import Experiment, Variant
from bakeoff.config.schema import Compare
from bakeoff.status.stages import Stage, of_experiment
from tests.status.planned import SOURCES, TAG, Planned

RULES = Path(__file__).parents[2] / "workflow/rules"
WILDCARDS = {
    "variant": "vit",
    "seed": "0",
    "pretraining": "own",
    "size": "224",
    "published": TAG,
    "number": "1",
    "pack": "1",
}


@pytest.fixture
def bakeoff(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Planned:
    monkeypatch.chdir(tmp_path)  # where the executor keeps no records
    return Planned(tmp_path)


def rules(
    experiment: Experiment, results: Path, files: Iterable[Path]
) -> Iterator[tuple[str, Path, set[Path]]]:
    """Each rule of these files with the log and the outputs that it declares, for one of its jobs."""
    known = {"EXPERIMENT": experiment, "RESULTS": results, "Path": Path, "expand": expand}
    known |= {"report": lambda path, **_: path, "flat": _flat}
    for file in files:
        text = file.read_text()
        found = re.findall(
            r"^( *)(?:rule|checkpoint) (\w+):\n((?:\1 +.*\n|\s*\n)+)", text, re.MULTILINE
        )
        assert len(found) == len(re.findall(r"^\s*(?:rule|checkpoint)\b", text, re.MULTILINE))
        for _, name, body in found:
            log, outputs = (
                eval(f"flat({_section(body, section)})", known) for section in ("log", "output")
            )
            assert len(log) == 1, f"rule {name}: one log"
            yield name, log[0], set(outputs)


def in_packs(variant: Variant) -> Variant:
    """The variant with two runs that share a job."""
    training = variant.training.model_copy(update={"pack": 2, "seeds": (0, 1)})
    return variant.model_copy(update={"training": training})


def _section(body: str, name: str) -> str:
    parts = re.split(r"^(\w+):", textwrap.dedent(body), flags=re.MULTILINE)
    return parts[parts.index(name) + 1]


def _flat(*files: Any, **named: Any) -> list[Path]:
    """Whatever a rule declares, as paths with this job's wildcards."""
    found = []
    for file in [*files, *named.values()]:
        found += _flat(*file) if isinstance(file, list) else [Path(str(file).format(**WILDCARDS))]
    return found


@pytest.mark.parametrize("source", SOURCES)
def test_every_rule_that_has_a_log_is_a_stage_that_its_own_outputs_prove(
    tmp_path: Path, source: str
) -> None:
    bakeoff = Planned(tmp_path, source)
    stages = {stage.log: stage for stage in bakeoff.stages()}
    other = {"synthetic": "fetch", "nih-sample": "synthesize"}[source]
    of_parts = RULES / "parts.smk"
    own = [file for file in RULES.glob("*.smk") if file != of_parts]
    declared = list(rules(bakeoff.experiment, bakeoff.layout.root, own))
    assert {"split", "pretrain", "weights", other} <= {name for name, *_ in declared}
    adaptive = replace(bakeoff.experiment, compare=Compare(until="separated"))
    stages |= {stage.log: stage for stage in of_experiment(adaptive, bakeoff.layout)}
    packed = replace(bakeoff.experiment, variants=tuple(map(in_packs, bakeoff.experiment.variants)))
    stages |= {stage.log: stage for stage in of_experiment(packed, bakeoff.layout)}
    for name, log, outputs in declared:
        if name != other:
            assert log in stages, f"status knows nothing of rule {name}: bakeoff.status.stages"
            assert stages[log].makes and set(stages[log].makes) <= outputs, name
    hooks = set(re.findall(r'"bakeoff (\w+) {CONFIG}', (RULES / "outcome.smk").read_text()))
    assert {"compare", "report", "sync"} <= hooks
    assert {stage.name for stage in stages.values() if stage.again} == hooks
    several = replace(bakeoff.experiment, parts=(bakeoff.experiment,))
    together = {stage.name: stage for stage in of_experiment(several, bakeoff.layout)}
    for name, log, outputs in rules(several, bakeoff.layout.root, [of_parts]):
        assert together[name].log == log and set(together[name].makes) <= outputs


@pytest.mark.parametrize("source", SOURCES)
def test_every_stage_that_failed_is_said_until_it_has_succeeded(
    tmp_path: Path, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    bakeoff = Planned(tmp_path, source)
    assert bakeoff.status().exit_code == 3
    stages = of_experiment(bakeoff.experiment, bakeoff.layout)
    for stage in stages:
        fails(stage.log)
    done, rows = bakeoff.status(), bakeoff.rows()
    assert done.exit_code == 1
    for stage in stages:
        assert f"{stage.name} failed: no such luck." in done.output
        row = rows[stage.name]
        assert (row["kind"], row["state"], row["note"]) == ("stage", "failed", "no such luck.")
        assert row["log"] == str(stage.log)
        for file in stage.makes:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
    rows = bakeoff.rows()
    assert [row for row in rows.values() if row["kind"] == "stage"] == []
    assert bakeoff.status().exit_code == 3


def fails(log: Path, at: float | None = None) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("looking\nbakeoff: error: no such luck.\n")
    if at is not None:
        os.utime(log, (at, at))


def test_what_fails_after_the_bake_off_is_said_though_an_earlier_one_left_its_files(
    bakeoff: Planned,
) -> None:
    layout = bakeoff.layout
    log = layout.root / "logs/compare.log"
    fails(log, at=2e9)
    layout.comparison.touch()  # long before
    assert bakeoff.rows()["compare"]["note"] == "no such luck."
    log.write_text("TrackingError: tried again\nsent\n")  # of one that succeeded
    os.utime(log, (2e9, 2e9))
    assert "compare" not in bakeoff.rows()
    log.write_text("Traceback (most recent call last):\n  File\nValueError: no number\n")
    os.utime(log, (2e9, 2e9))
    assert bakeoff.rows()["compare"]["note"] == "ValueError: no number"


ENDS = [
    ("torch.cuda.OutOfMemoryError: CUDA out of memory.", "torch.cuda.OutOfMemoryError: CUDA out of memory."),
    (
        "sqlalchemy.exc.OperationalError: disk I/O error\n[SQL: SELECT 1]\n(Background on this error at: x)",
        "sqlalchemy.exc.OperationalError: disk I/O error",
    ),
    ("RuntimeError: in state_dict:" + "\n\tMissing key" * 20, "RuntimeError: in state_dict:"),
    ("KeyboardInterrupt", "KeyboardInterrupt"),
    ("mlflow.exceptions.MlflowException: no such run", "mlflow.exceptions.MlflowException: no such run"),
    ("/bin/bash: line 1: bakeoff: command not found", "bakeoff: command not found"),
    ("/bin/sh: 1: bakeoff: not found", "bakeoff: not found"),
    ("bash: line 1: /opt/bakeoff: Permission denied", "/opt/bakeoff: Permission denied"),
    ("Killed", "Killed"),
    ("bash: line 3:  4711 Killed                  bakeoff split", "Killed                  bakeoff split"),
    (
        "slurmstepd: error: *** JOB 7 ON n1 CANCELLED AT 2026-01-01T00:00:00 ***",
        "*** JOB 7 ON n1 CANCELLED AT 2026-01-01T00:00:00 ***",
    ),
]  # fmt: skip
WORKS = [
    "UserError handling is on",
    "Killed processes are started again",
    "slurmstepd: error: couldn't chdir to `/scratch': going to /tmp instead",
    "ValueError: tried again\n" + "a line\n" * 50,
]


@pytest.mark.parametrize(("end", "note"), ENDS)
def test_a_stage_that_failed_is_known_by_the_end_of_its_log(
    tmp_path: Path, end: str, note: str
) -> None:
    log = tmp_path / "split.log"
    stage = Stage("split", log, (tmp_path / "audit.json",))
    log.write_text(f"looking\n{end}\n")
    assert stage.failure() == note


@pytest.mark.parametrize("end", WORKS)
def test_a_stage_at_work_has_not_failed_whatever_else_it_says(tmp_path: Path, end: str) -> None:
    log = tmp_path / "split.log"
    log.write_text(f"looking\n{end}\n")
    assert Stage("split", log, (tmp_path / "audit.json",)).failure() == ""


class Fleeting(type(Path())):  # type: ignore[misc]
    """A file that is deleted as soon as it was looked at, as Snakemake does where a job begins anew."""

    def stat(self, **options: Any) -> os.stat_result:
        found = super().stat(**options)
        self.unlink()
        return found


def test_files_that_go_while_they_are_looked_at_are_no_mistake(tmp_path: Path) -> None:
    log, made = tmp_path / "compare.log", tmp_path / "comparison.csv"
    made.touch()
    fails(log, at=2e9)
    assert Stage("compare", log, (Fleeting(made),), again=True).failure() == "no such luck."
    assert Stage("compare", Fleeting(log), (made,)).failure() == ""


def test_a_pretraining_fails_by_its_own_log_and_by_that_of_its_pack(bakeoff: Planned) -> None:
    folder = bakeoff.layout.pretraining("own")
    rows = bakeoff.rows()
    assert rows["pretraining/own"]["kind"] == "pretraining"
    assert rows["pretraining/own"]["state"] == "not started"
    assert "pretraining/idle" not in rows  # no variant starts from it, so nobody trains it
    fails(folder.path / "pack.log")
    row = bakeoff.rows()["pretraining/own"]
    assert (row["state"], row["note"]) == ("failed", "pack-unlabelled: no such luck.")
    assert row["log"] == str(folder.path / "pack.log")
    fails(folder.path / "pretrain.log")
    done, row = bakeoff.status(), bakeoff.rows()["pretraining/own"]
    assert (row["state"], row["note"]) == ("failed", "no such luck.")
    assert row["log"] == str(folder.path / "pretrain.log")
    assert done.exit_code == 1
    assert done.output.startswith("test: 1 pretraining: 1 failed; 2 runs: 2 not started\n")
