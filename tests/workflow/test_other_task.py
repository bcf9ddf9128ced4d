"""A finished bake-off whose task or primary metric is changed: what runs again, and what is refused."""

import json

import pytest

from tests.workflow.conftest import Workflow
from tests.workflow.test_accept import said
from tests.workflow.test_reruns import AFTER_EVALUATE

pytestmark = pytest.mark.slow(seconds=20)


def test_another_primary_metric_compares_again_and_trains_nothing(finished: Workflow) -> None:
    changed = finished.with_config(compare={"metric": "accuracy"})
    assert changed.would_run() == AFTER_EVALUATE
    assert "again" not in said(changed, "status")


@pytest.mark.parametrize("recorded", [True, False])
def test_what_another_kind_of_task_left_is_not_trained_over(
    copied: Workflow, recorded: bool
) -> None:
    audit = copied.results / "splits/audit.json"
    if not recorded:  # as by earlier versions
        stated = json.loads(audit.read_text())
        assert stated.pop("task")["kind"] == "binary"
        audit.write_text(json.dumps(stated))
    before = {file: file.stat().st_mtime_ns for file in copied.results.rglob("*")}
    changed = copied.with_config(task={"kind": "multiclass"})
    held = "binary (negative, positive)" if not recorded else "binary (No Finding, positive)"
    message = (
        f"results/small: holds results of another task, {held}; the configuration's is multiclass. Give it "
        "another name (experiment: NAME), or delete results/small first."
    )
    done = changed.snakemake("-n", check=False)
    assert done.returncode != 0 and message in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    for stage in (("split",), ("train", "--variant", "conv", "--seed", "0"), ("compare",)):
        assert message in said(changed, *stage, status=1)
    assert {file: file.stat().st_mtime_ns for file in copied.results.rglob("*")} == before
    # Whoever only looks is told what there is.
    assert "conv, seed 0: task.kind binary -> multiclass" in said(changed, "status")
    assert message in said(changed, "plan", status=1)
    assert "another task" not in said(changed.with_config(experiment="other"), "plan", status=1)
