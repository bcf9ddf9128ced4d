"""The synthetic patients: their visits, how ill they are, and what the report says.

The causal chain: a patient's frailty makes age, view, follow-ups and hidden severity go together,
weakly; the severity leaves marks in the film; the label comes from a report that saw the severity
imperfectly, as in ChestX-ray14, whose labels were mined from text (Wang et al., CVPR 2017).
"""

from dataclasses import dataclass

import numpy as np

from bakeoff.data.synthesis.findings import FINDINGS, FREQUENCY, Mark

DISEASED_SHARE = 0.47
# Of the studies beyond the second; it gives about 700 patients per 1,000 images.
NEW_PATIENT_SHARE = 0.7
# How sure a report is: the label's log-odds per unit of hidden severity. It sets the ceiling.
REPORT_CERTAINTY = 7.5
# Common in Kaggle's nih-chest-xrays/sample: width, height, pixel spacing in mm, how many of 5,606.
PORTABLE_FORMATS = ((3056, 2544, 0.139, 803), (2500, 2048, 0.168, 1426), (2544, 3056, 0.139, 125))
UPRIGHT_FORMATS = (
    (2992, 2991, 0.143, 1088),
    (2500, 2048, 0.171, 358),
    (2048, 2500, 0.168, 331),
    (2021, 2021, 0.194311, 199),
)
# Above 1, most severities are low or high; it trades how many films are doubtful for how many are clear.
EXTREMENESS = 2.0
HIGHEST_PATIENT_ID = 30805
SHARES = np.array([FREQUENCY[finding] for finding in FINDINGS]) / sum(FREQUENCY.values())


@dataclass(frozen=True)
class Study:
    """One film: its row of metadata, its hidden severity, and the marks that this leaves."""

    image: str
    patient_id: int
    follow_up: int
    age: int  # years
    sex: str  # "F" or "M"
    view: str  # "AP" or "PA"
    original: tuple[int, int, float]  # width, height, pixel spacing in mm
    findings: tuple[str, ...]  # as reported; empty for "No Finding"
    severity: float  # 0..1
    marks: tuple[Mark, ...]
    rgba: bool

    @property
    def diseased(self) -> bool:
        """Whether the report names a finding."""
        return bool(self.findings)


def draw_cohort(images: int, seed: int, rgba_share: float) -> list[Study]:
    """The studies of a data set by patient and follow-up, DISEASED_SHARE of them with a finding."""
    rng = np.random.default_rng([seed, images])
    patient = _patients(images, rng)
    people = int(patient.max()) + 1
    frailty = rng.normal(0, 1, people)
    chronic = rng.choice(FINDINGS, people, p=SHARES)
    male = rng.random(people) < 0.56
    age = np.clip(np.rint(46 + 16 * (0.4 * frailty + 0.92 * rng.normal(0, 1, people))), 4, 93)
    identity = np.sort(rng.choice(max(HIGHEST_PATIENT_ID, people), people, replace=False) + 1)

    # These strengths give metadata alone an AUROC of about 0.64; on the NIH sample it is 0.65.
    portable = rng.random(images) < _logistic(-0.55 + 0.9 * frailty[patient])
    gap = np.floor(rng.exponential(np.exp(0.9 + 0.4 * frailty[patient]))).astype(int)
    latent = 0.8 * frailty[patient] + 0.9 * rng.normal(0, 1, images)
    severity = _spread(latent)
    reported = REPORT_CERTAINTY * severity + rng.logistic(0, 1, images)
    # A threshold at a fixed rank, not at a fixed value, so that small data sets are balanced too.
    ill = np.zeros(images, dtype=bool)
    ill[np.argsort(reported)[images - round(DISEASED_SHARE * images) :]] = True
    rgba = np.zeros(images, dtype=bool)
    rgba[rng.permutation(images)[: int(np.ceil(rgba_share * images))]] = True

    studies: list[Study] = []
    for row in np.argsort(patient, kind="stable").tolist():
        person = int(patient[row])
        patient_id = int(identity[person])
        again = bool(studies) and studies[-1].patient_id == patient_id
        follow_up = int(gap[row]) + (studies[-1].follow_up + 1 if again else 0)
        marks = _marks(float(severity[row]), str(chronic[person]), rng)
        studies.append(
            Study(
                image=f"{patient_id:08d}_{follow_up:03d}.png",
                patient_id=patient_id,
                follow_up=follow_up,
                age=min(int(age[person]) + follow_up // 12, 94),
                sex="M" if male[person] else "F",
                view="AP" if portable[row] else "PA",
                original=_format(bool(portable[row]), rng),
                findings=_report(marks, rng) if ill[row] else (),
                severity=float(severity[row]),
                marks=marks,
                rgba=bool(rgba[row]),
            )
        )
    return studies


def _patients(images: int, rng: np.random.Generator) -> np.ndarray:
    """The patient of each study, counted from 0.

    Simon's process: a study is of a new patient, or of the patient of an earlier study chosen at
    random. So most patients have one and a few have many, as in ChestX-ray14. The second study is
    always the first patient's again: the smallest data set too has a patient with several films.
    """
    patient = np.zeros(images, dtype=int)
    people = 1
    for study in range(2, images):
        if rng.random() < NEW_PATIENT_SHARE:
            patient[study] = people
            people += 1
        else:
            patient[study] = patient[rng.integers(study)]
    return patient


def _marks(severity: float, chronic: str, rng: np.random.Generator) -> tuple[Mark, ...]:
    first = chronic if rng.random() < 0.7 else str(rng.choice(FINDINGS, p=SHARES))
    marks = [Mark(first, severity)]
    for _ in range(rng.poisson(1.6 * severity)):
        finding = str(rng.choice(FINDINGS, p=SHARES))
        if all(finding != mark.finding for mark in marks):
            marks.append(Mark(finding, severity * rng.uniform(0.4, 1.0)))
    return tuple(marks)


def _report(marks: tuple[Mark, ...], rng: np.random.Generator) -> tuple[str, ...]:
    """The findings that the report names, in alphabetical order: the first, and half of the others."""
    named = [marks[0], *(mark for mark in marks[1:] if rng.random() < 0.5)]
    return tuple(sorted(mark.finding for mark in named))


def _format(portable: bool, rng: np.random.Generator) -> tuple[int, int, float]:
    formats = PORTABLE_FORMATS if portable else UPRIGHT_FORMATS
    counts = np.array([count for *_, count in formats], dtype=float)
    width, height, spacing, _ = formats[rng.choice(len(formats), p=counts / counts.sum())]
    return width, height, spacing


def _spread(latent: np.ndarray) -> np.ndarray:
    """Severities in 0..1, most of them low or high; by rank, so that no data set is an odd one."""
    rank = np.empty(len(latent))
    rank[np.argsort(latent)] = np.arange(len(latent)) + 0.5
    odds = rank / (len(latent) - rank)
    severity: np.ndarray = 1 / (1 + odds**-EXTREMENESS)
    return severity


def _logistic(x: np.ndarray) -> np.ndarray:
    share: np.ndarray = 1 / (1 + np.exp(-x))
    return share
