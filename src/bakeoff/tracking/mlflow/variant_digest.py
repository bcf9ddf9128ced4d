"""What tells the parent run of a variant from that of the same variant under another configuration.

Only params that differ from their defaults count, as in the digests of the configuration: a seed that a later
version of bakeoff trains, with keys that the others did not know, joins them.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from functools import cache

from bakeoff.config.schema import Data, Image, Resources, Section, Split, Training
from bakeoff.config.schema.section import sections_in
from bakeoff.tracking.journal.events import Scalar, flatten

SECTIONS: dict[str, type[Section]] = {
    "data": Data,
    "split": Split,
    "image": Image,
    "training": Training,
    "resources": Resources,
}
RECORDED = "task."
"""The task as the data closed it; as it was written it is among the params of `data`."""


def params_digest(params: Mapping[str, Scalar]) -> str:
    """A short name for a variant's params."""
    usual = _defaults()
    counted: dict[str, Scalar] = {}
    for key, value in params.items():
        if key.startswith(RECORDED):
            continue
        # That an optional section was given counts, be all of its values the usual ones.
        counted |= {above: "given" for above in _above(key) if above in usual and not usual[above]}
        if key not in usual or usual[key] != value:
            counted[key] = value
    return whole_digest(counted)


def whole_digest(params: Mapping[str, Scalar]) -> str:
    """The same of every param, by which earlier versions found a variant."""
    text = json.dumps(dict(params), sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


@cache
def _defaults() -> Mapping[str, Scalar]:
    """The default of every key that has one, also of those in optional sections."""
    found: dict[str, Scalar] = {}
    for name, section in SECTIONS.items():
        found |= dict(_defaults_of(section, f"{name}."))
    return found


def _defaults_of(section: type[Section], prefix: str) -> Iterator[tuple[str, Scalar]]:
    usual = section.model_construct().model_dump(mode="json", warnings=False)
    yield from flatten(usual, prefix).items()
    for key, field in section.model_fields.items():
        for inner in sections_in(field.annotation):
            if issubclass(inner, Section):
                yield from _defaults_of(inner, f"{prefix}{key}.")


def _above(key: str) -> Iterator[str]:
    """`image`, `image.flip` of `image.flip.probability`."""
    parts = key.split(".")
    yield from (".".join(parts[:end]) for end in range(1, len(parts)))
