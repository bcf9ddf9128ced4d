import json

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from bakeoff.errors import EvaluationError
from bakeoff.evaluation.baselines import write_baselines


def write_splits(results, columns, seed=0, sizes=(300, 120, 120)):
    """Splits whose label depends on age and view; `columns` chooses what the table tells."""
    generator = np.random.default_rng(seed)
    for name, n in zip(("train", "val", "test"), sizes, strict=True):
        age, ap = generator.uniform(20, 90, n), generator.random(n) < 0.4
        chance = 1 / (1 + np.exp(-((age - 55) / 15 + 1.5 * ap - 0.6)))
        table = {
            "Image Index": [f"{name}-{i:03d}.png" for i in range(n)],
            "Patient ID": [f"{name}-{i // 2}" for i in range(n)],
            "Patient Age": [f"{int(years):03d}Y" for years in age],
            "Patient Gender": generator.choice(["M", "F"], n),
            "View Position": np.where(ap, "AP", "PA"),
            "Follow-up #": generator.integers(0, 30, n).astype(str),
            "Disease": (generator.random(n) < chance).astype(int),
        }
        (results / "splits").mkdir(parents=True, exist_ok=True)
        frame = pd.DataFrame(table)[["Image Index", *columns, "Disease"]]
        frame.to_csv(results / "splits" / f"{name}.csv", index=False)


KAGGLE = ["Patient ID", "Patient Age", "Patient Gender", "View Position", "Follow-up #"]


def metrics_of(results, name):
    return json.loads((results / "baselines" / name / "metrics.json").read_text())


def test_the_majority_knows_nothing_but_the_prevalence(tmp_path):
    write_splits(tmp_path, KAGGLE)
    write_baselines(tmp_path)
    metrics = metrics_of(tmp_path, "majority")["test"]
    train, val, test = (
        pd.read_csv(tmp_path / "splits" / f"{s}.csv") for s in ("train", "val", "test")
    )
    scores = pd.read_csv(tmp_path / "baselines" / "majority" / "predictions" / "test.csv")["score"]
    assert scores.unique() == pytest.approx([train["Disease"].mean()])
    assert metrics["auroc"] == 0.5
    assert metrics["intervals"]["auroc"] is None
    # The threshold, too, is chosen on validation; where that is balanced, train decides.
    called = (val["Disease"].mean(), train["Disease"].mean()) > (0.5, 0.5)
    assert metrics["accuracy"] == pytest.approx((test["Disease"] == called).mean())


def test_the_metadata_baseline_finds_what_the_table_tells(tmp_path):
    write_splits(tmp_path, KAGGLE)
    write_baselines(tmp_path)
    train, test = (pd.read_csv(tmp_path / "splits" / f"{s}.csv") for s in ("train", "test"))

    def plain(frame):  # the two columns that matter, without the baseline's own code
        age = frame["Patient Age"].str[:3].astype(float) / 50
        return np.column_stack([age, frame["View Position"] == "AP"])

    reference = LogisticRegression(max_iter=1000).fit(plain(train), train["Disease"])
    expected = roc_auc_score(test["Disease"], reference.predict_proba(plain(test))[:, 1])
    assert metrics_of(tmp_path, "metadata")["test"]["auroc"] == pytest.approx(expected, abs=0.02)
    account = json.loads((tmp_path / "baselines" / "metadata" / "baseline.json").read_text())
    assert account["features"] == ["age", "male", "ap_view", "follow_up"]
    assert account["coefficients"]["age"] > account["coefficients"]["ap_view"] > 0.3
    assert abs(account["coefficients"]["male"]) < 0.3


def test_the_regularisation_is_chosen_on_validation_and_never_sees_test(tmp_path):
    write_splits(tmp_path, KAGGLE)
    write_baselines(tmp_path)
    folder = tmp_path / "baselines" / "metadata"
    account, val = (folder / "baseline.json").read_bytes(), metrics_of(tmp_path, "metadata")["val"]
    test = pd.read_csv(tmp_path / "splits" / "test.csv")
    test["Disease"] = 1 - test["Disease"]
    test.to_csv(tmp_path / "splits" / "test.csv", index=False)
    write_baselines(tmp_path)
    assert (folder / "baseline.json").read_bytes() == account
    assert metrics_of(tmp_path, "metadata")["val"] == val
    choices = json.loads(account)
    by_strength = choices["val_auroc_by_strength"]
    assert by_strength[str(choices["strength"])] == max(by_strength.values())


def test_predictions_have_the_layout_of_a_run_and_keep_names_as_text(tmp_path):
    write_splits(tmp_path, KAGGLE)
    write_baselines(tmp_path)
    for name in ("majority", "metadata"):
        path = tmp_path / "baselines" / name / "predictions" / "test.csv"
        frame = pd.read_csv(path)
        assert list(frame) == ["Image Index", "Patient ID", "Disease", "score"]
        assert len(frame) == 120
        assert metrics_of(tmp_path, name)["test"]["patients"] == 60


def test_a_table_without_metadata_has_a_majority_and_a_reason(tmp_path):
    write_splits(tmp_path, [])
    for name in ("train", "val", "test"):
        path = tmp_path / "splits" / f"{name}.csv"
        pd.read_csv(path).rename(columns={"Image Index": "path"}).to_csv(path, index=False)
    write_baselines(tmp_path, image_column="path", patient_column=None)
    assert metrics_of(tmp_path, "majority")["test"]["patients"] is None
    assert metrics_of(tmp_path, "metadata")["missing"].startswith("age, sex, view")
    assert not (tmp_path / "baselines" / "metadata" / "predictions").exists()


def test_unreadable_ages_are_filled_in_rather_than_failing(tmp_path):
    write_splits(tmp_path, KAGGLE)
    for name, ages in (("train", ["411Y", "", "060Y"]), ("test", ["?", "411Y", ""])):
        path = tmp_path / "splits" / f"{name}.csv"
        frame = pd.read_csv(path)
        frame.loc[:2, "Patient Age"] = ages
        frame.loc[:5, "View Position"] = "LL"
        frame.to_csv(path, index=False)
    write_baselines(tmp_path)
    assert metrics_of(tmp_path, "metadata")["test"]["auroc"] > 0.6


def test_a_train_split_of_one_class_is_named(tmp_path):
    write_splits(tmp_path, KAGGLE)
    path = tmp_path / "splits" / "train.csv"
    frame = pd.read_csv(path)
    frame["Disease"] = 0
    frame.to_csv(path, index=False)
    with pytest.raises(EvaluationError, match=r"train\.csv: a single class in 300 rows"):
        write_baselines(tmp_path)


def test_ids_that_were_merged_are_one_patient_in_the_predictions(tmp_path):
    write_splits(tmp_path, KAGGLE)
    test = pd.read_csv(tmp_path / "splits/test.csv", dtype=str)
    test["Patient ID"] = [f"{'Pp'[row % 2]}{row // 2}" for row in range(len(test))]
    test.to_csv(tmp_path / "splits/test.csv", index=False)
    write_baselines(tmp_path)
    assert metrics_of(tmp_path, "majority")["test"]["patients"] == len(test)
    write_baselines(tmp_path, similar_ids="merge")
    assert metrics_of(tmp_path, "majority")["test"]["patients"] == len(test) / 2
