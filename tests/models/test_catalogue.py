"""The catalogue: what the source text of the zoo says, against what the functions really take."""

import importlib
import inspect
from pathlib import Path

import pytest
import torch

from bakeoff.models import catalogue, registry
from bakeoff.models.findings_decoder import EmitsFindings


@pytest.mark.parametrize("entry", catalogue.entries().values(), ids=lambda entry: entry.name)
def test_what_the_catalogue_reads_is_what_the_function_takes(entry: catalogue.Entry) -> None:
    function = getattr(importlib.import_module(entry.module), entry.function)
    parameters = inspect.signature(function, eval_str=True).parameters
    taken = {
        name: (parameter.annotation, entry.arguments.get(name, parameter.default))
        for name, parameter in parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    }
    assert dict(entry.options) == taken
    assert set(entry.arguments) <= set(parameters)
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


TABLED = """
@models(NETS, reference="a paper", source="D9:1")
def build(task, bias, *, width: int, depth: int = 2):
    pass
"""


@pytest.mark.parametrize(
    ("table", "wrong"),
    [
        ("NETS = dict(net=Size('A net.', bias=True, width=3))", "expected a dict of this name"),
        ("NETS = {'net': Size('A net.', bias=True)}", "option width needs a type and a default"),
        ("NETS = {'net': Size('A net.', width=wide())}", "malformed node"),
    ],
)
def test_a_table_that_cannot_be_read_without_torch_is_refused(
    table: str, wrong: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "nets.py").write_text(table + TABLED)
    monkeypatch.setattr(catalogue, "FOLDER", tmp_path)
    catalogue.entries.cache_clear()
    try:
        with pytest.raises(ValueError, match=wrong):
            catalogue.entries()
    finally:
        catalogue.entries.cache_clear()
