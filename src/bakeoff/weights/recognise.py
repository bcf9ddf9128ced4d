"""Recognises the naming in a file: the reading of it under which most of a model's weights are found.

A prefix is what all names of a copy begin with: `module.` (DataParallel), `model.` (Lightning),
`_orig_mod.` (torch.compile), `backbone.`, `base_encoder.`, or any other.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from bakeoff.models.pretrained import Naming
from bakeoff.weights.contents import Wrapped, rank
from bakeoff.weights.namings import AS_IT_IS, Published
from bakeoff.weights.targets import Target

SHARED = 0.1  # share of a file's names that have to begin with a prefix
NEARBY = 0.5  # share of a model's weights from which a file counts as one of that model


@dataclass(frozen=True)
class Reading:
    """A file's tensors, read as the weights of a model."""

    target: Target
    wrapped: Wrapped
    prefix: str
    published: Published
    naming: (
        Naming | None
    )  # of the model, to read the names that `published` makes; None for our names
    named: Mapping[str, Tensor]  # in our names, without values

    @property
    def plain(self) -> bool:
        """Whether the model itself can read the file."""
        return self.wrapped.plain and not self.prefix and self.published is AS_IT_IS

    @property
    def library(self) -> str:
        """The library of the naming."""
        if self.published is not AS_IT_IS:
            return self.published.library
        if self.naming is None:
            return "the model's own"
        return (
            self.naming.library if self.naming.library.endswith("'") else f"{self.naming.library}'s"
        )

    @property
    def found(self) -> int:
        """How many of the required weights are there, by name."""
        return len(self.target.body() & self.named.keys())

    @property
    def near(self) -> bool:
        """Whether the file is of a model of this kind."""
        named = [name for name in self.named if not name.startswith(self.target.heads)]
        return self.found >= max(1, NEARBY * min(len(self.target.body()), len(named)))

    def surplus(self) -> list[str]:
        """The names that the model does not have."""
        return [
            name
            for name in self.named
            if name not in self.target.wanted and not name.startswith(self.target.heads)
        ]

    def missing(self) -> list[str]:
        """The required names that the file does not have."""
        return [
            name for name in self.target.wanted if name in self.target.body() - self.named.keys()
        ]

    def translated(self) -> dict[str, Tensor]:
        """The tensors under names that the model itself reads."""
        return self.published.translate(_without(self.prefix, self.wrapped.tensors))

    def describe(self) -> str:
        """Where in the file the weights are, for the log."""
        below = f" below {list(self.wrapped.keys)}" if self.wrapped.keys else ""
        behind = f" behind '{self.prefix}'" if self.prefix else ""
        return f"{len(self.named)} weights{below}{behind}, {self.library} names"


def best(wrapped: Sequence[Wrapped], targets: Sequence[Target]) -> Reading:
    """The reading with the most of a model's weights, then the fewest surplus names.

    Of equal ones the first: without prefix before with one, a teacher's before a student's.
    """
    return max(readings(wrapped, targets), key=_goodness)


def as_it_is(wrapped: Sequence[Wrapped], targets: Sequence[Target]) -> Reading:
    """The reading that leaves everything to the model, of the most likely copy."""
    return Reading(targets[0], wrapped[0], "", AS_IT_IS, None, dict(wrapped[0].tensors))


def _goodness(reading: Reading) -> tuple[int, int, int]:
    heads = sum(name in reading.target.wanted for name in reading.named)
    return reading.found, heads, -len(reading.surplus())


def readings(wrapped: Sequence[Wrapped], targets: Sequence[Target]) -> Iterator[Reading]:
    """Every way to read a file's tensors; the plain one is always among them."""
    for copy in wrapped:
        shapes = {name: tensor.to("meta") for name, tensor in copy.tensors.items()}
        for prefix in _prefixes(shapes):
            behind = _without(prefix, shapes)
            for target in targets:
                for published in (AS_IT_IS, *target.published):
                    if published.sign and published.sign not in behind:
                        continue
                    translated = published.translate(behind)
                    yield Reading(target, copy, prefix, published, None, translated)
                    for naming in target.namings:
                        if naming.sign in translated:
                            named = naming.rename(translated)
                            yield Reading(target, copy, prefix, published, naming, named)


def _without(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): t for k, t in tensors.items() if k.startswith(prefix)}


def _prefixes(names: Mapping[str, Tensor]) -> list[str]:
    """No prefix, then each that SHARED of the names begin with."""
    shared = Counter(
        name[: end + 1] for name in names for end, letter in enumerate(name) if letter == "."
    )
    enough = [prefix for prefix, count in shared.items() if count >= SHARED * len(names)]
    return ["", *sorted(enough, key=lambda prefix: (rank(prefix), len(prefix)))]
