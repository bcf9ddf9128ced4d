"""The comparison of the variants with the baseline, in the report's sentences."""

from dataclasses import dataclass

import pandas as pd

from bakeoff.report.evidence import Evidence
from bakeoff.report.numbers import NAMED, figure, gap_interval, known, listing, plural
from bakeoff.report.standings import leads
from bakeoff.task.classification import Metric

WORTH = {"metadata": "which looks at no image", "majority": "which guesses"}


@dataclass(frozen=True)
class BaselineComparison:
    """The variants against the baseline of the comparison's differences.

    clear: the variants ahead of it by more than chance explains, all counted; gap, low, high: by how much
    the best variant is ahead of it, negative where it is behind, with the paired interval; baseline: ""
    where there is none, figure: its own.
    """

    baseline: str
    metric: Metric
    figure: float
    variants: int
    clear: list[str]
    gap: float
    low: float
    high: float
    metadata_missing: str

    @property
    def below(self) -> bool:
        """True if the best variant is, as printed, not above the baseline."""
        return known(self.gap) and (self.gap < 0 or figure(abs(self.gap)) == figure(0.0))

    @property
    def no_win_headline(self) -> str:
        """The headline where no variant clearly beats the baseline, else empty."""
        if not self.baseline or (self.clear and not self.below):
            return ""
        return (
            f"No variant {'beats' if self.below else 'clearly beats'} the {self.baseline} baseline"
        )

    @property
    def no_win_clause(self) -> str:
        """The headline as a clause, after "x is the only variant with a result"."""
        if not self.no_win_headline:
            return ""
        return f", and does not {'beat' if self.below else 'clearly beat'} the {self.baseline} baseline"

    @property
    def gap_clause(self) -> str:
        """The best variant's difference to the baseline, as a clause after its own figures."""
        distance = figure(abs(self.gap))
        if distance == figure(0.0):
            where = "level with"
        else:
            behind = "below" if self.metric.higher_is_better else "behind"
            where = f"{distance} {behind if self.gap < 0 else 'ahead of'}"
        ends = gap_interval(self.low, self.high)
        words = f"{where} {self._baseline_in_words}"
        return words + (f": a difference of {ends} (paired interval)" if ends else "")

    def sentences(self, *, complete: bool) -> list[str]:
        """The variants that beat the baseline; empty where the headline is that no variant does."""
        sentences = []
        if self.metadata_missing:
            sentences.append(f"There is no metadata baseline to beat: {self.metadata_missing}.")
        if self.no_win_headline or not self.baseline or self.baseline == "majority":
            return sentences
        if len(self.clear) == self.variants:
            every = "Every variant" + ("" if complete else " with a result")
            return [*sentences, f"{every} beats {self._baseline_in_words}."]
        some = f"{len(self.clear)} of {plural(self.variants, 'variant')} clearly beat"
        return [*sentences, f"{some} {self._baseline_in_words}: {listing(self.clear, NAMED)}."]

    @property
    def _baseline_in_words(self) -> str:
        return f"the {self.baseline} baseline, {WORTH[self.baseline]} ({self.metric} {figure(self.figure)})"


def compare_to_baseline(rows: pd.DataFrame, evidence: Evidence) -> BaselineComparison:
    """Compare the variants of these rows of the comparison, best first, to its baseline."""
    names = rows["baseline"].dropna()
    baseline = str(names.iloc[0]) if len(names) and names.iloc[0] in evidence.baselines else ""
    metric = evidence.metric
    own = evidence.baselines[baseline].figure_of(metric.name) if baseline else float("nan")
    gaps = leads(rows, "baseline", metric)
    told = evidence.conclusion.baseline if evidence.conclusion else ()
    ahead = {pair.first for pair in told if pair.answer == "better" and pair.difference > 0}
    best = gaps.iloc[0]
    return BaselineComparison(
        baseline=baseline,
        metric=metric,
        figure=own,
        variants=len(rows),
        clear=[str(name) for name in rows["variant"] if name in ahead],
        gap=best["gap"],
        low=best["low"],
        high=best["high"],
        metadata_missing=evidence.baselines["metadata"].missing,
    )
