import io
from collections import Counter
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bakeoff.data.metadata import metadata_features
from bakeoff.data.synthesis.ceiling import auroc
from bakeoff.data.synthesis.cohort import Study, draw_cohort
from bakeoff.data.synthesis.findings import FINDINGS
from bakeoff.data.synthesis.tables import labels_csv


@pytest.fixture(scope="module")
def cohorts() -> list[list[Study]]:
    return [draw_cohort(1000, seed, 0.03) for seed in range(4)]


def test_a_thousand_films_are_of_about_700_patients_most_of_them_seen_once(
    cohorts: list[list[Study]],
) -> None:
    for studies in cohorts:
        films = Counter(study.patient_id for study in studies)
        assert 640 < len(films) < 760
        assert 0.7 < Counter(films.values())[1] / len(films) < 0.85
        assert max(films.values()) >= 5


@pytest.mark.parametrize("images", [4, 10, 41, 300])
def test_small_data_sets_too_are_balanced_and_have_patients_with_several_films(
    images: int,
) -> None:
    for seed in range(5):
        studies = draw_cohort(images, seed, 0.03)
        assert len({study.image for study in studies}) == images
        assert sum(study.diseased for study in studies) == round(0.47 * images)
        assert len({study.patient_id for study in studies}) < images
        assert sum(study.rgba for study in studies) == np.ceil(0.03 * images)


def test_visits_come_in_order_and_the_patient_stays_the_same_person(
    cohorts: list[list[Study]],
) -> None:
    for studies in cohorts:
        for earlier, later in pairwise(studies):
            assert (earlier.patient_id, earlier.follow_up) < (later.patient_id, later.follow_up)
            if earlier.patient_id == later.patient_id:
                assert earlier.sex == later.sex
                assert earlier.age <= later.age
        assert all(0 <= study.age <= 94 for study in studies)


def test_the_report_names_only_findings_that_were_drawn(cohorts: list[list[Study]]) -> None:
    for study in cohorts[0]:
        drawn = {mark.finding for mark in study.marks}
        assert set(study.findings) <= drawn <= set(FINDINGS)
        assert study.marks[0].severity == study.severity
        assert all(0 <= mark.severity <= study.severity for mark in study.marks)
    assert {finding for study in cohorts[0] for finding in study.findings} >= set(FINDINGS) - {
        "Hernia"  # 13 of the 5,606 images of the real sample
    }


def test_the_label_follows_the_hidden_severity_but_not_blindly(cohorts: list[list[Study]]) -> None:
    for studies in cohorts:
        ceiling = auroc([s.diseased for s in studies], [s.severity for s in studies])
        assert 0.93 < ceiling < 0.965


@pytest.mark.slow(seconds=4)
def test_metadata_say_a_little_about_the_label(cohorts: list[list[Study]]) -> None:
    found = [_metadata_auroc(studies) for studies in cohorts]
    assert all(0.57 < area < 0.71 for area in found), found
    assert 0.60 < np.mean(found) < 0.67


def test_another_seed_gives_other_patients_and_the_same_seed_the_same() -> None:
    assert draw_cohort(30, 1, 0.1) == draw_cohort(30, 1, 0.1)
    assert draw_cohort(30, 1, 0.1) != draw_cohort(30, 2, 0.1)


def _metadata_auroc(studies: list[Study]) -> float:
    rows = pd.read_csv(io.StringIO(labels_csv(studies)), dtype=str)
    features = metadata_features(rows)
    assert list(features) == ["age", "male", "ap_view", "follow_up"]
    disease = (rows["Finding Labels"] != "No Finding").to_numpy()
    areas = []
    for seed in range(3):
        folds = StratifiedGroupKFold(5, shuffle=True, random_state=seed)
        for train, test in folds.split(features, disease, rows["Patient ID"]):
            model = make_pipeline(StandardScaler(), LogisticRegression())
            model.fit(features.iloc[train], disease[train])
            scores = model.predict_proba(features.iloc[test])[:, 1]
            areas.append(roc_auc_score(disease[test], scores))
    return float(np.mean(areas))
