"""What models there are and what options each takes, read from their source text without importing torch.

Snakemake reads the configuration at every start and in every job; importing torch there would cost
seconds each time. The functions marked `@model("name")` in this folder say all that is needed.
"""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, ConfigDict, Field, ValidationError, create_model
from pydantic_core import PydanticCustomError

from bakeoff.models import choices, fit
from bakeoff.models.fit import LabelRule, Misfit, Rule
from bakeoff.models.timm_names import check_architecture
from bakeoff.task.classification import Scored

PACKAGE = __name__.rpartition(".")[0]
FOLDER = Path(__file__).parent

Minimised = Literal["loss", "findings", "own"]
"""What training a model minimises: `training.loss`, -log P(the image's findings), or something of its own."""


@dataclass(frozen=True)
class Entry:
    """One model of the zoo: where its function is, and the options that the function takes."""

    name: str
    module: str
    function: str
    summary: str
    reference: str  # the paper
    source: str  # lines of the course material, D0 ... D4
    fits: Rule | None  # which image sizes and options go together; None is all
    labels: LabelRule | None  # what of an image it can learn to score; None is anything
    objective: Minimised
    options: Mapping[str, tuple[Any, Any]]  # option -> (annotation, default)
    arguments: Mapping[
        str, Any
    ]  # of a row of a table: what its function gets, unless a variant sets it

    @property
    def is_family(self) -> bool:
        """Whether the entry stands for many models, as `timm/*` does."""
        return self.name.endswith("/*")


@cache
def entries() -> dict[str, Entry]:
    """Every model of the zoo by name, in alphabetical order."""
    found = {}
    for file in sorted(FOLDER.glob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for node in tree.body:
            if isinstance(node, ast.FunctionDef):
                for name, keywords, arguments in _marks(node, tree):
                    found[name] = _entry(name, keywords, arguments, file, node)
    return dict(sorted(found.items()))


def find(name: str) -> Entry:
    """The entry of a model name; ValueError with the nearest names where there is none."""
    known = entries()
    family, slash, rest = name.partition("/")
    if name in known and not known[name].is_family:
        return known[name]
    if slash and (entry := known.get(f"{family}/*")):
        check_architecture(rest)
        return entry
    near = get_close_matches(name, known, n=3, cutoff=0.4)
    hint = f"Did you mean {' or '.join(near)}?" if near else f"Known: {', '.join(known)}."
    raise ValueError(f"model '{name}' is not in the zoo. {hint}")


def parse_options(name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Check a variant's options against the model's own, defaults filled in.

    Raises KeyError(option, valid options) for an unknown option, ValueError for a wrong value.
    """
    entry = find(name)
    for option in options:
        if option not in entry.options:
            raise KeyError(option, tuple(entry.options))
    fields: Any = {
        option: (_in_range(option, annotation), default)
        for option, (annotation, default) in entry.options.items()
    }
    schema = create_model(entry.function, __config__=ConfigDict(extra="forbid"), **fields)
    try:
        return schema.model_validate(dict(options)).model_dump()
    except ValidationError as error:
        raise ValueError(
            "; ".join(f"{d['loc'][0]}: {d['msg']}, found {d['input']!r}" for d in error.errors())
        ) from None


def misfit(name: str, size: int, options: Mapping[str, Any]) -> Misfit | None:
    """What does not go together of images of `size` pixels and a model's (parsed) options; None if all does.

    A model on a `backbone` takes what its backbone takes. What timm's models take, only timm knows.
    """
    entry = find(name)
    if entry.fits is not None:
        return entry.fits(size, options)
    backbone = options.get("backbone")
    if backbone is None:
        return None
    own = parse_options(backbone, {})
    given = {option: value for option, value in options.items() if value is not None}
    return misfit(backbone, size, {**own, **given})


def unfit(name: str, scored: Scored) -> str | None:
    """Why a model cannot be trained where this of an image has a score, "learns ..."; None where it can."""
    rule = find(name).labels
    return rule(scored) if rule else None


def _in_range(option: str, annotation: Any) -> Any:
    """The annotation with what holds of any such option: counts from 1, shares from 0 to 1."""
    kinds = get_args(annotation) or (annotation,)
    if int in kinds:
        return Annotated[annotation, Field(ge=1), BeforeValidator(_true_is_no_number)]
    if float in kinds:
        within = Field(ge=0, le=1 if "drop" in option else None, allow_inf_nan=False)
        return Annotated[annotation, within, BeforeValidator(_true_is_no_number)]
    return annotation


def _true_is_no_number(value: Any) -> Any:
    if isinstance(value, bool):
        raise PydanticCustomError("number", "Input should be a number")
    return value


def _marks(
    node: ast.FunctionDef, tree: ast.Module
) -> Iterator[tuple[str, dict[str, ast.expr], dict[str, Any]]]:
    """Each model that a function is marked as: its name, what is said of it, its row's arguments.

    The marks are `@model("name", reference="...", source="...", fits=rule)` and `@models(TABLE, ...)`.
    """
    for mark in node.decorator_list:
        if not isinstance(mark, ast.Call) or not isinstance(mark.func, ast.Name):
            continue
        keywords = {keyword.arg: keyword.value for keyword in mark.keywords if keyword.arg}
        if mark.func.id == "model":
            yield ast.literal_eval(mark.args[0]), keywords, {}
        elif mark.func.id == "models":
            for name, size in _rows(ast.unparse(mark.args[0]), tree):
                row = dict(zip(("summary", "reference"), size.args, strict=False))
                given = {k.arg: ast.literal_eval(k.value) for k in size.keywords if k.arg}
                yield name, {**keywords, **row}, given


def _rows(table: str, tree: ast.Module) -> list[tuple[str, ast.Call]]:
    """The names and the sizes of a table of a file, `TABLE = {"name": Size("What it is.", ...)}`."""
    tables = {ast.unparse(n.targets[0]): n.value for n in tree.body if isinstance(n, ast.Assign)}
    rows = tables.get(table)
    if not isinstance(rows, ast.Dict):
        raise ValueError(
            f"@models({table}): expected a dict of this name in the same file, literal"
        )
    pairs = zip(rows.keys, rows.values, strict=True)
    return [(ast.literal_eval(k), size) for k, size in pairs if k and isinstance(size, ast.Call)]


def _entry(
    name: str,
    keywords: Mapping[str, ast.expr],
    arguments: Mapping[str, Any],
    file: Path,
    node: ast.FunctionDef,
) -> Entry:
    namespace = {"Literal": Literal, **vars(choices)}
    options = {}
    for argument, default in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True):
        if argument.annotation is None or (default is None and argument.arg not in arguments):
            raise ValueError(
                f"{file}: {node.name}: option {argument.arg} needs a type and a default"
            )
        annotation = eval(ast.unparse(argument.annotation), namespace)
        own = ast.literal_eval(default) if default is not None else None
        options[argument.arg] = (annotation, arguments.get(argument.arg, own))
    documented = (ast.get_docstring(node) or "").partition("\n")[0]
    return Entry(
        name=name,
        module=f"{PACKAGE}.{file.stem}",
        function=node.name,
        summary=ast.literal_eval(keywords["summary"]) if "summary" in keywords else documented,
        reference=ast.literal_eval(keywords["reference"]),
        source=ast.literal_eval(keywords["source"]),
        fits=_rule(keywords.get("fits")),
        labels=_rule(keywords.get("labels")),
        objective=ast.literal_eval(keywords["objective"]) if "objective" in keywords else "loss",
        options=options,
        arguments=arguments,
    )


def _rule(named: ast.expr | None) -> Any:
    return getattr(fit, named.id) if isinstance(named, ast.Name) else None
