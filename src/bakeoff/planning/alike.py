"""What jobs ask of their variants: said once where all agree, looked up per job where they differ.

Snakemake takes a value as it is, and inspects and calls a function for every job, several times.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from bakeoff.config.variants import Variant

T = TypeVar("T")


class Alike:
    """Answers of the variants to what their jobs ask; `variant_of` is whose a job's wildcards say it is."""

    def __init__(self, variants: Sequence[Variant], variant_of: Callable[[Any], Variant]) -> None:
        self.variants = variants
        self.variant_of = variant_of

    def answer(self, ask: Callable[[Variant], T]) -> T | Callable[[Any], T]:
        """The answer of every variant if it is the same, else a function of a job's wildcards."""
        answers = {id(variant): ask(variant) for variant in self.variants}
        first, *others = answers.values()
        if all(other == first for other in others):
            return first
        return lambda wildcards: answers[id(self.variant_of(wildcards))]
