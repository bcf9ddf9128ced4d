"""The configuration's JSON schema, for editors: keys, types, defaults, and what each key is for."""

import inspect
import re
from typing import Any

from pydantic import BaseModel, create_model

from bakeoff.config.experiment import Top
from bakeoff.config.schema import Image, Masking, Resources, Training
from bakeoff.models.catalogue import entries

COMMENT = re.compile(r"^    (\w+): .*?  # (.+)$", re.MULTILINE)
"""A field of a section with the comment beside it."""


def json_schema() -> dict[str, Any]:
    """The JSON schema of what `Experiment.parse` takes; `bakeoff plan` checks the options of models."""
    schema = Top.model_json_schema()
    definitions = schema["$defs"]
    sections: dict[str, type[BaseModel]] = {
        "image": Image,
        "training": Training,
        "resources": Resources,
    }
    everything = create_model("Everything", **{k: (v, v()) for k, v in sections.items()})  # type: ignore[call-overload]
    definitions |= everything.model_json_schema()["$defs"]
    definitions |= Masking.model_json_schema().get("$defs", {})
    names = [name for name in entries() if not name.endswith("/*")]
    model = {"anyOf": [{"enum": names}, {"type": "string", "pattern": "^timm/"}]}
    overrides = {key: {"$ref": f"#/$defs/{value.__name__}"} for key, value in sections.items()}
    variant = {
        "type": "object",
        "required": ["model"],
        "properties": {"model": model, **overrides, "grid": {"type": "object"}},
    }
    masked = Masking.model_json_schema()["properties"]
    properties = schema["properties"]
    properties |= overrides
    properties["variants"] = {"type": "object", "additionalProperties": variant, "minProperties": 1}
    properties["pretraining"] = {
        "type": "object",
        "additionalProperties": {**variant, "properties": variant["properties"] | masked},
    }
    described: list[type[BaseModel]] = [Top, *_sections(Top), *sections.values(), *_sections(Image)]
    for section in described:
        target = schema if section is Top else definitions.get(section.__name__, {})
        for key, comment in COMMENT.findall(inspect.getsource(section)):
            if key in target.get("properties", {}):
                target["properties"][key].setdefault("description", comment)
    schema |= {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "bakeoff"}
    return schema


def _sections(section: type[BaseModel]) -> list[type[BaseModel]]:
    """The sections that are fields of one, optional ones too."""
    found = []
    for field in section.model_fields.values():
        for kind in (field.annotation, *getattr(field.annotation, "__args__", ())):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                found += [kind, *_sections(kind)]
    return found
