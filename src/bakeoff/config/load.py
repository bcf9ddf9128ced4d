"""Reads configuration files; errors list every mistake with its file, its key and the nearest valid one."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from bakeoff.config.schema.section import sections_in
from bakeoff.errors import ConfigError
from bakeoff.spelling import did_you_mean, nearest
from bakeoff.yaml_text import LIST_EXPECTED, found, load_yaml

S = TypeVar("S", bound=BaseModel)


def read_files(files: Sequence[Path], overrides: Sequence[str] = ()) -> dict[str, Any]:
    """Merge YAML files, later ones over earlier, then `key.subkey=value` overrides (YAML values).

    Raises ConfigError for a file that is missing, is not YAML, or is not a mapping of unique keys.
    """
    merged: dict[str, Any] = {}
    for file in files:
        merged = merge(merged, _read(file))
    for override in overrides:
        key, equals, value = override.partition("=")
        parts = key.split(".")
        if not equals or not all(parts):
            raise ConfigError(
                f"--set {override}: expected KEY=VALUE, for example training.epochs=3"
            )
        try:
            nested = load_yaml(value)
        except ConfigError as error:
            raise ConfigError(f"--set {override}: {error}") from None
        for part in reversed(parts):
            nested = {part: nested}
        merged = merge(merged, nested)
    return merged


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with `over` on top, mapping by mapping; lists and scalars are replaced whole."""
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        merged[key] = merge(old, value) if both else value  # type: ignore[arg-type]
    return merged


def parse(section: type[S], values: Any, *, where: str, source: str) -> S:
    """Validate `values` as `section`; `where` is its key, `source` its file."""
    if values is None:
        values = {}
    if not isinstance(values, Mapping):
        raise ConfigError(
            f"{source}: {where}: expected a mapping of keys, found {type(values).__name__}"
        )
    try:
        return section.model_validate(dict(values))
    except ValidationError as error:
        details = error.errors()
        # A list whose items were refused is then "too short" as well, which is not a second mistake.
        parents = {detail["loc"][:-1] for detail in details}
        problems = (
            _describe(section, detail, where)
            for detail in details
            if not (detail["type"] == "too_short" and detail["loc"] in parents)
        )
        raise ConfigError("\n".join(f"{source}: {problem}" for problem in problems)) from None


def unknown_key(key: str, where: str, valid: Iterable[str]) -> str:
    """The error for an unknown key, with the nearest valid one."""
    valid = sorted(valid)
    before, colon, value = str(key).partition(":")
    if colon and before in valid:
        return (
            f"{f'{where}.{key}' if where else key}: a blank is missing: {before}: {value.strip()}."
        )
    hint = did_you_mean(str(key), valid) or f"Valid keys: {', '.join(valid)}."
    return f"{f'{where}.{key}' if where else key}: unknown key. {hint}"


def _describe(section: type[BaseModel], detail: ErrorDetails, where: str) -> str:
    location = _written(section, detail)
    path = ".".join(filter(None, [where, *location]))
    if detail["type"] == "extra_forbidden":
        owner = _section_at(section, location[:-1])
        parent = ".".join(filter(None, [where, *location[:-1]]))
        return unknown_key(location[-1], parent, owner.model_fields)
    if detail["type"] == "missing":
        return f"{path}: this key is required."
    if detail["type"] == "value_error":
        return f"{path}: {detail['ctx']['error']}."
    message, mistake = f"{detail['msg'][0].lower()}{detail['msg'][1:]}", detail["type"]
    if mistake in LIST_EXPECTED:
        message = "expected a list"
    elif mistake == "model_type":
        message = "expected its keys in braces, { }"
    elif mistake == "literal_error" and "'" not in detail["ctx"]["expected"]:
        mistake = "int_type"  # numbers alone were expected, and quotes would not help
    if isinstance(detail["input"], Mapping):
        return f"{path}: {message}."
    return f"{path}: {message}, found {found(detail['input'], mistake)}."


def _written(section: type[BaseModel], detail: ErrorDetails) -> list[str]:
    """The keys that lead to a value as they are written: without Pydantic's names of kinds of a value."""
    unknown = detail["type"] == "extra_forbidden"
    written: list[str] = []
    for at, part in enumerate(detail["loc"]):
        owner = _section_at(section, written)
        last = at == len(detail["loc"]) - 1
        named = len(written) > 0 and written[-1] == detail["loc"][at - 1] in _mappings(
            section, written
        )
        if isinstance(part, int) or named or part in owner.model_fields or (last and unknown):
            written.append(str(part))
    return written


def _mappings(section: type[BaseModel], written: Sequence[str]) -> list[str]:
    """The fields of the section to which a path leads whose keys the user names, as of split.designs."""
    owner = _section_at(section, written[:-1])
    return [
        name
        for name, field in owner.model_fields.items()
        if any(get_origin(one) is dict for one in (field.annotation, *get_args(field.annotation)))
    ]


def _section_at(section: type[BaseModel], location: Sequence[str]) -> type[BaseModel]:
    for part in location:
        if part in section.model_fields:
            section = next(sections_in(section.model_fields[part].annotation), section)
    return section


def _read(file: Path) -> dict[str, Any]:
    try:
        content = load_yaml(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read ({error.strerror}).{_beside(file)}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file}: is not text in UTF-8: {error}.") from error
    except ConfigError as error:
        raise ConfigError(f"{file}: {error}") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ConfigError(f"{file}: expected a mapping of keys, found {type(content).__name__}.")
    return content


def _beside(file: Path) -> str:
    """A hint to a file with nearly that name, if there is one."""
    there = [one for folder in (file.parent, Path("config")) for one in folder.glob("*.y*ml")]
    near = nearest(file.stem, [one.stem for one in there])
    meant = [one for one in there if one.stem in near]
    return f" Did you mean {meant[0]}?" if meant else ""
