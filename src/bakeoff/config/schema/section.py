"""What every section of the configuration is made of: names, labels, seeds, and their checks."""

import re
from collections.abc import Iterator
from typing import Annotated, Any, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
)


def _a_name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}", text):
        raise ValueError(
            "expected a name of at most 80 letters, digits, '_', '.' and '-' that starts with a "
            f"letter or digit, found {text!r}"
        )
    return text


Name = Annotated[str, AfterValidator(_a_name)]
"""A name that is also a folder, a Snakemake wildcard and part of a SLURM job name."""

Label = Annotated[
    str,
    BeforeValidator(
        lambda value: str(value) if type(value) is int else value, json_schema_input_type=str | int
    ),
]
"""A label as the table writes it; YAML reads 0 and 1 as numbers."""


def _has_a_group(pattern: str) -> str:
    try:
        groups = re.compile(pattern).groups
    except re.error as error:
        raise ValueError(f"{pattern!r} is no regular expression: {error}") from None
    if groups != 1:
        raise ValueError(f"{pattern!r} needs one group, the patient, and has {groups}")
    return pattern


PatientPattern = Annotated[str, AfterValidator(_has_a_group)]
"""A regular expression whose one group, in the name of an image's file, is the patient."""

Seed = Annotated[int, Field(ge=0, lt=2**31, strict=True)]
"""A seed of a run; strict, since YAML's `true` is no number."""

UNITS = {"": 1.0, "s": 1.0, "min": 60.0, "h": 3600.0}


def _in_seconds(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    found = re.fullmatch(r"(\d+(?:\.\d+)?) *(s|min|h|)", value.strip())
    if found is None:
        raise ValueError(f"expected a duration, such as 60, 60 s or 2 min, found {value!r}")
    return float(found[1]) * UNITS[found[2]]


Seconds = Annotated[
    float, Field(ge=0), BeforeValidator(_in_seconds, json_schema_input_type=float | str)
]
"""A duration: seconds, or a number with s, min or h."""


class Section(BaseModel):
    """A part of the configuration: unknown keys are refused, values do not change once read."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _true_is_no_number(cls, value: Any, info: ValidationInfo) -> Any:
        """Pydantic reads YAML's `true` as 1 where a number is expected."""
        annotation = cls.model_fields[str(info.field_name)].annotation
        expected = get_args(annotation) or (annotation,)  # of a Literal, its values
        kinds = {one if isinstance(one, type) else type(one) for one in expected}
        if isinstance(value, bool) and kinds & {int, float} and bool not in kinds:
            raise ValueError(f"expected a number, found {value!r}")
        return value


def sections_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The sections that a value of this type may be."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from sections_in(part)
