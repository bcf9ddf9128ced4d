"""Builds a model with the weights of a file, from any known library and in any wrapping."""

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import nn

from bakeoff.errors import ConfigError
from bakeoff.models.catalogue import find
from bakeoff.models.normalisation import MEAN_AND_SPREAD
from bakeoff.models.registry import Task, build
from bakeoff.weights.contents import read
from bakeoff.weights.loading_report import log_reading, without_classifier_message
from bakeoff.weights.misfits import check
from bakeoff.weights.recognise import Reading, as_it_is, best
from bakeoff.weights.targets import targets_of


def build_from(path: Path, name: str, task: Task, options: Mapping[str, Any]) -> nn.Module:
    """The model `name` with the weights of a file.

    A file that the model itself can read is passed to it. Any other that holds its weights is renamed to
    names that it reads, in a temporary copy. Raises ConfigError naming the file, what
    was found in it, what was expected, and what to do.
    """
    wrapped, targets = read(path), targets_of(name, task, options)
    reading = best(wrapped, targets)
    if not find(name).is_family:
        check(reading, targets, path, name, options)
    # timm knows more namings of its models, and adapts more.
    chosen = reading if reading.near else as_it_is(wrapped, targets)
    log_reading(path, name, options, chosen)
    with _readable(path, chosen) as readable, without_classifier_message():
        try:
            return build(name, task, {**options, "weights": str(readable)})
        except ConfigError as error:
            check(reading, targets, path, name, options)
            raise ConfigError(str(error).replace(str(readable), str(path))) from error


def verify(path: Path, name: str, task: Task, options: Mapping[str, Any]) -> None:
    """Raise ConfigError, as `build_from` would, where a file's weights are not those of the model `name`."""
    targets = targets_of(name, task, options)
    try:
        check(best(read(path), targets), targets, path, name, options)
    except ConfigError:
        if not find(name).is_family:
            raise
        with torch.random.fork_rng(devices=[]):  # timm decides what fits
            build_from(path, name, task, options)


@contextmanager
def _readable(file: Path, reading: Reading) -> Iterator[Path]:
    if reading.plain:
        yield file
        return
    with ExitStack() as kept:
        try:
            folder = kept.enter_context(tempfile.TemporaryDirectory(prefix="bakeoff-"))
            copy = Path(folder) / f"{file.name.partition('.')[0]}.safetensors"
            _write(copy, reading)
        except (OSError, SafetensorError) as error:
            raise ConfigError(
                f"{file}: its weights cannot be written under our names into {tempfile.gettempdir()}: "
                f"{error}. Set TMPDIR to a folder with room for the file."
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
