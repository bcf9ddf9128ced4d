"""Who was evaluated on this test split before: earlier configurations of the experiment, and how often."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bakeoff.config.changes import changes
from bakeoff.evaluation.looks import Look, counted, digest_of_test, read_looks
from bakeoff.layout import Layout
from bakeoff.report.evidence import Evidence
from bakeoff.report.numbers import plural


@dataclass(frozen=True)
class Earlier:
    """A configuration that was evaluated on this test split, and is not among those of now.

    differs: each key with its value then and now; empty where the variant is gone. runs: how many models;
    evaluations: how often in all. figure: their mean by the metric of then on test.
    """

    variant: str
    differs: tuple[str, ...]
    first: str  # when, ISO 8601
    last: str
    runs: int
    evaluations: int
    metric: str
    figure: float | None


@dataclass(frozen=True)
class LooksAtTest:
    """The earlier configurations; since when looks are recorded; evaluations of what is compared now.

    elsewhere: evaluations on other test splits of the experiment.
    """

    earlier: tuple[Earlier, ...]
    since: str
    now: int
    elsewhere: int

    @property
    def sentence(self) -> str:
        """What the top of the report says; empty where nobody looked before."""
        if not self.earlier:
            return ""
        times = sum(one.evaluations for one in self.earlier)
        return (
            f"{plural(len(self.earlier), 'other configuration')} of this experiment "
            f"{'was' if len(self.earlier) == 1 else 'were'} evaluated on this test split "
            f"({plural(times, 'evaluation')}). What is chosen after looking is flattered."
        )


def looks_at_test(evidence: Evidence) -> LooksAtTest | None:
    """The looks at the test split of these runs; None where there is no record, or no run."""
    path = Layout(evidence.results).looks
    try:
        looks = read_looks(path)
    except (OSError, ValueError) as error:
        evidence.unread.append(f"{path}: cannot be read ({error}).")
        return None
    test = next((run.test for run in evidence.runs if run.test is not None), None)
    if not looks or test is None:
        return None
    here = [look for look in looks if look.test == digest_of_test(test)]
    now = {
        variant: [counted(run.config) for run in runs if run.finished]
        for variant, runs in evidence.variants.items()
    }
    seeds = {variant: {run.seed for run in runs} for variant, runs in evidence.variants.items()}
    groups: dict[str, list[tuple[Look, list[str]]]] = {}
    current = 0
    for look in here:
        differs = _differs(
            look, now.get(look.variant, []), seeds.get(look.variant, set()), evidence
        )
        if differs == []:
            current += 1
        else:
            of = json.dumps([look.variant, look.config, look.metric, differs])
            groups.setdefault(of, []).append((look, differs or []))
    return LooksAtTest(
        earlier=tuple(_earlier(group) for group in groups.values()),
        since=looks[0].when,
        now=current,
        elsewhere=len(looks) - len(here),
    )


def _differs(
    look: Look, configs: Sequence[dict[str, Any]], seeds: Collection[int], evidence: Evidence
) -> list[str] | None:
    """What was otherwise than it is now, in words; None where the variant is gone."""
    if not configs:
        return None
    every = [list(changes(look.config, config)) for config in configs]
    found = [] if [] in every else every[0]
    if look.metric != evidence.metric.name:
        found.append(f"compare.metric {look.metric} -> {evidence.metric.name}")
    if look.seed not in seeds:
        found.append("a seed that is not compared now")
    return found


def _earlier(group: Sequence[tuple[Look, list[str]]]) -> Earlier:
    looks, (first, differs) = [look for look, _ in group], group[0]
    models = {(look.seed, look.weights): look for look in looks}
    figures = [look.test_figure for look in models.values() if look.test_figure is not None]
    return Earlier(
        variant=first.variant,
        differs=tuple(differs),
        first=first.when,
        last=looks[-1].when,
        runs=len(models),
        evaluations=len(looks),
        metric=first.metric,
        figure=float(np.mean(figures)) if figures else None,
    )
