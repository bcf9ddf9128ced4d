"""How a model joins the zoo, and how one is built from its name and options."""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, runtime_checkable

from bakeoff.models.catalogue import Minimised, find
from bakeoff.models.fit import LabelRule, Rule
from bakeoff.task.classification import Scored

if TYPE_CHECKING:
    from torch import Tensor, nn

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Expected:
    """What pretrained weights expect of an image in 0..1: of each colour, its mean and its spread."""

    mean: tuple[float, ...]
    spread: tuple[float, ...]


@dataclass(frozen=True)
class Task:
    """What every model is built for: images (B, channels, size, size) to logits (B, outputs)."""

    channels: int = 1
    size: int = 512
    outputs: int = 2
    findings: tuple[str, ...] = ()  # of `positive` the data's labels, those of class 0 first
    expected: Expected | None = (
        None  # of a run's own weights, loaded later: the pretrained are not read
    )
    negatives: int = 1  # how many of them are of class 0; NIH's tables have `No Finding` alone
    scored: Scored = "positive"  # of the others each of `findings` has a score, and negatives is 0


@dataclass(frozen=True)
class Targets:
    """What is known of a batch of images."""

    labels: "Tensor"  # int64 (B,): the class (`positive`: 0 or 1); `independent`: (B, F) of 0 and 1
    findings: "Tensor"  # float (B, F): 1 where the image has that one of the task's findings
    most: int | None = None  # findings of any image that may be in a batch, where that is known


@runtime_checkable
class OwnObjective(Protocol):
    """A model that is not trained by a loss over its logits: it emits findings, or has several heads.

    It may ignore `training.loss`. In training mode `objective` is what is minimised; in evaluation
    mode it sees no gradient, and its loss is what the history calls val_loss.
    """

    def objective(self, images: "Tensor", targets: Targets) -> "tuple[Tensor, Tensor]":
        """Mean loss () and scores of images (B, C, H, W); the scores must not look at the targets.

        Float (B,) for a task of `positive`, (B, K) of `exclusive`, (B, F) of `independent`.
        """
        ...


def model(
    name: str,
    *,
    reference: str,
    source: str,
    fits: Rule | None = None,
    labels: LabelRule | None = None,
    objective: Minimised = "loss",
) -> Callable[[F], F]:
    """Mark a function as the model `name`.

    `reference` is the paper, `source` the lines of the course material (D0 ... D4) it follows; `fits`
    is the rule of `fit` that says which image sizes and options go together, none if all do, `labels` that
    which says what of an image the model can learn; `objective` is what training minimises: `training.loss`,
    the likelihood of the findings, or the model's own.

    The function takes a Task, then keyword-only options with plain annotations and defaults: they
    are the keys that a variant may set. The catalogue reads both from the source text, so that a
    configuration is checked without importing torch. A name that ends in `/*` takes the rest of a
    variant's model name as its second argument.
    """

    def mark(function: F) -> F:
        return function

    return mark


class Size:
    """A row of a table of models that one function builds: what it is, and the arguments that make it so."""

    def __init__(self, summary: str, reference: str | None = None, /, **arguments: Any) -> None:
        self.summary, self.reference, self.arguments = summary, reference, arguments


def models(
    sizes: Mapping[str, Size],
    *,
    source: str,
    reference: str | None = None,
    fits: Rule | None = None,
    labels: LabelRule | None = None,
    objective: Minimised = "loss",
) -> Callable[[F], F]:
    """Mark a function as what builds each model of a table, as `model` marks one.

    The table is a literal dict in the same file, `{"name": Size("What it is.", width=768)}`. A size gives
    the arguments before the `*`, which no variant can set, and defaults of the options after it; its own
    reference goes before that of the table.
    """

    def mark(function: F) -> F:
        return function

    return mark


def build(name: str, task: Task, options: Mapping[str, Any]) -> "nn.Module":
    """The model `name` with freshly initialised weights, from torch's current random state."""
    entry = find(name)
    function = getattr(importlib.import_module(entry.module), entry.function)
    rest = [name.partition("/")[2]] if entry.is_family else []
    module: nn.Module = function(task, *rest, **{**entry.arguments, **options})
    return module
