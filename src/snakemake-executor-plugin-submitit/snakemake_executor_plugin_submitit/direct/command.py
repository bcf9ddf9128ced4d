"""The command of a shell rule as its job would format it, where that is certain before the job runs.

Snakemake formats `shell:` inside the job: with the variables of the Snakefile, which the job reads
anew, and the job's own `input`, `output` and so on on top of them. What another reading of the
Snakefile may see differently is left to the job: any variable of the Snakefile, a command that is
put together by an expression, values that are no plain text or numbers, and functions and values
that look around.
"""

import inspect
import re
import shutil
import string
from pathlib import PurePath
from typing import Any

from snakemake.common.tbdstring import TBDString  # type: ignore[import-untyped]
from snakemake.shell import MAX_ARG_LEN, shell  # type: ignore[import-untyped]
from snakemake.utils import format as snakemake_format  # type: ignore[import-untyped]

from snakemake_executor_plugin_submitit.direct.function_dependencies import looked_at
from snakemake_executor_plugin_submitit.direct.provenance import Provenance, provenance_of

# `{params.config}`, `{input[0]}`, `{params.table[key]}`; no methods, no properties.
FIELD = re.compile(r"(?P<part>\w+)(?:\.(?P<name>\w+)|\[(?P<key>[^][]+)\])?(?:\[[^][]+\])*")
# The body that Snakemake makes of `shell:`.
BODY = "def run({}):\n    shell({!r}, bench_record=bench_record, bench_iteration=bench_iteration)\n"

# The parts that functions may fill in, which may take each other as arguments.
FILLED = {"input", "log", "params", "resources", "threads"}
AGAIN = FILLED - {"input", "log"}  # those that are asked twice


class UncertainError(ValueError):
    """A command that only the job itself can know; the message says why."""


def command_of(job: Any) -> str:
    """The shell command of a single job that is ready to run, without prefix and suffix.

    Raises UncertainError where the job might run another one.
    """
    try:
        return _command(job)
    except UncertainError:
        raise
    except Exception as error:
        # Of a function, or where Python gives up on a long expression.
        reason = f"what cannot be looked at ({type(error).__name__}: {error})"
        raise UncertainError(reason) from None


def _command(job: Any) -> str:
    rule = job.rule
    if not _is_literal(rule):
        raise UncertainError("a command that is put together by an expression")
    usual = (None, "", shutil.which("bash"))
    if (shell._process_prefix, shell._process_suffix, shell.get_executable()) != usual:
        raise UncertainError("a shell prefix, suffix or executable of the Snakefile")
    variables = _variables(job)
    provenance = _provenance(rule)
    asked: set[str] = set()
    for field in _fields(rule.shellcmd):
        _require_plain(variables, field)
        asked |= _asked(rule, provenance, field)
    command = _format(rule.shellcmd, variables)
    if asked & AGAIN and _format(rule.shellcmd, variables | _asked_again(job, asked)) != command:
        raise UncertainError("a function that answers differently when it is asked again")
    if len(command.replace("'", r"'\''")) > MAX_ARG_LEN - 100:
        raise UncertainError("a command that goes through a script file")
    return command


def digest_text(job: Any) -> str:
    """The command as far as the controlling process can tell, to compare two runs of Snakemake."""
    rule = job.rule
    if not rule.shellcmd:
        return ""
    try:
        text = _format(rule.shellcmd, {**rule.run_func.__globals__, **_variables(job)})
    except UncertainError:
        text = rule.shellcmd
    return re.sub(r" at 0x[0-9a-f]+", "", text)  # of functions; it changes with every start


def _is_literal(rule: Any) -> bool:
    """Whether `shell:` is one string, told by comparing what Python made of it."""
    found = rule.run_func.__code__
    if rule.run_func.__globals__.get("shell") is not shell:
        return False
    parameters = ", ".join(found.co_varnames[: found.co_argcount])
    made: dict[str, Any] = {}
    exec(BODY.format(parameters, str(rule.shellcmd)), {}, made)
    expected = made["run"].__code__
    return all(
        getattr(found, part) == getattr(expected, part)
        for part in ("co_code", "co_consts", "co_names", "co_varnames")
    )


def _variables(job: Any) -> dict[str, Any]:
    return {
        "input": job.input._plainstrings(),
        "output": job.output._plainstrings(),
        "params": job.params,
        "wildcards": job.wildcards,
        "threads": job.threads,
        "resources": job.resources,
        "log": job.log._plainstrings(),
        "rule": job.rule.name,
    }


def _asked_again(job: Any, parts: set[str]) -> dict[str, Any]:
    """What comes from functions, as the job would find it by asking them once more."""
    again: dict[str, Any] = {}
    if "params" in parts:
        again["params"], _ = job.rule.expand_params(job.wildcards_dict, job.input, job.output, job)
    if parts & {"resources", "threads"}:
        again["resources"] = job.rule.expand_resources(
            job.wildcards_dict, job.input, job.attempt, skip_evaluation={"tmpdir"}
        )
        again["threads"] = again["resources"]._cores
    return again


def _fields(template: str) -> list["re.Match[str]"]:
    """The fields of a command; raises UncertainError for one that is more than a lookup."""
    fields = []
    try:
        parsed = list(string.Formatter().parse(template))
    except ValueError as error:
        raise UncertainError(f"a command that cannot be formatted: {error}") from None
    for _, name, specification, conversion in parsed:
        if name is None:
            continue
        field = FIELD.fullmatch(name)
        if field is None or "{" in (specification or "") or conversion:
            raise UncertainError(f"{{{name}}} in its command")
        fields.append(field)
    return fields


def _provenance(rule: Any) -> Provenance:
    """What a rule's values come from; raises UncertainError if another rule may be in its place."""
    try:
        provenance = provenance_of(rule.workflow)
    except Exception as error:
        # Above all a Snakefile that was changed or removed meanwhile.
        raise UncertainError(f"Snakefiles that cannot be read again: {error}") from None
    if found := provenance.of_rule(rule):
        raise UncertainError(f"a Snakefile that looks at {found} before this rule")
    return provenance


def _require_plain(variables: dict[str, Any], field: "re.Match[str]") -> None:
    """Raise UncertainError unless a field's value is plain text or a number."""
    text, part, name = field.group(), field["part"], field["name"]
    if part not in variables:
        raise UncertainError(f"{{{text}}}, a variable of the Snakefile")
    if name and name not in getattr(variables[part], "keys", tuple)():
        raise UncertainError(f"{{{text}}} in its command")
    try:
        value, _ = string.Formatter().get_field(text, (), variables)
    except (LookupError, TypeError, AttributeError):
        raise UncertainError(f"{{{text}}}, which is not there") from None
    if not _is_plain(value):
        raise UncertainError(f"{{{text}}}, which is no plain text or number")


def _asked(rule: Any, provenance: Provenance, field: "re.Match[str]") -> set[str]:
    """The parts whose functions a field comes from; raises UncertainError if it may differ."""
    asked: set[str] = set()
    seen: set[tuple[str, str]] = set()
    open_parts = [(field["part"], field["name"] or field["key"] or "")]
    while open_parts:
        part, name = one = open_parts.pop()
        if one in seen:
            continue
        seen.add(one)
        for function in filter(None, map(_function, _declared(rule, part, name))):
            asked.add(part)
            if found := looked_at(function):
                raise UncertainError(f"{{{field.group()}}}, whose function looks at {found}")
            open_parts += [(argument, "") for argument in FILLED & _arguments(function)]
        if found := provenance.of(rule, part, name):
            raise UncertainError(f"{{{field.group()}}}, whose value looks at {found}")
    return asked


def _declared(rule: Any, part: str, name: str) -> list[Any]:
    """What a rule says of `params`, or of one of them, as it stands there."""
    if part in ("input", "log", "params"):
        items = getattr(rule, part)
        raw = items.get(name) if name else None
        found = [item for _, item in items._allitems()] if raw is None else [raw]
        return [item for one in found for item in (one if isinstance(one, list) else [one])]
    if part == "resources":
        # `mem` and `mem_mib` are derived from `mem_mb`.
        stem = re.sub(r"_mi?b$", "", name)
        return [
            one for one in rule.resources.values() if one.name.removesuffix("_mb") == stem
        ] or list(rule.resources.values())
    return [rule.resources["_cores"]] if part == "threads" else []


def _function(raw: Any) -> Any:
    """What has to be called for a value as it was declared; None where nothing has."""
    if hasattr(raw, "is_evaluable"):  # a resource; `raw` is the text of one from the command line
        return (raw._evaluator if raw.raw is None else raw.raw) if raw.is_evaluable() else None
    raw = getattr(raw, "_file", raw)  # of an input or a log
    if getattr(raw, "callable", None) is not None:
        return raw.callable
    return raw if callable(raw) else None


def _arguments(function: Any) -> set[str]:
    """The names of a function's arguments; all parts' if that cannot be told."""
    if isinstance(function, str):
        return {part for part in FILLED if part in function}
    try:
        return set(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return FILLED


def _is_plain(value: Any) -> bool:
    """Text, numbers, paths, and lists and dicts of them; sets have no order of their own."""
    if isinstance(value, TBDString):
        return False
    if isinstance(value, (list, tuple)):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(_is_plain(item) for pair in value.items() for item in pair)
    if isinstance(value, str):
        return type(value).__str__ is str.__str__ and type(value).__format__ is str.__format__
    return value is None or type(value) in (bool, int, float) or isinstance(value, PurePath)


def _format(template: str, variables: dict[str, Any]) -> str:
    try:
        return str(snakemake_format(template, **variables))
    except Exception as error:
        # Whatever is wrong with it, the job's own Snakemake says it better.
        raise UncertainError(f"a command that cannot be formatted: {error}") from None
