"""The section `compare`: by which metric variants are compared, and what is asked of the comparison."""

from typing import Literal

from pydantic import Field, field_validator, model_validator

from bakeoff.config.schema.section import Section


class Subgroup(Section):
    """A column of the table whose values make subgroups of the test images."""

    column: str
    bands: tuple[float, ...] = ()  # of numbers: where a band ends and the next begins

    @field_validator("bands")
    @classmethod
    def _ascending(cls, bands: tuple[float, ...]) -> tuple[float, ...]:
        if list(bands) != sorted(set(bands)):
            raise ValueError(f"expected numbers that rise, as [40, 60], found {list(bands)}")
        return bands


class Compare(Section):
    """How variants are compared."""

    metric: str | None = (
        None  # the primary metric; None: the one that is usual for the kind of task
    )
    margin: float | None = Field(
        None, gt=0
    )  # a difference of the metric that does not matter: within it variants are equivalent
    subgroups: tuple[str | Subgroup, ...] | None = (
        None  # columns; None: sex, age and view as far as the table has them
    )

    until: Literal["separated"] | None = (
        None  # separated: add seeds, round by round, to the variants that may still be the best
    )
    max_seeds: int | None = Field(None, ge=2)  # of a variant; with `until`, by default 10

    @model_validator(mode="after")
    def _seeds_are_of_rounds(self) -> "Compare":
        if self.max_seeds is not None and self.until is None:
            raise ValueError("'max_seeds' is of 'until: separated', and there is no 'until'")
        return self

    @property
    def most_seeds(self) -> int:
        """How many seeds a variant may come to have."""
        return self.max_seeds or 10

    @property
    def by_column(self) -> tuple[Subgroup, ...] | None:
        """The subgroups that are asked for; None where that is left to the table."""
        if self.subgroups is None:
            return None
        return tuple(
            Subgroup(column=one) if isinstance(one, str) else one for one in self.subgroups
        )
