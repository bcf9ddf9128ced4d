"""Identifies the format of a weights file by its bytes, without torch and without running a pickle."""

import json
import re
import zipfile
from pathlib import Path
from typing import Literal

from bakeoff.errors import ConfigError
from bakeoff.weights.pickles import LEGACY, object_class

Format = Literal["safetensors", "torch", "npz"]
"""`torch` is a file of torch.save: a zip archive or, before torch 1.6, a series of pickles."""

CONTAINERS = ("collections.OrderedDict", "builtins.dict", "__builtin__.dict")
COMPRESSED = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"\x28\xb5\x2f\xfd": "zstandard",
    b"7z\xbc\xaf": "7-Zip",
    b"Rar!": "RAR",
}
OTHERS = {
    b"\x89HDF": "an HDF5 file, as Keras writes",
    b"GGUF": "a GGUF file",
    b"\x93NUMPY": "a single NumPy array",
    b"%PDF": "a PDF",
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
}
SAVE_WEIGHTS = "Save them as safetensors, or by torch.save(model.state_dict(), 'weights.pth')."
AGAIN = "The download or the copy did not finish: fetch it again."


def identify(file: Path) -> Format:
    """The format of a file, of those that can be read.

    Raises ConfigError naming the file, what it is instead, and what to do; OSError where it is not there.
    """
    if file.is_dir():
        raise ConfigError(f"{file}: is a folder. Name the file in it, such as model.safetensors.")
    size = file.stat().st_size
    with file.open("rb") as opened:
        start = opened.read(2048)
    # The header's length, eight bytes, then the header; nothing else begins with five such bytes.
    if start[8:9] == b"{" and start[5:8] == b"\0\0\0":
        _check_length(file, size, int.from_bytes(start[:8], "little"))
        return "safetensors"
    if refused := _not_weights(start, size):
        raise ConfigError(f"{file}: {refused}")
    if start.startswith(b"PK"):
        return _zipped(file, size)
    if start.startswith(LEGACY):
        _refuse_objects(file)
        return "torch"
    raise ConfigError(
        f"{file}: is no file of weights that is known here (it begins with {start[:8]!r}). {SAVE_WEIGHTS}"
    )


def _not_weights(start: bytes, size: int) -> str | None:
    """What a file is that begins with `start`, and what to do; None where it may be weights."""
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not size:
        return f"is empty. {AGAIN}"
    if start.startswith(b"version https://git-lfs"):
        return (
            f"is a Git LFS pointer, {size} bytes that stand for the file. Run `git lfs pull` in its "
            "repository, or download the file itself."
        )
    if text.startswith((b"<!doctype html", b"<html", b"<?xml", b"<!--", b"<head")):
        title = re.search(rb"<title[^>]*>\s*(.*?)\s*</title>", start, re.IGNORECASE | re.DOTALL)
        named = f" ('{title[1].decode(errors='replace')}')" if title else ""
        return (
            f"is a web page{named}, not weights: the address that it is from shows a page. Take the "
            "link to the file itself ('resolve' in place of 'blob', 'raw', or Download)."
        )
    if text.startswith((b"{", b"[")):
        return (
            "is a JSON text, not weights. The index of weights in parts is one: the parts have to be "
            f"joined first. {SAVE_WEIGHTS}"
        )
    for mark, name in COMPRESSED.items():
        if start.startswith(mark):
            return f"is compressed ({name}). Unpack it and name the file of weights in it."
    for mark, name in OTHERS.items():
        if start.startswith(mark):
            return f"is {name}, which is not read here. {SAVE_WEIGHTS}"
    if start[257:262] == b"ustar":
        return "is a tar archive. Unpack it and name the file of weights in it."
    if start.startswith(b"\x80") and not start.startswith(LEGACY):
        return (
            "is a pickle that torch.save did not write; to open it could run anything. Where it is "
            f"trusted, load it and save its weights. {SAVE_WEIGHTS}"
        )
    return None


def _zipped(file: Path, size: int) -> Format:
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
            if any(name.endswith("/constants.pkl") for name in names):
                raise ConfigError(
                    f"{file}: is a TorchScript program (torch.jit.save). Save its weights where it is "
                    f"trusted, and name that file: torch.save(torch.jit.load('{file}').state_dict(), "
                    "'weights.pth')"
                )
            if names and all(name.endswith(".npy") for name in names):
                return "npz"
            if any(name.endswith(("archive_format", "archive_version")) for name in names):
                raise ConfigError(
                    f"{file}: is an exported program (torch.export.save). Save the weights of the model "
                    f"that it was made from. {SAVE_WEIGHTS}"
                )
            if not any(name.endswith("/data.pkl") for name in names):
                raise ConfigError(
                    f"{file}: is a zip archive of {len(names)} files ({', '.join(names[:3])} ...). "
                    "Unpack it and name the file of weights in it."
                )
            _refuse_objects(file)
    except (zipfile.BadZipFile, EOFError) as error:
        raise ConfigError(
            f"{file}: is cut short or damaged: it begins as torch.save writes, and what an archive "
            f"ends with is missing from its {size:,} bytes ({error}). {AGAIN}"
        ) from error
    return "torch"


def _check_length(file: Path, size: int, header: int) -> None:
    """Raise ConfigError where a safetensors file is shorter than its header states."""
    try:
        with file.open("rb") as opened:
            opened.seek(8)
            described = opened.read(min(header, size))
            tensors = json.loads(described) if len(described) == header else None
        ends = [t["data_offsets"][1] for name, t in (tensors or {}).items() if name[:2] != "__"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"{file}: is damaged: its header cannot be read as safetensors. {AGAIN}"
        ) from error
    expected = 8 + header + max(ends, default=0)
    if size < expected:
        raise ConfigError(
            f"{file}: is cut short: {size:,} bytes of {'at least ' * (tensors is None)}{expected:,}. {AGAIN}"
        )


def _refuse_objects(file: Path) -> None:
    """Raise ConfigError where a file of torch.save is an object of some class, no dict of tensors."""
    try:
        named = object_class(file)
    except (ValueError, EOFError) as error:
        raise ConfigError(f"{file}: is cut short or damaged ({error}). {AGAIN}") from error
    if named and named.startswith("torch._utils._rebuild"):
        raise ConfigError(f"{file}: holds a single tensor without a name. {SAVE_WEIGHTS}")
    if named and named not in CONTAINERS:
        raise ConfigError(whole_model(file, named))


def whole_model(file: Path, named: str) -> str:
    """The error for a file that holds a model (or another object) of the class `named`."""
    return (
        f"{file}: holds a whole object of class {named} (torch.save(model)), not weights by name; to open "
        "it would run what its author wrote. Where it is trusted and its class can be imported, save its "
        f"weights and name that file: torch.save(torch.load('{file}', weights_only=False)"
        ".state_dict(), 'weights.pth')"
    )
