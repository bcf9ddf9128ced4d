"""What the values in a rule's lines come from, told from the text of its Snakefiles.

`params: host=HOST` is a plain text when a job is looked at, wherever `HOST` is from; but the job's
own Snakemake reads the Snakefiles again, on another machine and at another time. This follows what
looks at the clock, at chance, the environment, the machine or the files that are there, from name
to name, to the lines of a rule. It errs to one side: a name that was given such a value once has it
for ever. What libraries do, and the tables that they read, it takes to be the same everywhere.
"""

import ast
import builtins
import dataclasses
from collections.abc import Iterable, Iterator
from pathlib import PurePath
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

from snakemake.parser import parse  # type: ignore[import-untyped]

from snakemake_executor_plugin_submitit.surroundings import FILES, MODULES, NAMES, module_of

# Attributes of `workflow` that Snakemake passes on to the job's own.
PASSED_ON = {
    "basedir", "config_settings", "configfiles", "current_basedir", "main_snakefile",
    "overwrite_config", "overwrite_configfiles",
}  # fmt: skip
# What a call cannot change for the rules that come after it.
CONSTANT = (
    *(type(None), bool, int, float, complex, str, bytes, tuple, frozenset, PurePath, type),
    *(ModuleType, FunctionType, BuiltinFunctionType),
)
SNAKEMAKES = {"checkpoints", "rules", "workflow"}
HOOKS = {"onstart", "onsuccess", "onerror"}
# The lines of a rule that a field's value comes from. Jobs with other outputs or wildcards than
# those that are awaited fail in any case.
LINES = {
    "input": {"input"},
    "log": {"log"},
    "params": {"params"},
    "resources": {"resources", "threads"},
    "threads": {"resources", "threads"},
}

Function = ast.FunctionDef | ast.AsyncFunctionDef
_last: list[tuple[Any, "Provenance"]] = []  # a workflow cannot be hashed, and a process has one


def provenance_of(workflow: Any) -> "Provenance":
    """What the names of a workflow's Snakefiles come from; they are read once.

    Raises SyntaxError or OSError where they changed and cannot be read any more.
    """
    if not _last or _last[0][0] is not workflow:
        texts = [parse(file, workflow, linemap={})[0] for file in workflow.included]
        _last[:] = [(workflow, Provenance(texts, workflow.globals))]
    return _last[0][1]


class Provenance:
    """The names of compiled Snakefiles whose values may be others inside a job.

    `variables` are the names' values, for what cannot be told from the text.
    """

    def __init__(self, texts: Iterable[str], variables: dict[str, Any]) -> None:
        trees = [ast.parse(text) for text in texts]
        self.variables = variables
        self.names: dict[str, str] = {}  # and what each comes from
        self.everything = ""  # why no rule is certain
        self._bound = {name for tree in trees for name in _bound(tree.body)}
        # By file and line; those of `use rule … with` may belong to any rule.
        self._rules: dict[tuple[str, int], tuple[str, list[ast.Call]]] = {}
        self._changes: list[ast.Call] = []
        known = -1
        while known < len(self.names):  # until nothing more comes from something else
            known = len(self.names)
            for tree in trees:
                self._follow(tree.body, "", frozenset())

    def of_rule(self, rule: Any) -> str:
        """What decides whether this rule is there, or is as it is; empty if nothing."""
        return self.everything or self._declared(rule)[0]

    def of(self, rule: Any, part: str, name: str | None) -> str:
        """What `params`, or the one of this name, looks at by its rule's lines; empty if nothing."""
        _, calls = self._declared(rule)
        for call in calls:
            if _directive(call) not in LINES.get(part, ()):
                continue
            named = [item.value for item in call.keywords if item.arg and item.arg == name]
            if found := self._found(named[0]) if named else self._given(call):
                return found
        return ""

    def _declared(self, rule: Any) -> tuple[str, list[ast.Call]]:
        """Why a rule may be another one, and its lines; those of all if they are not found."""
        place = (str(rule.snakefile), rule.lineno)
        found = [self._rules[place]] if place in self._rules else list(self._rules.values())
        cause = next((cause for cause, _ in found if cause), "")
        return cause, [*(call for _, calls in found for call in calls), *self._changes]

    # Expressions

    def _found(self, node: ast.AST, hidden: frozenset[str] = frozenset()) -> str:
        """The first thing in an expression that may be another inside the job; empty if none is."""
        if isinstance(node, ast.Name):
            local = node.id in hidden or isinstance(node.ctx, ast.Store)
            return "" if local else self._name(node.id)
        if isinstance(node, ast.Attribute):
            if isinstance(node.value, ast.Name) and node.value.id == "workflow":
                return "" if node.attr in PASSED_ON else f"workflow.{node.attr}"
            if isinstance(node.value, ast.Attribute) and ast.unparse(node.value.value) == "rules":
                return self.names.get(f"rules.{node.attr}", "")  # rules.first.output
            if node.attr in NAMES | FILES:
                return node.attr
        names = _own_names(node)
        first = [generator.iter for generator in getattr(node, "generators", ())[:1]]
        for part in ast.iter_child_nodes(node):
            if isinstance(part, ast.arguments):  # its defaults are from outside
                found = self._found(part, hidden)
            else:
                found = self._found(part, hidden | names)
            if found:
                return found
        return next((found for part in first if (found := self._found(part, hidden))), "")

    def _given(self, call: ast.Call, hidden: frozenset[str] = frozenset()) -> str:
        """The same of a call's arguments."""
        parts = (*call.args, *call.keywords)
        return next((found for part in parts if (found := self._found(part, hidden))), "")

    def _name(self, name: str) -> str:
        if name in self.names:
            return self.names[name]
        if name in self._bound:
            return ""
        if name == "rules":
            return next((self.names[one] for one in self.names if one.startswith("rules.")), "")
        looks = name in NAMES | FILES or module_of(self.variables.get(name)) in MODULES
        return name if looks else ""

    # Statements

    def _follow(self, body: Iterable[ast.stmt], cause: str, hidden: frozenset[str]) -> None:
        for statement in body:
            self._statement(statement, cause, hidden)

    def _statement(self, node: ast.stmt, cause: str, hidden: frozenset[str]) -> None:
        """Follow a statement's values; `cause` decides whether it runs, `hidden` are local names."""
        if isinstance(node, ast.Import | ast.ImportFrom):
            self._import(node, cause, hidden)
        elif isinstance(node, Function) and _is_rule(node):
            self._rule(node, cause)
        elif isinstance(node, Function | ast.ClassDef):
            found = cause or self._found(node, hidden)
            self._bind(node.name, found, hidden)
            if isinstance(node, Function):
                hidden |= _own_names(node)
                # Hooks run in the Snakemake that was started, not in that of a job.
                calls = (item for item in node.decorator_list if isinstance(item, ast.Attribute))
                found = next((item.attr for item in calls if item.attr in HOOKS), found)
            self._follow(node.body, found, hidden)
        elif isinstance(node, ast.Try):
            for one in node.body:
                self._statement(one, cause, hidden)
                cause = cause or self._found(one, hidden)  # what follows may be left out
            for part in list(_blocks(node))[1:]:
                self._follow(part, cause, hidden)
        else:
            inner = self._simple(node, cause, hidden)
            for part in _blocks(node):
                self._follow(part, inner, hidden)

    def _simple(self, node: ast.stmt, cause: str, hidden: frozenset[str]) -> str:
        """The statement without its blocks; returns what these are run because of."""
        heads = [part for part in ast.iter_child_nodes(node) if not isinstance(part, _INNER)]
        found = next((found for part in heads if (found := self._found(part, hidden))), cause)
        for part in heads:
            for name in _stored(part):
                self._bind(name, found, hidden)
            for one in ast.walk(part):
                if isinstance(one, ast.Attribute | ast.Subscript):
                    if not isinstance(one.ctx, ast.Load):
                        self._change(_root(one), found, hidden)
                elif isinstance(one, ast.Call):
                    self._call(one, cause, hidden, alone=isinstance(node, ast.Expr))
        return found if isinstance(node, ast.If | ast.While | ast.For | ast.Match) else cause

    def _call(self, node: ast.Call, cause: str, hidden: frozenset[str], alone: bool) -> None:
        """What a call changes: its method's object, and its arguments if it is a statement."""
        found = self._given(node, hidden) or cause
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        if name == "exec" and name not in self._bound:
            self.everything = name
        elif not found or (name and hasattr(builtins, name) and name != "setattr"):
            return
        elif _directive(node) and alone:
            if _directive(node) == "configfile":
                self._bind("config", found, frozenset())
            else:
                self.everything = found
        elif alone or method == "setdefault":
            values = (*node.args, *(item.value for item in node.keywords)) if alone else ()
            for one in (*([node.func] if method else ()), *values):
                self._change(_root(one), found, hidden)

    def _import(
        self, node: ast.Import | ast.ImportFrom, cause: str, hidden: frozenset[str]
    ) -> None:
        source = (getattr(node, "module", None) or "").partition(".")[0]
        for item in node.names:
            first = item.name.partition(".")[0]
            looks = source in MODULES or (first in (NAMES | FILES if source else MODULES))
            self._bind(item.asname or first, first if looks else cause, hidden)

    def _rule(self, node: Function, cause: str) -> None:
        calls = [item for item in node.decorator_list if isinstance(item, ast.Call)]
        head = next(call for call in calls if _directive(call) in ("rule", "userule"))
        if _directive(head) == "rule":
            values = {item.arg: getattr(item.value, "value", None) for item in head.keywords}
            place = (str(values["snakefile"]), int(str(values["lineno"])))
            self._rules[place] = (cause, calls)
        else:
            self.everything = self.everything or cause
            self._changes += [call for call in calls if call not in self._changes]
        for call in calls:
            self._bind(f"rules.{_directive(call)}", self._given(call) or cause, frozenset())

    def _bind(self, name: str, found: str, hidden: frozenset[str]) -> None:
        if found and name not in hidden:
            self.names.setdefault(name, found)

    def _change(self, name: str, found: str, hidden: frozenset[str]) -> None:
        """Note that an object may have been changed by what was found, if it can be changed."""
        if not found or not name or name in SNAKEMAKES:
            return
        value = self.variables.get(name, self)
        parameters = getattr(type(value), "__dataclass_params__", None)
        frozen = dataclasses.is_dataclass(value) and parameters is not None and parameters.frozen
        if name in ("globals", "locals", "vars"):
            self.everything = found
        elif not (isinstance(value, CONSTANT) or frozen):
            self._bind(name, found, hidden)


_INNER = (ast.stmt, ast.ExceptHandler, ast.match_case)


def _blocks(node: ast.stmt) -> Iterator[list[ast.stmt]]:
    for field in ("body", "orelse", "finalbody"):
        yield getattr(node, field, [])
    for part in (*getattr(node, "handlers", ()), *getattr(node, "cases", ())):
        yield part.body


def _bound(body: Iterable[ast.stmt]) -> Iterator[str]:
    """The names that statements outside functions bind."""
    for node in body:
        if isinstance(node, Function | ast.ClassDef):
            yield node.name
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from (item.asname or item.name.partition(".")[0] for item in node.names)
        for part in ast.iter_child_nodes(node):
            if not isinstance(part, _INNER):
                yield from _stored(part)
        for block in _blocks(node):
            yield from _bound(block)


def _stored(node: ast.AST) -> Iterator[str]:
    """The names that an expression binds around it."""
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id
    for part in ast.iter_child_nodes(node):
        if isinstance(node, ast.comprehension) and part is node.target:
            continue
        if not isinstance(node, ast.Lambda):
            yield from _stored(part)


def _own_names(node: ast.AST) -> frozenset[str]:
    """The names that mean something else inside a function or a comprehension than around it."""
    if isinstance(node, Function | ast.Lambda):
        names = {one.arg for one in ast.walk(node.args) if isinstance(one, ast.arg)}
        if isinstance(node, ast.Lambda):
            return frozenset(names)
        shared = (one.names for one in ast.walk(node) if isinstance(one, ast.Global))
        return frozenset((names | set(_bound(node.body))).difference(*shared))
    targets = (one.target for one in getattr(node, "generators", ()))
    return frozenset(name for target in targets for name in _stored(target))


def _root(node: ast.AST) -> str:
    """The name that an expression begins with: `a` of `a.b[c](d)`, empty if with none."""
    while not isinstance(node, ast.Name):
        if isinstance(node, ast.Attribute | ast.Subscript | ast.Starred):
            node = node.value
        elif isinstance(node, ast.Call):
            node = node.func
        else:
            return ""
    return node.id


def _directive(node: ast.AST) -> str:
    """`params` of the call `workflow.params(…)` that Snakemake makes of a line; empty for others."""
    function = node.func if isinstance(node, ast.Call) else None
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        return function.attr if function.value.id == "workflow" else ""
    return ""


def _is_rule(function: Function) -> bool:
    return any(_directive(item) in ("rule", "userule") for item in function.decorator_list)
