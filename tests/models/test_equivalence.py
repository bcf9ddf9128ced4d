"""A model's code may be written otherwise: where it computes the same bit for bit, no run trains again."""

import json
import shutil
from pathlib import Path

import pytest

from bakeoff.models import equivalent
from bakeoff.models.catalogue import entries
from bakeoff.models.source_digest import digest
from tests.models.equivalence import HERE, main

CONV = "src/bakeoff/models/conv.py"
NAMES = ["conv", "conv_bn"]


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The code as it is, and a copy to edit."""
    copies = (tmp_path_factory.mktemp("before"), tmp_path_factory.mktemp("now"))
    for copy in copies:
        shutil.copytree(HERE / "src/bakeoff", copy / "src/bakeoff", ignore=_compiled)
    return copies


def _compiled(_: str, names: list[str]) -> list[str]:
    return [name for name in names if name == "__pycache__"]


def write(tree: Path, old: str, new: str) -> None:
    file = tree / CONV
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))


def lines(tree: Path) -> dict[str, dict[str, str]]:
    told: dict[str, dict[str, str]] = json.loads(
        (tree / equivalent.FILE.relative_to(HERE)).read_text()
    )
    return told


@pytest.mark.slow(seconds=30)
def test_what_is_written_otherwise_keeps_its_digest_and_what_computes_otherwise_does_not(
    trees: tuple[Path, Path], capfd: pytest.CaptureFixture[str]
) -> None:
    before, now = trees
    write(now, "k = kernel_size", "k = int(kernel_size)")
    write(now, "def conv(task: Task, *, norm", "def conv(task: Task, *, shift: float = 0.0, norm")
    assert main(before, NAMES, now) == 0
    for name in NAMES:
        kept = lines(now)[name]
        assert kept["code"] != digest(name) and kept["trained_as"] == equivalent.code(name)
    assert lines(now)["conv"]["options"] == {"shift": 0.0}

    write(now, "nn.ReLU()", "nn.LeakyReLU()")
    assert main(before, NAMES, now) == len(NAMES)
    assert not set(NAMES) & set(lines(now))
    assert "conv_bn: is another model" in capfd.readouterr().out


def test_every_line_is_of_the_code_as_it_is() -> None:
    """A line of other code says nothing: it is written anew, or taken out."""
    known = entries()
    dead = [
        name
        for name, line in equivalent.table().items()
        if name not in known or line.code != digest(name.replace("/*", "/resnet18"))
    ]
    assert not dead, f"equivalent.json: {', '.join(dead)}: python -m tests.models.equivalence"
