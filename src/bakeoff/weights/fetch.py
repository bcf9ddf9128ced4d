"""Fetches published weights ahead, where there is internet, into the safetensors file that training reads.

Its header names them: `name`, `source`, `revision` and `sha256` of the file that was published, and the
`mean` and `std` that timm states for the tag. The weights are those of the published file, name by name.
"""

import json
import re
import shutil
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import timm
from huggingface_hub import (
    get_hf_file_metadata,
    hf_hub_download,
    hf_hub_url,
    try_to_load_from_cache,
)
from huggingface_hub.errors import EntryNotFoundError
from safetensors.torch import save_file
from torch.hub import download_url_to_file

from bakeoff.errors import ConfigError, WeightsError
from bakeoff.files import replacing, sha256
from bakeoff.models.weights_header import HEADER, header
from bakeoff.weights.contents import read
from bakeoff.weights.source import SUFFIXES, Weights

FILENAMES = ("model.safetensors", "pytorch_model.bin")
BY_HAND = "download"


@dataclass(frozen=True)
class Found:
    """A published file on this disk, and where it is from."""

    file: Path
    source: str
    revision: str = ""


def fetch_weights(weights: Weights, timeout: float = 15.0) -> Path:
    """Put published weights where training looks for them, and return the file; does nothing if it is there.

    Takes a file in `<weights_folder>/download/`, else Hugging Face's cache, else downloads. Raises
    WeightsError, with instructions to do it by hand, where the hub does not answer within `timeout`
    seconds or refuses.
    """
    if header(weights.file).get("name") == weights.name:
        return weights.file
    try:
        config: Any = timm.get_pretrained_cfg(weights.published_as)
    except RuntimeError as error:
        raise WeightsError(f"{weights.name}: {error} (timm {timm.__version__})") from error
    if by_hand := _by_hand(weights):
        _write(weights, by_hand, config)
        return weights.file
    # Beside the weights: the home's quota on clusters is small.
    working = weights.file.parent / f".{weights.published_as}.download"
    try:
        try:
            found = _download(config, working, timeout)
        except Exception as error:  # httpx's, huggingface_hub's, urllib's, of many kinds
            raise WeightsError(_instructions(weights, config, error)) from error
        _write(weights, found, config)
    finally:
        shutil.rmtree(working, ignore_errors=True)
    return weights.file


def _by_hand(weights: Weights) -> Found | None:
    folder = weights.file.parent / BY_HAND
    for file in (*(folder / f"{weights.published_as}{end}" for end in SUFFIXES), weights.file):
        if file.is_file():
            return Found(file, f"put there by hand as {file}")
    return None


def _download(config: Any, working: Path, timeout: float) -> Found:
    """The file that timm itself would load: from the hub, else from the address in timm's table."""
    if not config.hf_hub_id:
        return Found(_download_address(config.url, working, timeout), config.url)
    for name in FILENAMES:
        url = hf_hub_url(config.hf_hub_id, name)
        try:
            # One request first: without a network, the download would retry for minutes.
            published = get_hf_file_metadata(url, timeout=timeout)
        except EntryNotFoundError:
            continue
        except Exception:
            cached = try_to_load_from_cache(config.hf_hub_id, name)
            if isinstance(cached, str):
                return Found(Path(cached), url, Path(cached).parent.name)
            raise
        revision = published.commit_hash
        cached = try_to_load_from_cache(config.hf_hub_id, name, revision=revision)
        if not isinstance(cached, str):
            cached = hf_hub_download(config.hf_hub_id, name, revision=revision, cache_dir=working)
        return Found(_checked(Path(cached), published.etag), url, revision or "")
    raise FileNotFoundError(f"{config.hf_hub_id} has neither {' nor '.join(FILENAMES)}")


def _download_address(url: str, working: Path, timeout: float) -> Path:
    file = working / Path(url).name
    working.mkdir(parents=True, exist_ok=True)
    digest = re.search(r"-([0-9a-f]{8,})\.", file.name)  # torch's convention: it begins the SHA-256
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(timeout)  # torch itself has no timeout
    try:
        download_url_to_file(url, str(file), digest[1] if digest else None, progress=False)
    finally:
        socket.setdefaulttimeout(before)
    return file


def _checked(file: Path, etag: str | None) -> Path:
    """The file, if its SHA-256 is the hub's etag, as it is for large files."""
    if etag and re.fullmatch(r"[0-9a-f]{64}", etag) and sha256(file) != etag:
        file.resolve().unlink()
        raise OSError(
            f"{file.name} arrived damaged; it is removed, so that it can be fetched again"
        )
    return file


def _write(weights: Weights, found: Found, config: Any) -> None:
    try:
        tensors = read(found.file)[0].tensors
    except ConfigError as error:
        raise WeightsError(f"{weights.name}: {error}") from error
    stated = {
        "name": weights.name,
        "source": found.source,
        "revision": found.revision,
        "sha256": sha256(found.file),
        "license": config.license or "",
        "mean": config.mean,
        "std": config.std,
    }
    with replacing(weights.file) as temporary:
        temporary.touch()
        mode = temporary.stat().st_mode  # safetensors makes files that only the user can read
        # Cloned: safetensors refuses tensors that share memory, as tied weights do.
        save_file(
            {k: v.contiguous().clone() for k, v in tensors.items()},
            temporary,
            {HEADER: json.dumps(stated)},
        )
        temporary.chmod(mode)


def _instructions(weights: Weights, config: Any, error: Exception) -> str:
    folder = weights.file.parent
    source = hf_hub_url(config.hf_hub_id, FILENAMES[0]) if config.hf_hub_id else config.url
    ending = Path(source).suffix
    return f"""\
{weights.name} could not be fetched: {str(error).strip() or type(error).__name__}
Where there is internet (on a cluster often the login or data-transfer node), run `bakeoff weights` with the
same configuration, and copy {weights.file} here; behind a proxy set HTTPS_PROXY. Or by hand:
  1. Get {source}
  2. Put it here as {folder / BY_HAND / (weights.published_as + ending)}
  3. Run `bakeoff weights` again: it writes {weights.file}, which is all that training reads."""
