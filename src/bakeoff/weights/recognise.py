"""Whose names a file has: the reading of it under which most of a model's weights are found.

A prefix is whatever stands before all names of a copy: `module.` (DataParallel), `model.` (Lightning),
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

SHARED = 0.1  # of a file's names, from which on what they share may be a prefix
NEARBY = 0.5  # of a model's weights found, from which on a file is taken for one of its kind


@dataclass(frozen=True)
class Reading:
    """A file's tensors as those of a model."""

    target: Target
    wrapped: Wrapped
    prefix: str
    published: Published
    naming: (
        Naming | None
    )  # the one of the model's own that reads what `published` makes; None for our names
    named: Mapping[str, Tensor]  # in our names, without values

    @property
    def plain(self) -> bool:
        """Whether the model reads the file by itself."""
        return self.wrapped.plain and not self.prefix and self.published is AS_IT_IS

    @property
    def library(self) -> str:
        """Whose names they are."""
        if self.published is not AS_IT_IS:
            return self.published.library
        if self.naming is None:
            return "the model's own"
        return (
            self.naming.library if self.naming.library.endswith("'") else f"{self.naming.library}'s"
        )

    @property
    def found(self) -> int:
        """How many of the weights that have to be there are there, by name."""
        return len(self.target.body() & self.named.keys())

    @property
    def near(self) -> bool:
        """Whether the file is of a model of this kind."""
        named = [name for name in self.named if not name.startswith(self.target.heads)]
        return self.found >= max(1, NEARBY * min(len(self.target.body()), len(named)))

    def surplus(self) -> list[str]:
        """What the model has no place for."""
        return [
            name
            for name in self.named
            if name not in self.target.wanted and not name.startswith(self.target.heads)
        ]

    def missing(self) -> list[str]:
        """What the model needs and the file does not have."""
        return [
            name for name in self.target.wanted if name in self.target.body() - self.named.keys()
        ]

    def translated(self) -> dict[str, Tensor]:
        """The tensors under names that the model reads by itself."""
        return self.published.translate(_without(self.prefix, self.wrapped.tensors))

    def describe(self) -> str:
        """Where in the file the weights are, for the log."""
        below = f" below {list(self.wrapped.keys)}" if self.wrapped.keys else ""
        behind = f" behind '{self.prefix}'" if self.prefix else ""
        return f"{len(self.named)} weights{below}{behind}, {self.library} names"


def best(wrapped: Sequence[Wrapped], targets: Sequence[Target]) -> Reading:
    """The reading with the most of a model's weights, then the least that is left over.

    Of equal ones the first: without prefix before with one, a teacher's before a student's.
    """
    return max(readings(wrapped, targets), key=_goodness)


def unread(wrapped: Sequence[Wrapped], targets: Sequence[Target]) -> Reading:
    """The reading that leaves everything to the model, in the copy that is usually meant."""
    return Reading(targets[0], wrapped[0], "", AS_IT_IS, None, dict(wrapped[0].tensors))


def _goodness(reading: Reading) -> tuple[int, int, int]:
    heads = sum(name in reading.target.wanted for name in reading.named)
    return reading.found, heads, -len(reading.surplus())


def readings(wrapped: Sequence[Wrapped], targets: Sequence[Target]) -> Iterator[Reading]:
    """Every way to read what a file holds; there is at least the plain one."""
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
    """No prefix, then each that a good part of the names share."""
    shared = Counter(
        name[: end + 1] for name in names for end, letter in enumerate(name) if letter == "."
    )
    enough = [prefix for prefix, count in shared.items() if count >= SHARED * len(names)]
    return ["", *sorted(enough, key=lambda prefix: (rank(prefix), len(prefix)))]
