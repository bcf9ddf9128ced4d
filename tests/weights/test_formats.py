"""A file that is no file of weights is told by its bytes, with what to do; nothing in it runs."""

import gzip
import json
import os
import pickle
import subprocess
import sys
import tarfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from safetensors.torch import save_file
from torch import nn

from bakeoff.errors import ConfigError
from bakeoff.weights.formats import identify
from tests.weights.saved import loaded, timms

STATE = {"a": torch.zeros(1000), "b": torch.zeros(3)}
LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2\nsize 346284714\n"
PAGE = "\n<!DOCTYPE html>\n<html><head><title>Sign in to GitHub</title></head></html>"


def cut(file: Path, share: float) -> None:
    file.write_bytes(file.read_bytes()[: int(file.stat().st_size * share)])


def saved_and_cut(share: float, **options: Any) -> Callable[[Path], None]:
    def write(file: Path) -> None:
        torch.save(STATE, file, **options)
        cut(file, share)

    return write


def safetensors_cut(share: float) -> Callable[[Path], None]:
    def write(file: Path) -> None:
        save_file(STATE, file)
        cut(file, share)

    return write


def script(file: Path) -> None:
    with warnings.catch_warnings(action="ignore"):  # that it is deprecated
        torch.jit.trace(nn.Linear(2, 2), torch.zeros(1, 2)).save(str(file))


def exported(file: Path) -> None:
    with file.open("wb") as opened:
        torch.export.save(torch.export.export(nn.Linear(2, 2), (torch.zeros(1, 2),)), opened)


def archive(file: Path) -> None:
    with zipfile.ZipFile(file, "w") as opened:
        opened.writestr("readme.txt", "weights are inside")


def tar(file: Path) -> None:
    torch.save(STATE, file.with_name("inside.pth"))
    with tarfile.open(file, "w") as opened:
        opened.add(file.with_name("inside.pth"))


OLD = {"_use_new_zipfile_serialization": False}
FILES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "empty": (Path.touch, "is empty. The download or the copy did not finish"),
    "a folder": (Path.mkdir, "is a folder. Name the file in it"),
    "a web page": (lambda f: f.write_text(PAGE), r"is a web page \('Sign in to GitHub'\)"),
    "an error of a store": (lambda f: f.write_text("<?xml version='1.0'?><Error>"), "a web page"),
    "a Git LFS pointer": (lambda f: f.write_text(LFS), "Git LFS pointer, .*Run `git lfs pull`"),
    "an index": (lambda f: f.write_text(json.dumps({"weight_map": {}})), "is a JSON text"),
    "half an archive": (saved_and_cut(0.5), "is cut short or damaged"),
    "half of old": (saved_and_cut(0.5, **OLD), "damaged"),
    "a little of old": (saved_and_cut(0.02, **OLD), "is cut short or damaged"),
    "half a safetensors": (safetensors_cut(0.5), r"is cut short: 2,\d+ bytes of 4,\d+"),
    "a header's beginning": (safetensors_cut(0.02), r"is cut short: 82 bytes of at least 1\d\d"),
    "a whole model": (
        lambda f: torch.save(nn.Linear(2, 2), f),
        r"whole object of class torch\.nn\.modules\.linear\.Linear .*torch\.save\(torch\.load\(",
    ),
    "a whole model of old": (
        lambda f: torch.save(nn.Linear(2, 2), f, **OLD),
        r"whole object of class torch\.nn\.modules\.linear\.Linear",
    ),
    "a whole model below a key": (
        lambda f: torch.save({"model": nn.Linear(2, 2), "epoch": 3}, f),
        r"whole object of class torch\.nn\.modules\.linear\.Linear, below \['model'\]",
    ),
    "a parallel model": (
        lambda f: torch.save(nn.DataParallel(nn.Linear(2, 2)), f),
        r"whole object of class torch\.nn\.parallel\.data_parallel\.DataParallel",
    ),
    "TorchScript": (script, r"is a TorchScript program .*torch\.jit\.load"),
    "an export": (exported, "is an exported program"),
    "one tensor": (lambda f: torch.save(torch.zeros(2), f), "a single tensor without a name"),
    "numbers": (lambda f: torch.save({"a": 3}, f), r"something else than tensors.*'a'"),
    "a plain pickle": (
        lambda f: f.write_bytes(pickle.dumps({"a": np.zeros(2)})),
        "a pickle that torch.save did not write",
    ),
    "NumPy's pickles": (
        lambda f: np.savez(f.open("wb"), a=np.array([{}], dtype=object)),
        "its arrays cannot be read",
    ),
    "one array": (lambda f: np.save(f.open("wb"), np.zeros(2)), "is a single NumPy array"),
    "gzip": (lambda f: f.write_bytes(gzip.compress(b"weights")), r"is compressed \(gzip\)"),
    "a zip": (archive, r"is a zip archive of 1 files \(readme.txt"),
    "a tar": (tar, "is a tar archive"),
    "Keras": (lambda f: f.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(99)), "is an HDF5 file"),
    "anything": (lambda f: f.write_bytes(b"not weights"), "begins with b'not weig'"),
}


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize(("write", "says"), FILES.values(), ids=FILES)
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")
def test_what_is_no_weights_is_named_for_what_it_is(
    tmp_path: Path, write: Callable[[Path], Any], says: str, suffix: str
) -> None:
    file = tmp_path / f"w{suffix}"
    write(file)
    with pytest.raises(ConfigError, match=f"(?s){says}") as error:
        loaded(file)
    assert str(error.value).startswith(str(file))
    assert "Error" not in str(error.value) and len(str(error.value)) < 600


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file") as error:
        loaded(tmp_path / "w.pth")
    assert str(tmp_path / "w.pth") in str(error.value)


@pytest.mark.parametrize(
    ("name", "save"),
    [
        ("torch", lambda f: torch.save(STATE, f)),
        ("torch", lambda f: torch.save(STATE, f, **OLD)),
        ("torch", lambda f: torch.save(nn.Linear(2, 2).state_dict(), f)),
        ("torch", lambda f: torch.save({"model": STATE}, f, pickle_protocol=4)),
        ("safetensors", lambda f: save_file(STATE, f)),
        ("npz", lambda f: np.savez(f.open("wb"), a=np.zeros(3))),
    ],
)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_weights_are_recognised_whatever_the_files_name(
    tmp_path: Path, name: str, save: Callable[[Path], None]
) -> None:
    save(tmp_path / "w.bin")
    assert identify(tmp_path / "w.bin") == name


class Malicious:
    """What runs a command where it is unpickled."""

    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.proof}",)


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize(
    "wrap",
    [
        lambda evil: evil,
        lambda evil: {"model": evil},
        lambda evil: {**timms().state_dict(), "extra": evil},
        lambda evil: {"state_dict": timms().state_dict(), "hyper_parameters": {"a": evil}},
    ],
)
def test_nothing_in_a_file_runs(tmp_path: Path, wrap: Callable[[Any], Any], old: bool) -> None:
    """Whether it is refused or its weights are taken from beside what would have run."""
    file, proof = tmp_path / "w.pth", tmp_path / "proof"
    torch.save(wrap(Malicious(proof)), file, _use_new_zipfile_serialization=not old)
    try:
        loaded(file)
    except ConfigError as error:
        assert str(error).startswith(str(file))
    assert not proof.exists()
    torch.load(file, weights_only=False)
    assert proof.exists(), "the file must be one that runs something where it is trusted"


def test_a_whole_model_of_torchvision_says_how_to_save_its_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the message says to run is run, and what it writes loads."""
    vit = torchvision.models.VisionTransformer(64, 16, 2, 4, 48, 192, num_classes=2)
    torch.save(vit, tmp_path / "w.pth")
    with pytest.raises(ConfigError) as error:
        loaded(tmp_path / "w.pth")
    command = str(error.value).rpartition("name that file: ")[2]
    monkeypatch.chdir(tmp_path)
    exec(command, {"torch": torch})
    loaded(tmp_path / "weights.pth")


def test_formats_are_recognised_without_torch() -> None:
    code = "import sys, bakeoff.weights.formats; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
