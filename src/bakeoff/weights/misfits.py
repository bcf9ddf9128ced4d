"""Errors for weights that do not fit a model: what was found and expected, and what to set."""

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from bakeoff.errors import ConfigError
from bakeoff.models.catalogue import entries, find, parse_options
from bakeoff.weights.namings import EVERY, PRETRAINING
from bakeoff.weights.recognise import Reading
from bakeoff.weights.targets import Target
from bakeoff.wording import few

SHOWN = 4
ANOTHER_SIZE = "Choose the 'timm/<name>' that they were made for, or the image.size."
READ = (
    ("a Vision Transformer of timm", "cls_token"),
    ("a Vision Transformer of torchvision", "conv_proj.weight"),
    ("a ConvMixer of timm", "stem.0.weight"),
    ("a PoolFormer of timm", "stem.conv.weight"),
    ("a PoolFormer of its authors", "network.0.0.mlp.fc1.weight"),
    ("a ResNet of torchvision or timm", "layer4.0.conv1.weight"),
)
"""The models that models.pretrained reads, each with a name that identifies it."""
TIMM = "If timm has their architecture, choose it: 'model: timm/<name>' (`bakeoff models`)."


def check(
    reading: Reading, targets: Sequence[Target], file: Path, name: str, options: Mapping[str, Any]
) -> None:
    """Raise ConfigError, naming the file, unless every weight outside the head is there and fits."""
    target = reading.target
    if not reading.near:
        raise ConfigError(_another(reading, targets, file, name))
    wrong = [
        (key, tuple(reading.named[key].shape), tuple(wanted.shape))
        for key, wanted in target.wanted.items()
        if key in target.body() & reading.named.keys()
        and not _fits(reading, key, reading.named[key], wanted)
    ]
    missing, surplus = reading.missing(), reading.surplus()
    if not (wrong or missing or surplus):
        return
    problems = [f"{file}: not the weights of this model '{name}' ({reading.describe()})."]
    for key, found, wanted_shape in wrong[:1]:
        problems.append(
            f"'{key}' is {found} in the file, and {wanted_shape} is expected{_more(wrong)}."
        )
    problems += [f"Missing: {_quoted(missing)}."] if missing else []
    problems += [f"Left over: {_quoted(surplus)}."] if surplus else []
    raise ConfigError(" ".join([*problems, _advice(reading, name, options)]))


def _fits(reading: Reading, key: str, found: Tensor, wanted: Tensor) -> bool:
    if key == f"{reading.target.first}.weight":  # grey is repeated for weights of three colours
        return found.shape[:1] + found.shape[2:] == wanted.shape[:1] + wanted.shape[2:]
    if key == "embedding.positions":  # interpolated
        return found.dim() == 3 and found.shape[2] == wanted.shape[2]
    return found.shape == wanted.shape


def _sizes(reading: Reading, name: str, options: Mapping[str, Any]) -> dict[str, int]:
    """The options whose values in the file differ from the model's, with the file's values."""
    stated = {}
    for option, read_size in (reading.target.sizes or {}).items():
        try:
            stated[option] = read_size(reading.named)
        except (KeyError, IndexError):
            return {}
    ours = {**parse_options(name, {}), **options}
    if (backbone := ours.get("backbone")) is not None:
        own = parse_options(backbone, {})
        ours = {**own, **{k: v for k, v in ours.items() if v is not None}}
    return {
        option: value for option, value in stated.items() if value and ours.get(option) != value
    }


def _another(reading: Reading, targets: Sequence[Target], file: Path, name: str) -> str:
    """The error for a file of another model: the names looked for, its first names, the nearest naming."""
    signs = [next(iter(target.wanted)) for target in targets]
    signs += [naming.sign for target in targets for naming in target.namings]
    signs += [published.sign for target in targets for published in target.published]
    looked_for = ", ".join(f"'{sign}'" for sign in dict.fromkeys(signs))
    first = ", ".join(f"'{key}'" for key in [*reading.wrapped.tensors][:SHOWN])
    part = re.search(r"-(\d{5})-of-(\d{5})", file.name)
    return (
        f"{file}: the weights of another model than '{name}'. Looked for {looked_for}, with any prefix; the "
        f"file's {len(reading.wrapped.tensors)} names begin with {first}. {_nearest(reading)}. "
        + (f"It is part {int(part[1])} of {int(part[2])}: join them first. " if part else "")
        + TIMM
    )


def _nearest(reading: Reading) -> str:
    names = [f".{name}" for name in reading.wrapped.tensors]
    known = [
        (published.library, published.sign) for published in EVERY if published is not PRETRAINING
    ]
    for library, sign in (*known, *READ):
        if any(name.endswith(f".{sign}") for name in names):
            return f"They have the names of {library} ('{sign}')"
    return (
        f"Nearest are {reading.library} names, by which {reading.found} of {len(reading.target.body())} "
        "weights are there"
    )


def _advice(reading: Reading, name: str, options: Mapping[str, Any]) -> str:
    differ = _sizes(reading, name, options)
    if not differ:
        trained_at = ""
        if "positions" in reading.named and reading.target.first.startswith("backbone"):
            side = math.isqrt(reading.named["positions"].shape[1] - 1)
            trained_at = f"They were trained at 'image.size: {32 * side}'. "
        return trained_at + (TIMM if reading.target.sizes else ANOTHER_SIZE)
    module = find(options.get("backbone") or name).module
    same = [
        other.name
        for other in entries().values()
        if other.module == module and not _sizes(reading, other.name, {})
    ]
    own = parse_options(name, {})
    settings = [f"'{option}: {value}'" for option, value in differ.items() if option in own]
    if settings and "width" in differ and "heads" in own:
        settings.append("'heads' as they have them (a head is 64 wide in most)")
    key = "backbone" if "backbone" in own else "model"
    ways = [f"set {', '.join(settings)}"] if settings else []
    ways += [f"choose '{key}: {same[0]}', which is of that size"] if same else []
    advice = "; or ".join(ways)
    return f"{advice[0].upper()}{advice[1:]}." if advice else TIMM


def _more(wrong: list[Any]) -> str:
    return f" (and {len(wrong) - 1} more differ)" if len(wrong) > 1 else ""


def _quoted(names: list[str]) -> str:
    return few([f"'{name}'" for name in names], SHOWN)
