"""The section `compare`: by which metric variants are compared, and what is asked of the comparison."""

from pydantic import Field

from bakeoff.config.schema.section import Section


class Compare(Section):
    """How variants are compared."""

    metric: str | None = (
        None  # the primary metric; None: the one that is usual for the kind of task
    )
    margin: float | None = Field(
        None, gt=0
    )  # a difference of the metric that does not matter: within it variants are equivalent
