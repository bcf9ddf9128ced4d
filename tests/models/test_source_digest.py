"""What makes a model another one: what computes, wherever it stands, and nothing else."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bakeoff.models import catalogue, equivalent, source_digest, source_text

NET = '''
import logging
from torch import nn
from bakeoff.errors import ConfigError
from bakeoff.models.fit import whole
from bakeoff.models.layers import WIDTH, Layer
from bakeoff.models.registry import Task, model

log = logging.getLogger(__name__)


@model("net", reference="a paper", source="D9:1")
def net(task: Task, *, depth: int = 2, weights: str | None = None) -> nn.Module:
    """A net."""
    if wrong := whole(task.size):
        raise ConfigError(f"a net: {wrong}")
    return nn.Sequential(*(Layer(WIDTH) for _ in range(depth)), readout(WIDTH))


def readout(width: int) -> nn.Module:
    return nn.Linear(width, 2)


def other() -> int:
    return 7
'''
LAYERS = '''
import torch
from torch import Tensor, nn

WIDTH = 3


class Layer(nn.Module):
    """A layer."""

    def __init__(self, width: int, bias: bool = True) -> None:
        super().__init__()
        self.linear: nn.Module = nn.Linear(width, width, bias)
        nn.init.zeros_(self.linear.weight)
        self.name = f"{width!r:>4} wide"

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.linear(x))
'''

NETS = '''
from bakeoff.models.layers import Layer
from bakeoff.models.registry import Size, Task, models

NETS = {
    "small": Size("A small net.", bias=True, width=3),
    "large": Size("A large net.", "its own paper", bias=False, width=7),
}


@models(NETS, reference="a paper", source="D9:1")
def build(task: Task, bias: bool, *, width: int, depth: int = 2) -> Layer:
    """A net of any size."""
    return Layer(width, bias)
'''
PROMPTED = '''
from bakeoff.models.nets import NETS, build
from bakeoff.models.registry import Task, model


@model("prompted", reference="a paper", source="D9:1")
def prompted(task: Task, *, backbone: str = "small") -> nn.Module:
    """On a net of the table."""
    return build(task, **NETS[backbone].arguments)
'''


@pytest.fixture
def zoo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A zoo of one model in two files, in which a test may edit."""
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "net.py").write_text(NET)
    (folder / "nets.py").write_text(NETS)
    (folder / "prompted.py").write_text(PROMPTED)
    (folder / "layers.py").write_text(LAYERS)
    monkeypatch.setattr(catalogue, "FOLDER", folder)
    clear()
    yield folder
    clear()


def clear() -> None:
    catalogue.entries.cache_clear()
    source_digest.digest.cache_clear()
    source_text.clear()
    equivalent.table.cache_clear()


def edited(zoo: Path, *edits: tuple[str, str, str], name: str = "net") -> str:
    for file, old, new in edits:
        path = zoo / file
        text = path.read_text() if path.exists() else ""
        assert old in text
        path.write_text(text.replace(old, new) if old else text + new)
    clear()
    return source_digest.digest(name)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("net.py", "range(depth)", "range(depth + 1)"),
        ("net.py", "nn.Linear(width, 2)", "nn.Linear(width, 2, bias=False)"),  # what it calls
        ("net.py", "from torch import nn", "from others import nn"),
        ("layers.py", "WIDTH = 3", "WIDTH = 4"),
        ("layers.py", "WIDTH = 3", "WIDTH = 3\nWIDTH += 1"),
        ("layers.py", "torch.relu", "torch.tanh"),
        ("layers.py", "zeros_", "ones_"),
        ("layers.py", "!r", "!s"),
        ("layers.py", ":>4", ":>5"),
        ("layers.py", " wide", " broad"),
        ("layers.py", "bias: bool = True", "bias: bool = False"),  # no option of the model
        ("layers.py", "WIDTH = 3", "WIDTH = 3\ntorch.set_default_dtype(torch.float64)"),
    ],
)
def test_what_computes_counts(zoo: Path, file: str, old: str, new: str) -> None:
    before = source_digest.digest("net")
    assert edited(zoo, (file, old, new)) != before


REGISTERED = (
    '@model("net", reference="a paper", source="D9:1")',
    '@model("net", reference="another", source="D8:1")',
)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("net.py", '"""A net."""', '"""A net, explained."""  # why'),
        ("net.py", *REGISTERED),
        ("net.py", "depth: int = 2", "depth: int = 5"),  # the digest of a run has its options
        ("net.py", "return 7", "return 8"),  # what the model does not use
        ("net.py", "a net: {wrong}", "this net: {wrong}"),
        ("net.py", "if wrong := whole(task.size):", "if task.size > 9:"),
        ("net.py", '    """A net."""', '    """A net."""\n    log.info("built")'),
        (
            "net.py",
            "    return nn.Seq",
            "    if depth > 9:\n        log.info(1)\n    return nn.Seq",
        ),
        ("net.py", "from torch import nn", "import os\nimport torch.nn as nn"),
        ("layers.py", "self.linear: nn.Module", "self.linear"),
        ("layers.py", "x: Tensor) -> Tensor", "x)"),
        ("registry.py", "", "MODELS = {}"),
        ("fit.py", "", "def whole(size): return None"),
    ],
)
def test_what_documents_registers_and_checks_does_not(
    zoo: Path, file: str, old: str, new: str
) -> None:
    before = source_digest.digest("net")
    assert edited(zoo, (file, old, new)) == before


def test_a_definition_may_move_to_another_module(zoo: Path) -> None:
    before = source_digest.digest("net")
    imported = "from bakeoff.models.layers import WIDTH, Layer"
    moved = "from bakeoff.models.widths import WIDTH\nfrom bakeoff.models import layers"
    assert edited(zoo, ("layers.py", "WIDTH = 3\n", ""), ("widths.py", "", "WIDTH = 3\n"),
                  ("net.py", imported, imported.replace("WIDTH, ", "") + "\n" + moved)) == before  # fmt: skip


def test_another_definition_of_the_same_name_counts(zoo: Path) -> None:
    """Both layers are in the model either way; which of them is which has changed."""
    other = LAYERS.replace("relu", "tanh").replace("WIDTH = 3", "")
    two = ("net.py", "Layer(WIDTH)", "nn.Sequential(Layer(WIDTH), Second(WIDTH))")
    importing = ("net.py", "import WIDTH, Layer", "import WIDTH, Layer\n{}")
    line = "from bakeoff.models.more import Layer as Second"
    first = edited(zoo, ("more.py", "", other), two, (*importing[:2], importing[2].format(line)))
    swapped = edited(
        zoo,
        ("net.py", "bakeoff.models.layers import WIDTH, Layer", "bakeoff.models.layers import WIDTH"),
        ("net.py", line, "from bakeoff.models.layers import Layer as Second"),
        ("net.py", "import WIDTH\n", "import WIDTH\nfrom bakeoff.models.more import Layer\n"),
    )  # fmt: skip
    assert first != swapped


def test_a_name_that_a_refusal_gives_and_the_model_uses_counts(zoo: Path) -> None:
    used = ("net.py", "range(depth)", "range(wrong)")
    before = edited(zoo, used)
    assert edited(zoo, ("net.py", "whole(task.size)", "whole(task.size + 1)")) != before


def test_an_error_that_another_part_may_catch_counts(zoo: Path) -> None:
    at = '    """A net."""'
    before = edited(zoo, ("net.py", at, f"{at}\n    if depth > 3:\n        raise ValueError"))
    assert edited(zoo, ("net.py", "depth > 3", "depth > 4")) != before


@pytest.mark.parametrize(
    ("old", "new", "other"),
    [
        ("bias=False", "bias=True", {"large", "prompted"}),
        ("width=7", "width=8", {"prompted"}),  # an option of its own: the digest of a run has it
        ("depth: int = 2", "depth: int = 3", {"prompted"}),
        ("A large net.", "A net that is large.", set()),
        ("its own paper", "another one", set()),
        ("Layer(width, bias)", "Layer(1, bias)", {"small", "large", "prompted"}),
    ],
)
def test_of_a_table_of_sizes_the_row_counts_that_a_model_is_made_of(
    zoo: Path, old: str, new: str, other: set[str]
) -> None:
    names = ("small", "large", "prompted")
    before = {name: source_digest.digest(name) for name in names}
    assert catalogue.find("large").reference == "its own paper"
    edited(zoo, ("nets.py", old, new))
    assert {name for name in names if source_digest.digest(name) != before[name]} == other


def line(zoo: Path, code: str, **options: int) -> None:
    text = f'{{"net": {{"code": "{code}", "trained_as": "released", "options": {options}}}}}'
    (zoo / "equivalent.json").write_text(text.replace("'", '"'))
    clear()


def test_a_code_that_computes_the_same_keeps_the_digest_until_it_does_not(
    zoo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(equivalent, "FILE", zoo / "equivalent.json")
    line(zoo, source_digest.digest("net"), depth=2)
    assert equivalent.code("net") == "released"
    assert equivalent.counted("net", {"depth": 2, "weights": None}) == {"weights": None}
    assert equivalent.counted("net", {"depth": 3}) == {"depth": 3}
    changed = edited(zoo, ("net.py", "range(depth)", "range(depth + 1)"))
    assert equivalent.code("net") == changed
    assert equivalent.counted("net", {"depth": 2}) == {"depth": 2}
