"""The configuration's JSON schema, for editors: keys, types, defaults, and what each key is for."""

import inspect
import re
from collections import defaultdict
from typing import Any

from pydantic import BaseModel, create_model

from bakeoff.config.experiment import Top
from bakeoff.config.schema import Image, Masking, Resources, Training
from bakeoff.config.schema.section import Section, sections_in
from bakeoff.models.catalogue import Entry, entries
from bakeoff.task.classification import SELECTED
from bakeoff.task.kinds import KEYS, task_of
from bakeoff.wording import few

FIELD = re.compile(r"^    (\w+): (.*\n(?:        .*\n|    [\])].*\n)*)", re.MULTILINE)
"""A field of a section, with its further lines."""

COMMENT = re.compile(r"  # (.+)$", re.MULTILINE)

SECTIONS: dict[str, type[BaseModel]] = {
    "image": Image,
    "training": Training,
    "resources": Resources,
}
"""The sections that variants override."""


def json_schema() -> dict[str, Any]:
    """The JSON schema of what `Experiment.parse` takes.

    Which options a model takes, and what goes together otherwise, `bakeoff plan` checks.
    """
    schema = Top.model_json_schema()
    definitions = schema["$defs"]
    everything = create_model("Everything", **{k: (v, v()) for k, v in SECTIONS.items()})  # type: ignore[call-overload]
    definitions |= everything.model_json_schema()["$defs"]
    variant = _variant(definitions)
    masked = Masking.model_json_schema()["properties"]
    properties = schema["properties"]
    properties |= {key: {"$ref": f"#/$defs/{value.__name__}"} for key, value in SECTIONS.items()}
    properties["variants"] = {"type": "object", "additionalProperties": variant, "minProperties": 1}
    properties["pretraining"] = {
        "type": "object",
        "additionalProperties": {**variant, "properties": variant["properties"] | masked},
    }
    _add_task(schema)
    described: list[type[BaseModel]] = [Top, *_sections(Top), *SECTIONS.values()]
    described += [*_sections(Image), *_sections(Training)]
    for section in described:
        target = schema if section is Top else definitions.get(section.__name__, {})
        own = [one for one in section.__mro__ if issubclass(one, Section)]
        for key, lines in FIELD.findall("".join(map(inspect.getsource, own))):
            if key in target.get("properties", {}) and (found := COMMENT.search(lines)):
                target["properties"][key].setdefault("description", found[1])
    schema |= {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "bakeoff"}
    return schema


def _variant(definitions: dict[str, Any]) -> dict[str, Any]:
    """A variant: its model, sections that it overrides, and the options that some model has."""
    known = entries().values()
    names = [entry.name for entry in known if not entry.is_family]
    families = [entry.name.removesuffix("*") for entry in known if entry.is_family]
    patterns = [{"type": "string", "pattern": f"^{family}"} for family in families]
    properties: dict[str, Any] = {"model": {"anyOf": [{"enum": names}, *patterns]}}
    properties |= {key: {"$ref": f"#/$defs/{value.__name__}"} for key, value in SECTIONS.items()}
    properties["grid"] = {
        "type": "object",
        "additionalProperties": {"type": "array"},
        "description": "lists of values by their keys: a variant for every combination",
    }
    properties["pretrained"] = {
        "type": "boolean",
        "description": "timm's own choice among the published weights of a timm/* model",
    }
    kinds, models = defaultdict[str, list[Any]](list), defaultdict[str, list[str]](list)
    for entry in known:
        for option, way in _options(entry, definitions).items():
            models[option].append(entry.name)
            kinds[option] += [one for one in way.get("anyOf", [way]) if one not in kinds[option]]
    for option, ways in kinds.items():
        said = f"an option of {few(models[option], 4)} (bakeoff models MODEL)"
        properties[option] = {"anyOf": ways, "description": said}
    return {
        "type": "object",
        "required": ["model"],
        "properties": properties,
        "additionalProperties": False,
    }


def _options(entry: Entry, definitions: dict[str, Any]) -> dict[str, Any]:
    """The schema of each option of a model, without its name and default."""
    fields: Any = {name: (kind, default) for name, (kind, default) in entry.options.items()}
    model: type[BaseModel] = create_model(entry.function, **fields)
    schema = model.model_json_schema()
    definitions |= schema.get("$defs", {})
    return {
        option: {key: value for key, value in way.items() if key not in ("title", "default")}
        for option, way in schema.get("properties", {}).items()
    }


def _add_task(schema: dict[str, Any]) -> None:
    """The keys and metrics of each kind of task; `kind` is binary where it is not written."""
    definitions = schema["$defs"]
    metrics = {kind: task_of({"kind": kind}).metric_names for kind in KEYS}
    every = sorted({name for names in metrics.values() for name in names})
    definitions["Compare"]["properties"]["metric"] = {"enum": [*every, None], "default": None}
    selected = list(dict.fromkeys((*SELECTED, *every)))
    definitions["Training"]["properties"]["select_on"] |= {"enum": selected}
    usual = definitions["Task"]["properties"]["kind"]["default"]
    others = {key for keys in KEYS.values() for key in keys}
    definitions["Task"]["allOf"] = [
        {
            "if": _has("kind", {"const": kind}, kind == usual),
            "then": {"properties": {key: {"type": "null"} for key in sorted(others - {*keys})}},
        }
        for kind, keys in KEYS.items()
    ]
    schema["allOf"] = [
        {
            "if": _has("task", _has("kind", {"const": kind}, kind == usual), kind == usual),
            "then": {
                "properties": {"compare": {"properties": {"metric": {"enum": [*names, None]}}}}
            },
        }
        for kind, names in metrics.items()
    ]


def _has(key: str, value: dict[str, Any], or_nothing: bool) -> dict[str, Any]:
    """The condition that a key has a value, or is not there at all."""
    return {"properties": {key: value}, **({} if or_nothing else {"required": [key]})}


def _sections(section: type[BaseModel]) -> list[type[BaseModel]]:
    """The sections that are fields of one, optional ones too."""
    found = []
    for field in section.model_fields.values():
        for kind in sections_in(field.annotation):
            found += [kind, *_sections(kind)]
    return found
