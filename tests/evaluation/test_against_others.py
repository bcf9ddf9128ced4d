"""The figures against scikit-learn's on images that are really drawn again, DeLong's by hand, and pROC's."""

import numpy as np
import pytest
from scipy.special import expit, logit
from scipy.stats import norm, t
from sklearn.metrics import accuracy_score, roc_auc_score

from bakeoff.evaluation import clustered, intervals
from bakeoff.evaluation.conclusion.joint_errors import Figures, joint_errors
from bakeoff.evaluation.conclusion.pairs import compare_pairs
from bakeoff.task.kinds import task_of
from bakeoff.task.measures import measures_of
from tests.evaluation import delong
from tests.proc import proc

IMAGES = 400
CLOSE = (
    0.06  # a standard error from 2,000 resamples is off by 1.6 %, and DeLong's is no bootstrap's
)


@pytest.fixture(scope="module")
def rated():
    """Labels and the scores of two variants, some of them equal, of patients with one image each."""
    random = np.random.default_rng(5)
    labels = (random.random(IMAGES) < 0.4).astype(np.int64)
    seen = labels + random.normal(size=IMAGES)
    better, worse = (
        np.round(expit(seen + noise * random.normal(size=IMAGES)), 2) for noise in (0.5, 1.0)
    )
    return labels, better, worse


def drawn(kind, metric, labels, scores, units, names=()):
    """The metric in each resample, as the evaluation has it."""
    task = task_of({"kind": kind, "classes": names, "findings": names})
    halves = dict.fromkeys(task.scored, 0.5)
    over = [
        measures_of(task).resampled(labels, scores, halves, weights, [metric])[metric]
        for weights in intervals.resample_weights(units)
    ]
    return np.concatenate(over)


def drawn_again(units, figure, resamples=60):
    """A figure of the images of each resample, an image as often as its patient was drawn."""
    weights = np.concatenate(list(intervals.resample_weights(units)))[:resamples].astype(int)
    return [figure(np.repeat(np.arange(len(units)), times)) for times in weights]


@pytest.mark.slow(seconds=2)
def test_resamples_are_scikit_learns_figures_of_the_images_drawn_in_every_kind():
    random = np.random.default_rng(1)
    units = np.sort(np.unique(random.integers(0, 60, 150), return_inverse=True)[1])
    names = ("a", "b", "c")
    classes = random.integers(0, 3, 150)
    shares = np.round(random.dirichlet(np.ones(3), 150) + np.eye(3)[classes], 1) / 2
    findings = (random.random((150, 3)) < (0.2, 0.5, 0.8)).astype(np.int64)
    several = np.round((findings + random.normal(size=findings.shape)), 1)

    def macro(labels, scores):
        return lambda at: np.mean([roc_auc_score(labels[at, k], scores[at, k]) for k in range(3)])

    one = (findings[:, 1], several[:, 1])
    for kind, metric, labels, scores, figure in (
        ("binary", "auroc", *one, lambda at: roc_auc_score(one[0][at], one[1][at])),
        ("binary", "accuracy", *one, lambda at: accuracy_score(one[0][at], one[1][at] >= 0.5)),
        ("multiclass", "macro_auroc", classes, shares, macro(np.eye(3)[classes], shares)),
        ("multilabel", "macro_auroc", findings, several, macro(findings, several)),
    ):
        found = drawn(kind, metric, labels, scores, units, names)
        again = drawn_again(units, figure)
        assert found[: len(again)] == pytest.approx(again, abs=1e-12), (kind, metric)


@pytest.mark.slow(seconds=2)
def test_the_interval_of_an_auroc_is_that_of_scikit_learns_figures(rated):
    labels, scores, _ = rated
    units = np.arange(IMAGES) // 2
    again = drawn_again(units, lambda at: roc_auc_score(labels[at], scores[at]), resamples=200)
    value, error = roc_auc_score(labels, scores), np.std(again, ddof=1)
    found = drawn("binary", "auroc", labels, scores, units)[:200]
    reach = t.ppf(0.975, units.max()) * error / (value * (1 - value))
    expected = expit(logit(value) - reach), expit(logit(value) + reach)
    interval = intervals.share_interval(value, intervals.standard_error(found), units.max())
    assert interval == pytest.approx(expected, abs=1e-12)


def test_delongs_variance_of_five_images_is_as_by_hand():
    # Positives 0.8, 0.6, 0.35 win 2, 2 and 1 of 2; negatives 0.1, 0.4 lose to 3 and 2 of 3. So the AUROC is
    # 5/6, the variances of the parts 1/12 and 1/18, and that of the AUROC (1/12)/3 + (1/18)/2 = 1/18.
    found = delong.components(np.array([1, 1, 1, 0, 0]), np.array([0.8, 0.6, 0.35, 0.1, 0.4]))
    assert found.auroc == pytest.approx(5 / 6)
    assert delong.variance(found) == pytest.approx(1 / 18)
    # A second scoring, 0.9, 0.2, 0.5 against 0.3, 0.1: parts 1, 1/2, 1 and 2/3, 1; AUROC 5/6, variance
    # 1/18. Covariances: of 1, 1, 1/2 and 1, 1/2, 1, -1/24; of 1, 2/3 and 2/3, 1, -1/18; so
    # -1/72 - 1/36 = -1/24, and the difference has 1/18 + 1/18 + 1/12 = 7/36.
    other = delong.components(np.array([1, 1, 1, 0, 0]), np.array([0.9, 0.2, 0.5, 0.3, 0.1]))
    assert delong.covariance(found, other) == pytest.approx(-1 / 24)
    assert delong.difference_variance(found, other) == pytest.approx(7 / 36)


def test_standard_errors_of_patients_with_one_image_are_delongs(rated):
    labels, *scored = rated
    one, other = (delong.components(labels, scores) for scores in scored)
    units = np.arange(IMAGES)
    figures = []
    for scores, expected in zip(scored, (one, other), strict=True):
        over = drawn("binary", "auroc", labels, scores, units)
        assert roc_auc_score(labels, scores) == pytest.approx(expected.auroc, abs=1e-12)
        error = delong.variance(expected) ** 0.5
        assert intervals.standard_error(over) == pytest.approx(error, rel=CLOSE)
        # The influences are DeLong's parts, but for dividing by m and n instead of m - 1 and n - 1.
        near = clustered.auroc(labels, [scores], units)
        assert near.value == pytest.approx(expected.auroc, abs=1e-12)
        assert near.error == pytest.approx(error, rel=0.01)
        figures.append(Figures(str(len(figures)), np.array([expected.auroc]), over[None]))
    width = delong.difference_variance(one, other) ** 0.5
    errors = joint_errors(figures, IMAGES)
    assert errors.standard_errors[0, 1] == pytest.approx(width, rel=CLOSE)
    difference = one.auroc - other.auroc
    reach = norm.ppf(0.975) * width
    low, high = errors.interval(0, 1)
    assert (low, high) == pytest.approx((difference - reach, difference + reach), abs=0.1 * reach)


@pytest.mark.slow(seconds=3)
def test_figures_are_those_of_proc(rated, tmp_path):
    labels, *scored = rated
    rows = np.column_stack([labels, *scored])
    np.savetxt(tmp_path / "rated.csv", rows, delimiter=",", header="label,a,b", comments="")
    told = proc(
        """
        rated <- read.csv("rated.csv")
        a <- roc(rated$label, rated$a, levels = c(0, 1), direction = "<")
        b <- roc(rated$label, rated$b, levels = c(0, 1), direction = "<")
        cat("auc", auc(a), auc(b), "\\n")
        cat("var", var(a), var(b), "\\n")
        cat("ci", ci(a), "\\n")
        cat("cov", cov(a, b), "\\n")
        test <- roc.test(a, b, paired = TRUE, method = "delong")
        cat("test", test$statistic, test$p.value, "\\n")
        """,
        tmp_path,
    )
    one, other = (delong.components(labels, scores) for scores in scored)
    units = np.arange(IMAGES)
    over = [drawn("binary", "auroc", labels, scores, units) for scores in scored]
    even = np.ones((1, IMAGES))
    measures = measures_of(task_of({}))
    aurocs = [
        measures.resampled(labels, scores, {}, even, ["auroc"])["auroc"][0] for scores in scored
    ]
    assert aurocs == pytest.approx(told["auc"], abs=1e-12)
    by_hand = [delong.variance(one), delong.variance(other), delong.covariance(one, other)]
    assert by_hand == pytest.approx([*told["var"], *told["cov"]], rel=1e-9)
    errors = [intervals.standard_error(each) for each in over]
    assert errors == pytest.approx(np.sqrt(told["var"]), rel=CLOSE)
    low, _, high = told["ci"]
    interval = intervals.share_interval(aurocs[0], errors[0], IMAGES - 1)
    assert interval == pytest.approx((low, high), abs=0.1 * (high - low))  # pROC's is symmetric
    figures = [
        Figures(name, np.array([value]), each[None])
        for name, value, each in zip("ab", aurocs, over, strict=True)
    ]
    (pair,) = compare_pairs(joint_errors(figures, IMAGES))
    z, p = told["test"]
    found = joint_errors(figures, IMAGES)
    assert found.differences[0, 1] / found.standard_errors[0, 1] == pytest.approx(z, rel=CLOSE)
    assert pair.p_holm == pytest.approx(p, rel=0.25)
    assert pair.p == pytest.approx(p, abs=0.01)
