"""The comparison of the variants with the baseline, in the report's sentences."""

from dataclasses import dataclass

import pandas as pd

from bakeoff.report.evidence import Evidence
from bakeoff.report.numbers import NAMED, figure, gap_interval, known, listing, plural

WORTH = {"metadata": "which looks at no image", "majority": "which guesses"}


@dataclass(frozen=True)
class BaselineComparison:
    """The variants against the baseline of the comparison's differences.

    clear: the variants ahead of it by more than chance explains; gap, low, high: the best variant's
    difference to it with its paired interval; baseline: "" where there is none.
    """

    baseline: str
    auroc: float
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
            where = f"{distance} {'below' if self.gap < 0 else 'ahead of'}"
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
        return f"the {self.baseline} baseline, {WORTH[self.baseline]} (AUROC {figure(self.auroc)})"


def compare_to_baseline(rows: pd.DataFrame, evidence: Evidence) -> BaselineComparison:
    """Compare the variants of these rows of the comparison, best first, to its baseline."""
    names = rows["baseline"].dropna()
    baseline = str(names.iloc[0]) if len(names) and names.iloc[0] in evidence.baselines else ""
    auroc = evidence.baselines[baseline].auroc if baseline else float("nan")
    ahead = rows["difference_to_baseline_low"] > 0
    # Between two perfect or constant rankings no resample moves the difference: it has no interval.
    bare = rows["difference_to_baseline_low"].isna() & (rows["test_auroc_low"] > auroc)
    best = rows.iloc[0]
    return BaselineComparison(
        baseline=baseline,
        auroc=auroc,
        variants=len(rows),
        clear=[str(name) for name in rows["variant"][ahead | bare]],
        gap=best["difference_to_baseline"],
        low=best["difference_to_baseline_low"],
        high=best["difference_to_baseline_high"],
        metadata_missing=evidence.baselines["metadata"].missing,
    )
