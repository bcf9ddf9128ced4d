"""The hard cases as the page shows them: pictures with their label, and what each variant says."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bakeoff.errors import BakeoffError
from bakeoff.evaluation.hard_cases import Tests, called_by_most, hard_cases
from bakeoff.report.evidence import Evidence
from bakeoff.report.reading import dig
from bakeoff.report.samples import Sample, open_pack, shrink
from bakeoff.task.labels import SEPARATOR
from bakeoff.task.outcomes import outcomes_of

SHOWN = 8  # pictures


@dataclass(frozen=True)
class Saying:
    """What a variant says of an image: what most of its seeds call it; its mean score of `HardCase.of`."""

    variant: str
    called: str
    score: float


@dataclass(frozen=True)
class HardCase:
    """An image that every variant gets wrong.

    label: in words; of: the class or finding that scores are given of, the image's own where it has one
    that is missed; picture: None where the packed image cannot be read.
    """

    image: str
    label: str
    of: str
    sayings: list[Saying]
    picture: Sample | None


@dataclass(frozen=True)
class HardCasesShown:
    """The first of `count` hard cases among so many test images; absent: why nothing is known.

    one_label: whether an image is one because a single finding of it is wrong, the same for all.
    """

    cases: list[HardCase]
    count: int
    images: int
    variants: int
    by_chance: float
    one_label: bool = False
    unseen: str = ""  # why there are no pictures
    absent: str = ""


def show_hard_cases(evidence: Evidence) -> HardCasesShown:
    """The hard cases of all finished variants."""
    variants: dict[str, Tests] = {
        name: tests for name, runs in evidence.finished() if (tests := evidence.tests_of(runs))
    }
    if not variants:
        return HardCasesShown([], 0, 0, 0, 0.0, absent="no run has predictions")
    test = next(iter(variants.values()))[0][0]
    same = all(
        np.array_equal(one.images, test.images) for tests in variants.values() for one, _ in tests
    )
    if not same:
        reason = "runs were tested on different images"
        return HardCasesShown([], 0, 0, 0, 0.0, absent=reason)
    found = hard_cases(variants)
    rows = [int(row) for row in found.rows[:SHOWN]]
    pictures, unseen = _pictures(evidence, [str(test.images[row]) for row in rows])
    return HardCasesShown(
        cases=_cases(evidence, variants, rows, pictures),
        count=len(found.rows),
        images=len(test.labels),
        variants=len(variants),
        by_chance=found.by_chance,
        one_label=found.wrong.ndim > 1,
        unseen=unseen,
    )


def _cases(
    evidence: Evidence,
    variants: Mapping[str, Tests],
    rows: list[int],
    pictures: Mapping[str, Sample],
) -> list[HardCase]:
    outcomes, first = outcomes_of(evidence.task), next(iter(variants.values()))[0][0]
    labels = first.labels[rows]
    own = outcomes.names_of(labels)
    calls, named, scores = {}, {}, {}
    for name, tests in variants.items():
        called = called_by_most(tests)[rows]
        calls[name] = evidence.task.in_words(called)
        named[name] = outcomes.names_of(called)
        scores[name] = outcomes.by_name(np.mean([test.scores[rows] for test, _ in tests], axis=0))
    words = evidence.task.in_words(labels)
    cases = []
    for i, row in enumerate(rows):
        # What all of them get wrong: what is missed, else what is called and is not there.
        wrong = set.intersection(*(set(own[i]) ^ set(named[name][i]) for name in variants))
        of = next(iter([one for one in own[i] if one in wrong] or sorted(wrong) or own[i]), "")
        sayings = [
            Saying(name, _listed(calls[name][i]), scores[name][i].get(of, np.nan))
            for name in variants
        ]
        image = str(first.images[row])
        cases.append(HardCase(image, _listed(words[i]), of, sayings, pictures.get(image)))
    return cases


def _listed(words: str) -> str:
    return words.replace(SEPARATOR, ", ")


def _pictures(evidence: Evidence, names: list[str]) -> tuple[dict[str, Sample], str]:
    """The images as they are packed, by name; and why there are none."""
    run = next(run for _, runs in evidence.finished() for run in runs)
    try:
        images, rows = open_pack(evidence.results, dig(run.record, "config", "image"))
    except (OSError, ValueError, KeyError, BakeoffError) as error:
        return {}, f"the packed images cannot be read: {error}"
    return {
        name: Sample(name, np.nan, "", True, shrink(images[rows[name]]))
        for name in names
        if name in rows
    }, ""
