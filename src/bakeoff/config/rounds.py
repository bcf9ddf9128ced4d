"""The rounds of a bake-off that adds seeds until its variants are separated: what was decided.

They are `rounds/1.json`, `rounds/2.json` and so on, each written once by `bakeoff round`. Whoever reads the
configuration reads them too, so that every stage knows the seeds that were added.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from bakeoff.config.variants import Variant
from bakeoff.errors import ConfigError
from bakeoff.layout import Layout
from bakeoff.wording import listed


@dataclass(frozen=True)
class Round:
    """One decision. seeds: of each variant that were looked at; validation: their mean figures.

    p: the adjusted p value of each variant's being among the best on validation; in_the_set: those that may
    be; added: the seeds that are to run next, empty where it ends, for the reason `ended`.
    """

    number: int
    metric: str
    seeds: dict[str, tuple[int, ...]]
    validation: dict[str, float | None]
    p: dict[str, float]
    in_the_set: tuple[str, ...]
    added: dict[str, tuple[int, ...]]
    ended: str

    @property
    def in_words(self) -> str:
        """What was decided, in a line."""
        may = f"{listed(self.in_the_set)} may be the best on validation"
        if self.ended:
            return f"{may}; no more seeds ({self.ended})"
        more = [f"{name} {', '.join(map(str, seeds))}" for name, seeds in self.added.items()]
        return f"{may}; next seeds: {'; '.join(more)}"


def read_rounds(layout: Layout) -> list[Round]:
    """The rounds that were decided, up to the first that is not there; ConfigError for a damaged one."""
    return list(_read(layout))


def _read(layout: Layout) -> Iterator[Round]:
    adapter = TypeAdapter(Round)
    number = 1
    while (path := layout.round(number)).exists():
        try:
            found = adapter.validate_json(path.read_bytes())
        except ValidationError as error:
            raise ConfigError(
                f"{path}: not a round ({error.error_count()} problems). Delete it and run again."
            ) from None
        yield found
        if found.ended:  # what is there of later ones is of an earlier decision
            return
        number += 1


def with_added(variants: Sequence[Variant], rounds: Sequence[Round]) -> tuple[Variant, ...]:
    """The variants with the seeds that rounds have added to those of the configuration."""
    return tuple(_with_seeds(variant, [one.added for one in rounds]) for variant in variants)


def _with_seeds(variant: Variant, added: Sequence[Mapping[str, tuple[int, ...]]]) -> Variant:
    seeds = list(variant.training.seeds)
    for one in added:
        seeds += [seed for seed in one.get(variant.name, ()) if seed not in seeds]
    training = variant.training.model_copy(update={"seeds": tuple(seeds)})
    return variant.model_copy(update={"training": training})


def next_seeds(seeds: Sequence[int], count: int) -> tuple[int, ...]:
    """The next `count` seeds: the smallest numbers from 0 on that are not among them."""
    found: list[int] = []
    candidate = 0
    while len(found) < count:
        if candidate not in seeds:
            found.append(candidate)
        candidate += 1
    return tuple(found)
