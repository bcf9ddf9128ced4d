"""Reads the named tensors of a file, whatever its writer wrapped them in.

No pickled code runs: torch.load reads with weights_only, and a class that it does not know (the settings
that Lightning keeps beside the weights, an argparse.Namespace) is replaced by one that does nothing.
"""

import pickle
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor
from torch.serialization import safe_globals

from bakeoff.errors import ConfigError
from bakeoff.weights.formats import AGAIN, SAVE_WEIGHTS, identify, whole_model
from bakeoff.weights.pickles import classes

USUAL = ("state_dict", "model")
"""The keys below which models.pretrained itself looks, in this order."""
DEPTH = 3


@dataclass(frozen=True)
class Wrapped:
    """A set of named tensors, and the keys below which a file has it."""

    keys: tuple[str, ...]
    tensors: Mapping[str, Tensor]
    plain: bool  # models.pretrained itself finds them
    stated: Mapping[str, str] = field(default_factory=dict)  # the header of a safetensors file


class Inert:
    """Replaces an object that is no weight: it keeps its state and does nothing."""

    def __init__(self, *_: Any, **__: Any) -> None:
        self.state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state


def read(file: Path) -> list[Wrapped]:
    """Every set of named tensors in a file, the most likely one first.

    Raises ConfigError naming the file, what it is, and what to do.
    """
    try:
        match identify(file):
            case "safetensors":
                return [_safetensors(file)]
            case "npz":
                return [_npz(file)]
            case "torch":
                return _torch(file)
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror or error}.") from error


def _safetensors(file: Path) -> Wrapped:
    try:
        with safe_open(file, framework="pt") as opened:
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
            stated: dict[str, str] = opened.metadata() or {}
    except SafetensorError as error:
        raise ConfigError(f"{file}: cannot be read as safetensors: {error}. {AGAIN}") from error
    if tensors and all(name.startswith(("model/", "optimizer/", "epoch/")) for name in tensors):
        raise ConfigError(
            f"{file}: is a checkpoint of a run that goes on from it. Name the run's best.safetensors."
        )
    return Wrapped((), tensors, file.suffix == ".safetensors", stated)


def _npz(file: Path) -> Wrapped:
    """Arrays whose names are paths, as JAX's training code saves: `/` is written as `.` here."""
    try:
        with np.load(file, allow_pickle=False) as arrays:
            tensors = {
                name.replace("/", "."): torch.from_numpy(arrays[name]) for name in arrays.files
            }
    except (ValueError, TypeError) as error:
        raise ConfigError(f"{file}: its arrays cannot be read: {error}. {SAVE_WEIGHTS}") from error
    return Wrapped((), tensors, plain=False)


def _torch(file: Path) -> list[Wrapped]:
    try:
        loaded, known = _load(file)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise ConfigError(
            f"{file}: cannot be read as weights: {reason[0]} It is damaged, or holds more than tensors by "
            f"name. {SAVE_WEIGHTS}"
        ) from error
    usual, found, inert = _usual(loaded), [], []
    for keys, inside in (((), loaded), *_below(loaded)):
        tensors = _tensors(inside)
        if tensors:
            whole = known and len(tensors) == len(inside) and file.suffix != ".safetensors"
            found.append(Wrapped(keys, tensors, plain=whole and keys == usual))
        if isinstance(inside, Inert):
            inert.append(f"{type(inside).__qualname__}, below {list(keys)}")
    if not found and inert:
        raise ConfigError(whole_model(file, inert[0]))
    if not found:
        held = sorted(map(str, loaded))[:5] if isinstance(loaded, dict) else ""
        raise ConfigError(
            f"{file}: holds something else than tensors by name: a {type(loaded).__name__} {held}. "
            f"{SAVE_WEIGHTS}"
        )
    return sorted(found, key=lambda w: (w.keys != usual, rank(".".join(w.keys))))


def rank(name: str) -> int:
    """The priority of a copy among several: the teacher's first, averaged copies last."""
    words = name.lower()
    if "teacher" in words:
        return 0
    later = ("ema", "average", "momentum", "_k", "student", "target")
    return 2 if any(word in words for word in later) else 1


def _load(file: Path) -> tuple[Any, bool]:
    """What a file holds, and whether every class in it is known to torch."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the pickle's protocol and old storages
        try:
            return _load_only(file), True
        except pickle.UnpicklingError:
            inert = [(type(name, (Inert,), {}), name) for name in classes(file)]
            with safe_globals(inert):  # type: ignore[arg-type]
                return _load_only(file), False


def _load_only(file: Path) -> Any:
    # Opened here: by its name, torch would read any .safetensors file as safetensors.
    with file.open("rb") as opened:
        return torch.load(opened, map_location="cpu", weights_only=True)


def _usual(loaded: Any) -> tuple[str, ...]:
    keys: tuple[str, ...] = ()
    for key in USUAL:
        if isinstance(loaded, dict) and isinstance(loaded.get(key), dict):
            loaded, keys = loaded[key], (*keys, key)
    return keys


def _below(loaded: Any, keys: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(loaded, dict) and len(keys) < DEPTH:
        for key, value in loaded.items():
            if isinstance(key, str) and not isinstance(value, Tensor):
                yield (*keys, key), value
                yield from _below(value, (*keys, key))


def _tensors(inside: Any) -> dict[str, Tensor]:
    if not isinstance(inside, dict):
        return {}
    return {k: v for k, v in inside.items() if isinstance(k, str) and isinstance(v, Tensor)}
