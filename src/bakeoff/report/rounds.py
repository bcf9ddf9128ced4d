"""The rounds of a bake-off that added seeds until its variants were separated, and what that saved."""

from dataclasses import dataclass

from bakeoff.config.rounds import Round, read_rounds
from bakeoff.errors import ConfigError
from bakeoff.layout import Layout
from bakeoff.report.cost import CostTable
from bakeoff.report.evidence import Evidence


@dataclass(frozen=True)
class Rounds:
    """The decisions; runs that were made, and those that `most` seeds for every variant would have been.

    saved: hours of the runs that were not made, at the mean of their variant's, None where one is not known;
    unit: "GPU" or "CPU".
    """

    rounds: tuple[Round, ...]
    most: int
    made: int
    all: int
    saved: float | None
    unit: str


def rounds(evidence: Evidence, cost: CostTable, most: int | None) -> Rounds | None:
    """The rounds; None of a bake-off that has none. `most` is compare.max_seeds."""
    try:
        found = read_rounds(Layout(evidence.results))
    except ConfigError as error:
        evidence.unread.append(str(error))
        return None
    if not found:
        return None
    ran = {variant: len(runs) for variant, runs in evidence.variants.items()}
    most = most or max(ran.values())
    hours = {row.variant: row.hours for row in cost.rows}
    units = {row.unit for row in cost.rows}
    spared = {variant: most - count for variant, count in ran.items()}
    known = len(units) == 1 and all(hours.get(name) is not None for name in ran if spared[name])
    return Rounds(
        rounds=tuple(found),
        most=most,
        made=sum(ran.values()),
        all=most * len(ran),
        saved=sum(count * (hours.get(name) or 0.0) for name, count in spared.items())
        if known
        else None,
        unit=units.pop() if known else "",
    )
