"""A model built with the weights of a file, whoever saved them and however they are wrapped."""

import json
import logging
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn

from bakeoff.errors import ConfigError
from bakeoff.models.catalogue import find
from bakeoff.models.normalisation import MEAN_AND_SPREAD
from bakeoff.models.registry import Task, build
from bakeoff.weights.contents import read
from bakeoff.weights.misfits import check
from bakeoff.weights.recognise import Reading, best, unread
from bakeoff.weights.targets import targets_of

log = logging.getLogger(__name__)


def build_from(path: Path, name: str, task: Task, options: Mapping[str, Any]) -> nn.Module:
    """The model `name` with the weights of a file.

    A file that the model reads by itself is left to it. Any other that holds its weights is brought
    under names that it reads, in a copy that is gone afterwards. Raises ConfigError naming the file, what
    was found in it, what was expected, and what to do.
    """
    wrapped, targets = read(path), targets_of(name, task, options)
    reading = best(wrapped, targets)
    if not find(name).is_family:
        check(reading, targets, path, name, options)
    # timm knows more namings, model by model, and fits what else differs.
    chosen = reading if reading.near else unread(wrapped, targets)
    _tell(path, name, chosen)
    with _readable(path, chosen) as readable, _told_once():
        try:
            return build(name, task, {**options, "weights": str(readable)})
        except ConfigError as error:
            check(reading, targets, path, name, options)
            raise ConfigError(str(error).replace(str(readable), str(path))) from error


def verify(path: Path, name: str, task: Task, options: Mapping[str, Any]) -> None:
    """Raise ConfigError, as `build_from` would, where a file's weights are not those of the model `name`."""
    if find(name).is_family:  # what fits is timm's to say
        with torch.random.fork_rng(devices=[]):
            build_from(path, name, task, options)
    else:
        targets = targets_of(name, task, options)
        check(best(read(path), targets), targets, path, name, options)


def _tell(file: Path, name: str, reading: Reading) -> None:
    if not reading.plain:
        log.info("%s: %s.", file, reading.describe())
    if not reading.near:
        return
    heads = {k: t for k, t in reading.target.wanted.items() if k.startswith(reading.target.heads)}
    afresh = [
        k for k, t in heads.items() if k not in reading.named or reading.named[k].shape != t.shape
    ]
    if afresh:
        theirs = ", ".join(
            f"{k} {tuple(t.shape)}"
            for k, t in reading.named.items()
            if k.startswith(reading.target.heads)
        )
        log.info(
            "%s: its classifier (%s) does not fit: %s starts afresh.",
            file,
            theirs or "none",
            ", ".join(f"{k} {tuple(heads[k].shape)}" for k in afresh),
        )
    if name == "convmixer_768_32" and reading.naming is not None:
        log.warning(
            "%s: ConvMixer-768/32 was published with ReLU and has GELU here, as in its paper: only a "
            "starting point. 'model: timm/convmixer_768_32' keeps what the weights mean.",
            file,
        )


@contextmanager
def _told_once() -> Iterator[None]:
    """Without the model's own words of a classifier that starts afresh: they name the copy."""

    def said(record: logging.LogRecord) -> bool:
        return "starts afresh" not in record.msg

    models = logging.getLogger("bakeoff.models.pretrained")
    models.addFilter(said)
    try:
        yield
    finally:
        models.removeFilter(said)


@contextmanager
def _readable(file: Path, reading: Reading) -> Iterator[Path]:
    if reading.plain:
        yield file
        return
    with tempfile.TemporaryDirectory(prefix="bakeoff-") as folder:
        copy = Path(folder) / f"{file.name.partition('.')[0]}.safetensors"
        try:
            _write(copy, reading)
        except OSError as error:
            raise ConfigError(
                f"{file}: its weights cannot be brought under our names in {folder}: "
                f"{error.strerror}. Set TMPDIR to a folder with room for the file."
            ) from error
        yield copy


def _write(copy: Path, reading: Reading) -> None:
    stated = dict(reading.wrapped.stated)
    statistics = reading.published.statistics
    if statistics and reading.target.sizes is not None:  # of a timm model timm knows them
        mean, spread = MEAN_AND_SPREAD[statistics]
        stated = {"mean": json.dumps(mean), "std": json.dumps(spread), **stated}
    # Cloned: safetensors refuses tensors that share memory, as tied weights do.
    tensors = {k: t.contiguous().clone() for k, t in reading.translated().items()}
    save_file(tensors, copy, stated)
