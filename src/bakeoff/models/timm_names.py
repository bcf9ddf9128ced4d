"""The names of timm's models and of their pretrained weights, read from its source text without torch.

Pretrained weights have a tag, `resnet18.a1_in1k`. Without one timm takes whichever is its default in the
version that is installed, so a configuration that is to mean the same tomorrow names the tag.
"""

import ast
import importlib.util
import re
from collections.abc import Iterator
from difflib import get_close_matches
from functools import cache
from pathlib import Path

SOURCES = ("hf_hub_id", "url", "file")
"""What says in timm's table that there are weights for a tag."""


def check_architecture(name: str) -> None:
    """Raise ValueError with the nearest names where timm has no model of that name."""
    architecture = name.partition(".")[0]
    known = architectures()
    if known and architecture not in known:
        near = get_close_matches(architecture, known, n=3)
        hint = f" Did you mean {' or '.join(f'timm/{n}' for n in near)}?" if near else ""
        raise ValueError(f"timm has no model '{architecture}'.{hint}")


@cache
def architectures() -> frozenset[str]:
    """The architectures that the installed timm registers."""
    marked = re.compile(r"^@register_model\s*\ndef (\w+)\(", re.MULTILINE)
    return frozenset(name for text in _texts() for name in marked.findall(text))


@cache
def pretrained_tags(architecture: str) -> tuple[str, ...]:
    """The tags of an architecture's pretrained weights, timm's default first.

    Empty where there are none, or where timm's table is computed and cannot be read as text.
    """
    return tuple(
        tag
        for text in _texts()
        if f"{architecture}." in text
        for name, has_weights in _table(ast.parse(text))
        for model, _, tag in [name.partition(".")]
        if model == architecture and has_weights
    )


@cache
def _texts() -> tuple[str, ...]:
    spec = importlib.util.find_spec("timm")
    if spec is None or not spec.submodule_search_locations:
        return ()
    folder = Path(spec.submodule_search_locations[0]) / "models"
    return tuple(file.read_text("utf-8") for file in sorted(folder.glob("*.py")))


def _table(tree: ast.Module) -> Iterator[tuple[str, bool]]:
    """(`model.tag`, whether there are weights) of each entry of the tables in a module of timm."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and isinstance(value, ast.Call | ast.Dict):
                    yield str(key.value), not _given(value).isdisjoint(SOURCES)


def _given(entry: ast.Call | ast.Dict) -> set[str | None]:
    """The keys of an entry that have a value: `_cfg(url="...")` or `{"url": "..."}`."""
    if isinstance(entry, ast.Call):
        pairs = [(keyword.arg, keyword.value) for keyword in entry.keywords]
    else:
        keys = (key.value if isinstance(key, ast.Constant) else None for key in entry.keys)
        pairs = list(zip(map(str, keys), entry.values, strict=True))
    return {key for key, value in pairs if not isinstance(value, ast.Constant) or value.value}
