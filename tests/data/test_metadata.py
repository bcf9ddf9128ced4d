from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bakeoff.config.schema import Data, Split
from bakeoff.data.metadata import ages, metadata_features
from bakeoff.data.tables import read_labels
from tests.data.labelled import rows_of


def test_ages_of_both_layouts_are_years() -> None:
    texts = ["060Y", "013M", "002W", "001D", "58", " 7y ", "120", "411Y", "121", "", "-3", "old"]
    years = ages(pd.Series(texts, name="Patient Age"))
    expected = [60, 13 / 12, 14 / 365.25, 1 / 365.25, 58, 7, 120, *[np.nan] * 5]
    np.testing.assert_allclose(years, expected)
    assert years.name == "Patient Age"
    assert ages(pd.Series([58, 0])).tolist() == [58.0, 0.0]


@pytest.mark.slow(seconds=4)
def test_the_real_tables_give_the_same_features_in_both_layouts(shared_data: Path) -> None:
    sample = read_labels(
        Data(labels=shared_data / "labels/kaggle_sample_labels.csv", images=shared_data)
    ).frame
    full = read_labels(
        Data(labels=shared_data / "labels/Data_Entry_2017_v2020.csv.gz", images=shared_data)
    ).frame
    for table, unknown in ((sample, 1), (full, 0)):  # the sample's one patient of 411 years
        features = metadata_features(table)
        assert features.columns.tolist() == ["age", "male", "ap_view", "follow_up"]
        assert (features.dtypes == "float64").all()
        assert features["age"].isna().sum() == unknown
        assert not features[["male", "ap_view", "follow_up"]].isna().any().any()
    # The same films in both, the ages text in one and numbers (and some a year off) in the other.
    one = metadata_features(sample.set_index("Image Index"))
    other = metadata_features(full.set_index("Image Index")).loc[one.index]
    assert (one["male"] == other["male"]).all()
    assert ((one["age"] - other["age"]).abs() <= 1).mean() > 0.99


def test_a_table_without_metadata_gives_no_features() -> None:
    table = pd.DataFrame({"path": ["a", "b"]}, index=[5, 9])
    features = metadata_features(table)
    assert features.shape == (2, 0)
    assert features.index.tolist() == [5, 9]


def test_metadata_alone_reaches_its_known_auc_on_the_real_table(shared_data: Path) -> None:
    data = Data(
        labels=shared_data / "labels/kaggle_sample_labels.csv", images=shared_data, rows=1000
    )
    table = read_labels(data).frame
    features = metadata_features(table)
    features = features.fillna(features.median())
    scores = []
    for seed in range(30):
        train, _, test = rows_of(table, Split(seed=seed))
        model = make_pipeline(StandardScaler(), LogisticRegression())
        model.fit(features.iloc[train], table["Disease"].iloc[train])
        chance = model.predict_proba(features.iloc[test])[:, 1]
        scores.append(roc_auc_score(table["Disease"].iloc[test], chance))
    assert np.mean(scores) == pytest.approx(0.650, abs=0.025)
