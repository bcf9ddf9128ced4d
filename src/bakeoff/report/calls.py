"""The thresholds that validation chose, run by run, and what they give on test."""

from dataclasses import dataclass

from bakeoff.report.evidence import Evidence, RunEvidence
from bakeoff.report.share import Share, share_of

MOST_ROWS = 12  # of a table that stands open


@dataclass(frozen=True)
class Threshold:
    """A run's threshold for a class or finding, and the test images that are called right and wrong."""

    variant: str
    seed: int
    name: str
    threshold: float
    sensitivity: Share
    specificity: Share
    found: int
    missed: int
    false_alarms: int
    spared: int


@dataclass(frozen=True)
class Calls:
    """Every threshold by variant, in the report's order; `names`: of classes or findings, several or one."""

    variants: dict[str, list[Threshold]]
    names: tuple[str, ...]

    @property
    def rows(self) -> list[Threshold]:
        """All of them."""
        return [one for own in self.variants.values() for one in own]

    @property
    def one_table(self) -> bool:
        """Whether all variants stand in one table."""
        return len(self.names) == 1

    @property
    def closed(self) -> bool:
        """Whether that table has more rows than people read on the way."""
        return len(self.rows) > MOST_ROWS


def calls(evidence: Evidence) -> Calls | None:
    """The thresholds of every finished run; None where the task or the runs have none."""
    if not evidence.words.thresholds:
        return None
    variants = {
        name: [one for run in runs for one in _of_run(run, evidence)]
        for name, runs in evidence.finished()
    }
    variants = {name: own for name, own in variants.items() if own}
    return Calls(variants, evidence.task.scored) if variants else None


def _of_run(run: RunEvidence, evidence: Evidence) -> list[Threshold]:
    test, chosen = run.test, evidence.thresholds_of(run)
    if test is None:
        return []
    rows = []
    for view in evidence.task.one_vs_rest(test.labels, test.scores):
        if view.name not in chosen:
            continue
        there, called = view.labels == 1, view.scores >= chosen[view.name]
        rows.append(
            Threshold(
                variant=run.variant,
                seed=run.seed,
                name=view.name,
                threshold=chosen[view.name],
                sensitivity=share_of(called, there, test.units),
                specificity=share_of(~called, ~there, test.units),
                found=int((there & called).sum()),
                missed=int((there & ~called).sum()),
                false_alarms=int((~there & called).sum()),
                spared=int((~there & ~called).sum()),
            )
        )
    return rows
