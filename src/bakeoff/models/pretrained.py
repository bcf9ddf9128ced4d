"""Weights from a local file: ours, timm's or torchvision's, by whatever names they were saved under.

Nothing is fetched here: a compute node may have no internet. The file is safetensors, or what
torch.save wrote; pickled code is never run.
"""

import json
import logging
import pickle
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from bakeoff.errors import ConfigError
from bakeoff.models.choices import Statistics
from bakeoff.models.normalisation import MEAN_AND_SPREAD, Normalise
from bakeoff.models.registry import Task
from bakeoff.models.weights_header import HEADER

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Naming:
    """How a library names the weights of a model, and what its weights expect of their input."""

    library: str
    sign: str  # a name that only this library's files have
    rules: tuple[tuple[str, str], ...]  # regular expression -> replacement, each on every name
    statistics: str = "imagenet"

    def rename(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The tensors under our names."""
        renamed = {}
        for name, tensor in tensors.items():
            for pattern, replacement in self.rules:
                name = re.sub(pattern, replacement, name)
            renamed[name] = tensor
        return renamed


@dataclass(frozen=True)
class Pretrained:
    """What a file of weights holds, under our names."""

    file: Path
    library: str
    tensors: dict[str, Tensor]
    mean: tuple[float, ...] | None
    spread: tuple[float, ...] | None

    def channels(self, first: str) -> int:
        """Input channels of the convolution `first`; ConfigError where the file has no such weight."""
        if f"{first}.weight" not in self.tensors:
            raise ConfigError(
                f"{self.file}: no weight '{first}.weight' among the {len(self.tensors)} of the file: "
                "these are the weights of another model."
            )
        return self.tensors[f"{first}.weight"].shape[1]

    def normaliser(self, statistics: Statistics, channels: int) -> nn.Module:
        """The layer that makes of images in 0..1 what these weights expect, of `channels` colours.

        Raises ConfigError where the statistics are of another number of colours.
        """
        mean, spread = self.mean, self.spread
        if statistics in MEAN_AND_SPREAD:
            mean, spread = MEAN_AND_SPREAD[statistics]
        if statistics == "none" or mean is None or spread is None:
            mean, spread = (0.0,) * channels, (1.0,) * channels
        if len(mean) != channels:
            raise ConfigError(
                f"{self.file}: its weights take {channels} colour(s), and 'normalise: {statistics}' is for "
                f"{len(mean)}. Set 'normalise: none'."
            )
        return Normalise(mean, spread)

    def load_into(self, module: nn.Module, *, heads: Sequence[str] = ("head",)) -> None:
        """Load every weight, strictly, but for a head of another size, which keeps its fresh weights.

        Raises ConfigError naming the weights that are missing, left over, or of another shape.
        """
        wanted, found = module.state_dict(), dict(self.tensors)
        for name in [n for n in found.keys() | wanted.keys() if n.startswith(tuple(heads))]:
            ours, theirs = wanted.get(name), found.get(name)
            if ours is None or theirs is None or ours.shape != theirs.shape:
                log.info("%s: %s does not fit and starts afresh.", self.file, name)
                found.pop(name, None)
                if ours is not None:
                    found[name] = ours
        try:
            module.load_state_dict(found, strict=True)
        except RuntimeError as error:
            raise ConfigError(
                f"{self.file}: not the weights of this model ({self.library} names): {error}"
            ) from error


class Replaced(Pretrained):
    """In the place of pretrained weights for a model whose own weights, of a finished run, follow."""

    def channels(self, first: str) -> int:
        """As many as the model was trained with."""
        return len(self.mean or ())

    def normaliser(self, statistics: Statistics, channels: int) -> nn.Module:
        """As the model was trained with it."""
        return Normalise(self.mean or (), self.spread or ())

    def load_into(self, module: nn.Module, *, heads: Sequence[str] = ("head",)) -> None:
        """Nothing: what would be loaded is replaced by the run's own."""


def pretrained_for(task: Task, weights: str | None, namings: Sequence[Naming]) -> Pretrained | None:
    """What a model starts from: the file that its option `weights` names, or None to start afresh.

    Raises ConfigError naming the file.
    """
    if weights is None:
        return None
    if task.expected is not None:
        expected = task.expected
        return Replaced(Path(weights), "our", {}, expected.mean, expected.spread)
    return read(weights, namings)


def read(file: str | Path, namings: Sequence[Naming]) -> Pretrained:
    """Read a file of weights and bring it under our names.

    A safetensors header may state `mean` and `std` (JSON lists, one number per colour), as ours do below
    one key; they then go before what is usual for the library. Raises ConfigError naming the file.
    """
    path = Path(file)
    try:
        tensors, header = _read(path)
    except (OSError, SafetensorError, RuntimeError, ValueError, pickle.UnpicklingError) as error:
        raise ConfigError(
            f"{path}: cannot be read as weights: {error}. Give a .safetensors file or a state dict "
            "saved by torch.save."
        ) from error
    naming = next((naming for naming in namings if naming.sign in tensors), None)
    mean, spread = MEAN_AND_SPREAD[naming.statistics] if naming else (None, None)
    if "mean" in header and "std" in header:
        mean, spread = tuple(header["mean"]), tuple(header["std"])
    if naming is None:
        return Pretrained(path, "our", tensors, mean, spread)
    return Pretrained(path, naming.library, naming.rename(tensors), mean, spread)


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    if path.suffix == ".safetensors":
        with safe_open(path, framework="pt") as opened:
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
            texts: dict[str, str] = opened.metadata() or {}
        stated = {key: json.loads(texts[key]) for key in ("mean", "std") if key in texts}
        return tensors, {**stated, **json.loads(texts.get(HEADER, "{}"))}
    loaded = torch.load(path, map_location="cpu", weights_only=True)
    for key in ("state_dict", "model"):  # how training scripts wrap theirs
        if isinstance(loaded, dict) and isinstance(loaded.get(key), dict):
            loaded = loaded[key]
    if not isinstance(loaded, dict) or not all(isinstance(v, Tensor) for v in loaded.values()):
        raise ValueError("it holds something else than tensors by name")
    return loaded, {}
