"""The catalogue: what the source text of the zoo says, against what the functions really take."""

import importlib
import inspect
from pathlib import Path

import pytest
import torch

from bakeoff.models import catalogue, registry
from bakeoff.models.findings_decoder import EmitsFindings


@pytest.fixture
def zoo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A zoo of one model in two files, in which the test may edit."""
    (tmp_path / "layers.py").write_text("WIDTH = 3\n")
    (tmp_path / "net.py").write_text(
        "from bakeoff.models.registry import model\n"
        "from bakeoff.models.layers import WIDTH\n\n\n"
        '@model("net", reference="a paper", source="D9:1")\n'
        "def net(task, *, depth: int = 2):\n"
        '    """A net."""\n'
        "    return WIDTH * depth\n"
    )
    (tmp_path / "registry.py").write_text("")
    monkeypatch.setattr(catalogue, "FOLDER", tmp_path)
    clear()
    yield tmp_path
    clear()


def clear() -> None:
    catalogue.entries.cache_clear()
    catalogue.source_digest.cache_clear()


@pytest.mark.parametrize("entry", catalogue.entries().values(), ids=lambda entry: entry.name)
def test_what_the_catalogue_reads_is_what_the_function_takes(entry: catalogue.Entry) -> None:
    function = getattr(importlib.import_module(entry.module), entry.function)
    taken = {
        name: (parameter.annotation, parameter.default)
        for name, parameter in inspect.signature(function, eval_str=True).parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    }
    assert dict(entry.options) == taken
    assert entry.summary and entry.reference and entry.source


@pytest.mark.parametrize("entry", catalogue.entries().values(), ids=lambda entry: entry.name)
def test_what_training_minimises_is_what_the_model_has(entry: catalogue.Entry) -> None:
    name = entry.name.replace("*", "test_resnet")
    with torch.device("meta"):
        built = registry.build(name, registry.Task(1, 224, 2, ("No Finding", "Mass")), {})
    own = isinstance(built, registry.OwnObjective)
    emits = isinstance(built, EmitsFindings)
    assert entry.objective == ("findings" if emits else "own" if own else "loss")


def test_an_option_is_checked_and_defaults_are_filled_in() -> None:
    assert catalogue.parse_options("conv", {"norm": "batch"}) == {"norm": "batch", "kernel_size": 3}
    with pytest.raises(KeyError, match="nrom"):
        catalogue.parse_options("conv", {"nrom": "batch"})
    with pytest.raises(ValueError, match="kernel_size: Input should be a valid integer"):
        catalogue.parse_options("conv", {"kernel_size": "big"})


def test_a_pretrained_tag_belongs_to_the_name_of_a_timm_model() -> None:
    assert catalogue.find("timm/vit_base_patch16_224.augreg_in21k").name == "timm/*"


def edited(zoo: Path, file: str, old: str, new: str) -> str:
    path = zoo / file
    path.write_text(path.read_text().replace(old, new))
    clear()
    return catalogue.source_digest("net")


def test_editing_a_model_or_what_it_imports_changes_its_digest(zoo: Path) -> None:
    before = catalogue.source_digest("net")
    after = edited(zoo, "net.py", "WIDTH * depth", "WIDTH + depth")
    assert after != before
    assert edited(zoo, "layers.py", "3", "4") != after


def test_documenting_a_model_or_editing_another_leaves_its_digest(zoo: Path) -> None:
    before = catalogue.source_digest("net")
    assert edited(zoo, "net.py", '"""A net."""', '"""A net, explained."""  # why') == before
    (zoo / "other.py").write_text("X = 1\n")
    assert edited(zoo, "net.py", "", "") == before
