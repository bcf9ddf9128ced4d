from dataclasses import replace

import numpy as np
import pytest

from bakeoff.config.schema import NIH_FINDINGS
from bakeoff.data.synthesis.cohort import Study, draw_cohort
from bakeoff.data.synthesis.findings import FINDINGS, FREQUENCY, Mark
from bakeoff.data.synthesis.phantom import draw


@pytest.fixture(scope="module")
def healthy() -> Study:
    return replace(draw_cohort(10, 0, 0.0)[4], marks=())


def test_they_are_those_of_chestxray14() -> None:
    assert set(FINDINGS) == set(NIH_FINDINGS) == set(FREQUENCY)
    assert len(FINDINGS) == 14


@pytest.mark.parametrize("finding", FINDINGS)
def test_a_mark_is_nothing_at_severity_0_and_grows_with_it(healthy: Study, finding: str) -> None:
    before = draw(healthy, 128, 0).astype(int)

    def change(severity: float) -> float:
        film = draw(replace(healthy, marks=(Mark(finding, severity),)), 128, 0)
        return float(np.abs(film - before).mean())

    assert change(0.0) == 0
    assert 0.05 < change(0.4) < change(0.7) < change(1.0)
    # Visible: somewhere the severe film differs by far more than its noise, which is about 3 levels.
    severe = draw(replace(healthy, marks=(Mark(finding, 1.0),)), 128, 0)
    assert np.percentile(np.abs(severe - before), 99.5) > 12


def test_a_finding_stays_where_it_is_from_visit_to_visit(healthy: Study) -> None:
    def trace(follow_up: int) -> np.ndarray:
        visit = replace(healthy, follow_up=follow_up)
        ill = draw(replace(visit, marks=(Mark("Mass", 1.0),)), 128, 0).astype(int)
        return np.argwhere(ill - draw(visit, 128, 0) > 20).mean(axis=0)

    # Patients never stand the same way twice: the place differs by a few pixels of 128.
    assert np.linalg.norm(trace(1) - trace(2)) < 12
