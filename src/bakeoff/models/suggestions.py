"""A model and its options as a person asks for them: what is not there is told with what was meant perhaps.

Beside the catalogue and not in it: the catalogue says what is valid, this what a person may have meant.
"""

from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin

from bakeoff.models.catalogue import Entry, entries, find, parse_options
from bakeoff.models.timm_names import architectures
from bakeoff.spelling import nearest
from bakeoff.yaml_text import found


def find_or_suggest(name: str) -> Entry:
    """The entry of a model name; ValueError with the names that were meant perhaps where there is none."""
    known = entries()
    family, slash, rest = name.partition("/")
    if slash and f"{family}/*" in known:
        require_architecture(rest)
        return find(name)
    if name in known and not known[name].is_family:
        return find(name)
    raise ValueError(f"model '{name}' is not in the zoo. {_meant(name)}")


def require_architecture(name: str) -> None:
    """Raise ValueError with the nearest names where timm has no model of that name."""
    architecture, known = name.partition(".")[0], architectures()
    if known and architecture not in known:
        near = [f"timm/{one}" for one in nearest(architecture, sorted(known), most=3)]
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        raise ValueError(f"timm has no model '{architecture}'.{hint}")


def parse_or_explain(name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """`parse_options`, whose ValueError says also where YAML has read a word as something else."""
    try:
        return parse_options(name, options)
    except ValueError as error:
        raise ValueError(_explained(str(error), name, options)) from None


def _meant(name: str) -> str:
    """The names that were meant perhaps: timm's own without `timm/`, or the nearest of both."""
    if name.partition(".")[0] in architectures():
        return f"timm has one of this name: write 'timm/{name}'."
    near = nearest(name, [one for one in entries() if not one.endswith("/*")], most=3)
    if not near:
        near = [f"timm/{one}" for one in nearest(name, sorted(architectures()), most=3)]
    if near:
        return f"Did you mean {' or '.join(near)}?"
    return "`bakeoff models` lists those that there are; those of timm are 'timm/<name>'."


def _explained(message: str, name: str, options: Mapping[str, Any]) -> str:
    """The message, where an option that takes a word was given none, with what YAML made of it."""
    for option, value in options.items():
        annotation, _ = find(name).options[option]
        kinds = get_args(annotation) or (annotation,)
        takes_a_word = get_origin(annotation) is Literal or str in kinds
        plain = f"found {value!r}"
        if takes_a_word and f"{option}: " in message and not isinstance(value, str):
            message = message.replace(plain, f"found {found(value, 'string_type')}", 1)
    return message
