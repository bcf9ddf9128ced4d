"""The option `weights` of a variant: every kind of value, each of which stands for a file.

- a path that ends as files of weights do: the file, relative to the working directory;
- `timm/<model>.<tag>`: published weights, fetched ahead by `bakeoff weights`. A variant whose model is
  `timm/<model>` may leave the rest out: `weights: <tag>`, or `pretrained: true` for timm's own choice;
- `pretraining/<name>`: the weights of a pretraining of the same experiment.

Files are opened only to hash them, and torch is not imported.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from bakeoff.errors import ConfigError
from bakeoff.files import sha256
from bakeoff.models.suggestions import require_architecture
from bakeoff.models.timm_names import pretrained_tags
from bakeoff.models.weights_header import header
from bakeoff.spelling import did_you_mean
from bakeoff.weights.formats import identify

FAMILY = "timm/"
PREFIX = "pretraining/"
SUFFIXES = (".safetensors", ".pth", ".pt", ".bin", ".tar", ".ckpt", ".npz")


@dataclass(frozen=True)
class Weights:
    """The source of a variant's weights, and the file that training reads."""

    kind: Literal["file", "timm", "pretraining"]
    name: str  # as a configuration writes it, spelled out
    file: Path
    digest: str = ""  # of a pretraining: its digest

    @property
    def published_as(self) -> str:
        """`<model>.<tag>` of timm's weights."""
        return self.name.removeprefix(FAMILY)

    def planned(self) -> str:
        """Their part of a run's digest before it starts.

        A file counts by its content, whatever its name; published weights by their name; a pretraining
        by its own digest.
        """
        match self.kind:
            case "file":
                return f"sha256:{self.content()}"
            case "timm":
                return self.name
            case "pretraining":
                return f"{PREFIX}{self.digest}"

    def content(self) -> str:
        """SHA-256 of the file, computed once while the file does not change.

        Raises ConfigError where it is missing, or is not the file that `bakeoff weights` wrote.
        """
        try:
            seen = self.file.stat()
            hashed = _hashed(self.file, seen.st_size, seen.st_mtime_ns, seen.st_ino)
        except OSError as error:
            raise ConfigError(f"{self.file}: {error.strerror}. {self.remedy}") from error
        if self.kind == "timm" and (stated := header(self.file).get("name")) != self.name:
            raise ConfigError(
                f"{self.file}: says that it is {stated or 'nothing'}, expected {self.name}. {self.remedy}"
            )
        return hashed

    def wrong(self) -> str | None:
        """The problem of the file, by its bytes, and what to do; None where there is none."""
        try:
            identify(self.file)
        except OSError:
            return f"{self.file}: no such file. {self.remedy}"
        except ConfigError as error:
            return str(error)
        return None

    @property
    def remedy(self) -> str:
        """The way out where the file is missing."""
        if self.kind == "file":
            return f"'weights: {self.name}' is relative to {Path.cwd()}: copy it there, or name another."
        if self.kind == "pretraining":
            return f"`bakeoff pretrain --name {self.name.removeprefix(PREFIX)}` makes it."
        return f"Run `bakeoff weights`, which fetches {self.name} or says how to get it."


def spelled_out(model: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """A variant's options with `pretrained` and short tags written as `weights: timm/<model>.<tag>`.

    Raises ValueError where the options name no weights, or two.
    """
    spelled = dict(options)
    if not model.startswith(FAMILY):
        return spelled
    architecture, _, tag = model.removeprefix(FAMILY).partition(".")
    pretrained, weights = spelled.pop("pretrained", False), spelled.get("weights")
    if not isinstance(pretrained, bool):
        raise ValueError(f"pretrained: expected true or false, found {pretrained!r}")
    if pretrained and weights is not None:
        raise ValueError("weights and pretrained: both name weights; keep 'weights'")
    if pretrained:
        spelled["weights"] = f"{FAMILY}{architecture}.{tag or _default_tag(architecture)}"
    elif isinstance(weights, str) and "/" not in weights and not weights.endswith(SUFFIXES):
        spelled["weights"] = f"{FAMILY}{architecture}.{weights}"
    elif tag and weights is None:
        raise ValueError(
            f"model: '{model}' names pretrained weights and would not load them; add 'pretrained: true', "
            f"or write '{FAMILY}{architecture}' for fresh ones"
        )
    return spelled


def resolve(weights: str, folder: Path, pretrained: Mapping[str, Weights] | None = None) -> Weights:
    """The weights that a spelled-out `weights` names; published ones are kept in `folder`.

    Raises ValueError for another kind of value, an unknown tag of timm's, or an unknown pretraining.
    """
    pretrained = pretrained or {}
    name = weights.removeprefix(PREFIX)
    if weights.startswith(PREFIX) and name in pretrained:
        return pretrained[name]
    if weights.endswith(SUFFIXES):
        return Weights("file", weights, Path(weights))
    if weights.startswith(FAMILY):
        architecture, _, tag = weights.removeprefix(FAMILY).partition(".")
        require_architecture(architecture)
        known = pretrained_tags(architecture)
        if not tag:
            raise ValueError(
                f"weights: '{weights}' needs a tag, so that it means the same tomorrow; "
                f"{_known_tags(architecture)}"
            )
        if known and tag not in known:
            hint = did_you_mean(tag, known)
            raise ValueError(
                f"weights: timm has no tag '{tag}'; {_known_tags(architecture)}. {hint}".rstrip(
                    ". "
                )
            )
        return Weights("timm", weights, folder / f"{architecture}.{tag}.safetensors")
    if weights.startswith(PREFIX):
        names = ", ".join(pretrained) or "none"
        raise ValueError(f"weights: '{weights}': the section 'pretraining' has {names}")
    raise ValueError(
        f"weights: '{weights}' is neither a file ({', '.join(SUFFIXES)}), nor '{FAMILY}<model>.<tag>', "
        f"nor '{PREFIX}<name>'"
    )


def require_files(variants: Mapping[str, Weights]) -> None:
    """Raise ConfigError, before any job is queued, for each variant whose file is missing or no weights.

    It recognises a web page, a pointer of Git LFS, a pickled model or half a file by its bytes.
    """
    checked = {
        name: weights.wrong() for name, weights in variants.items() if weights.kind == "file"
    }
    wrong = [f"variants.{name}.weights: {why}" for name, why in checked.items() if why]
    if wrong:
        raise ConfigError("\n".join(wrong))


@cache
def _hashed(file: Path, *seen: int) -> str:
    return sha256(file)


def _default_tag(architecture: str) -> str:
    require_architecture(architecture)
    tags = pretrained_tags(architecture)
    if not tags:
        raise ValueError(
            f"pretrained: no tag of {FAMILY}{architecture} is known; name one with 'weights: <tag>'"
        )
    return tags[0]


def _known_tags(architecture: str) -> str:
    tags = pretrained_tags(architecture)
    if not tags:
        return f"timm has none for {architecture}"
    return "there are " + ", ".join(f"{FAMILY}{architecture}.{tag}" for tag in tags)
