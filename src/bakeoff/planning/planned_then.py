"""What the code of now would plan a finished run with, were its configuration put back.

Where that is the digest that it was planned with, the code is that of then; else it is another.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from pydantic import ValidationError

from bakeoff.config.digest import pretraining_digest, run_digest
from bakeoff.config.pretraining import Pretraining
from bakeoff.config.schema import Data, Section
from bakeoff.config.variants import Run, Variant
from bakeoff.layout import Layout
from bakeoff.planning.recorded import Recorded, recorded
from bakeoff.weights.source import FAMILY, PREFIX, Weights

S = TypeVar("S", bound=Section)


@dataclass(frozen=True)
class WeightsOfThen(Weights):
    """What a finished run started from, as its digest counted it."""

    counted: str = ""

    def planned(self) -> str:
        """What of them counted when the run was planned."""
        return self.counted


def planned_then(then: Recorded, run: Run, data: Data, layout: Layout) -> str | None:
    """The digest of the run `then` by the code of now; None where this version cannot read what it was."""
    try:
        variant = _variant(then, run.variant, _weights(then, layout))
        return run_digest(Run(variant, run.seed), _section(then, "data", data))
    except (ValidationError, KeyError, ValueError, TypeError):
        return None


def pretraining_planned_then(then: Recorded, pretraining: Pretraining) -> str | None:
    """`planned_then` of a pretraining."""
    try:
        variant = _variant(then, pretraining.variant, None)
        masking = _section(then, "masking", pretraining.masking)
        return pretraining_digest(replace(pretraining, variant=variant, masking=masking))
    except (ValidationError, KeyError, ValueError, TypeError):
        return None


def _variant(then: Recorded, now: Variant, weights: Weights | None) -> Variant:
    made_with: Mapping[str, Any] = {
        "model": then.config["model"],
        "options": dict(then.config["options"]),
        "image": _section(then, "image", now.image),
        "training": _section(then, "training", now.training),
        "weights": weights,
    }
    return now.model_copy(update=made_with)


def _section(then: Recorded, name: str, now: S) -> S:
    return type(now).model_validate(then.config[name])


def _weights(then: Recorded, layout: Layout) -> Weights | None:
    if not then.weights:
        return None
    name, file = str(then.weights["name"]), layout.root
    if name.startswith(FAMILY):
        return WeightsOfThen("timm", name, file, counted=name)
    if name.startswith(PREFIX):
        start = recorded(layout.pretraining(name.removeprefix(PREFIX)))
        counted = f"{PREFIX}{start.planned if start else None}"
        return WeightsOfThen("pretraining", name, file, counted=counted)
    return WeightsOfThen("file", name, file, counted=f"sha256:{then.weights['sha256']}")
