"""Log messages about the weights that a model starts from."""

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import Tensor

from bakeoff.models.normalisation import MEAN_AND_SPREAD
from bakeoff.weights.recognise import Reading

log = logging.getLogger(__name__)

BESIDE = "preprocessor_config.json"
"""The file in which transformers keeps the mean and deviation that a model was trained with."""


def log_reading(file: Path, name: str, options: Mapping[str, Any], reading: Reading) -> None:
    """Log how a file is read, which layers start afresh, and what may differ from the published model."""
    if not reading.plain:
        log.info("%s: %s.", file, reading.describe())
    if not reading.near:
        return
    _classifier(file, reading)
    if options.get("normalise", "auto") == "auto" and reading.target.sizes is not None:
        _statistics(file, reading)
    if name == "convmixer_768_32" and reading.naming is not None:
        log.warning(
            "%s: ConvMixer-768/32 was published with ReLU and has GELU here, as in its paper: only a "
            "starting point. 'model: timm/convmixer_768_32' keeps what the weights mean.",
            file,
        )


@contextmanager
def without_classifier_message() -> Iterator[None]:
    """Suppress the model's own message of a classifier that starts afresh: it names the temporary copy."""

    def is_other(record: logging.LogRecord) -> bool:
        return "starts afresh" not in str(record.msg)

    models = logging.getLogger("bakeoff.models.pretrained")
    models.addFilter(is_other)
    try:
        yield
    finally:
        models.removeFilter(is_other)


def _classifier(file: Path, reading: Reading) -> None:
    heads = reading.target.heads
    ours = {key: t for key, t in reading.target.wanted.items() if key.startswith(heads)}
    theirs = {key: t for key, t in reading.named.items() if key.startswith(heads)}
    afresh = {k: t for k, t in ours.items() if k not in theirs or theirs[k].shape != t.shape}
    if afresh:
        log.info(
            "%s: its classifier (%s) does not fit: %s starts afresh.",
            file,
            _shapes(theirs) or "none",
            _shapes(afresh),
        )


def _statistics(file: Path, reading: Reading) -> None:
    """Warn where transformers' file beside the weights has another mean than the naming implies."""
    taken = reading.published.statistics
    try:
        stated = json.loads(file.with_name(BESIDE).read_text(encoding="utf-8"))
        mean = [round(float(value), 3) for value in stated["image_mean"]]
    except (OSError, ValueError, KeyError, TypeError):
        return
    if taken is None or mean == list(MEAN_AND_SPREAD[taken][0]):
        return
    known = [name for name, (theirs, _) in MEAN_AND_SPREAD.items() if list(theirs) == mean]
    log.warning(
        "%s: the %s beside it has a mean of %s, and 'normalise: auto' takes %s for weights of this "
        "naming. %s",
        file,
        BESIDE,
        mean,
        MEAN_AND_SPREAD[taken][0],
        f"Set 'normalise: {known[0]}'." if known else "There is no option for it.",
    )


def _shapes(tensors: Mapping[str, Tensor]) -> str:
    return ", ".join(f"{name} {tuple(tensor.shape)}" for name, tensor in tensors.items())
