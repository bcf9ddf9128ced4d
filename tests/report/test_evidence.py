import pytest

from bakeoff.report.evidence import read_evidence
from tests.report.digits import EXPECTED


def state_of(results, variant="broad", seed=0):
    runs = read_evidence(results, EXPECTED).variants[variant]
    return next(run.state for run in runs if run.seed == seed)


@pytest.mark.parametrize(
    ("gone", "state"),
    [
        ([], ""),
        (["metrics.json"], "predicted, but not evaluated"),
        (["metrics.json", "predictions/test.csv"], "trained, but not evaluated"),
        (["run.json"], "training did not finish: 4 epochs done"),
        (["run.json", "history.csv"], "training did not finish an epoch"),
    ],
)
def test_how_far_a_run_got_is_reported(bakeoff, gone, state):
    for name in gone:
        (bakeoff / "runs" / "broad" / "seed-0" / name).unlink()
    assert state_of(bakeoff) == state


def test_variants_come_in_the_order_of_the_comparison(finished_bakeoff):
    evidence = read_evidence(finished_bakeoff, EXPECTED)
    assert list(evidence.variants) == ["broad", "narrow", "ghost"]
    assert [name for name, _ in evidence.finished()] == ["broad", "narrow"]
    assert evidence.name == "digits"
    assert evidence.unread == []


def test_the_log_shown_is_of_the_stage_that_failed(bakeoff):
    run = bakeoff / "runs" / "broad" / "seed-0"
    (run / "metrics.json").unlink()
    (run / "train.log").write_text("all went well\n")
    (run / "evaluate.log").write_text("no such weights\n")
    shown = read_evidence(bakeoff, EXPECTED).variants["broad"][0]
    assert shown.log.as_posix() == "runs/broad/seed-0/evaluate.log"
    assert shown.log_tail == "no such weights"
