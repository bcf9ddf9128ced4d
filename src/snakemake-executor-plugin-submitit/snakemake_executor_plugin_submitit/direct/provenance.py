"""What the values in a rule's lines come from, told from the text of its Snakefiles.

`params: host=HOST` is a plain text when a job is looked at, wherever `HOST` is from; but the job's
own Snakemake reads the Snakefiles again, on another machine and at another time. This follows what
looks at the clock, at chance, the environment, the machine or the files that are there, from name
to name, to the lines of a rule. It follows the common forms of Python and is no proof. Where it
sees a form, it errs to one side: a name that was given such a value once has it for ever. What
libraries do, and the tables that they read, it takes to be the same everywhere.
"""

import ast
import builtins
from collections.abc import Iterable
from typing import Any

from snakemake.parser import parse  # type: ignore[import-untyped]

from snakemake_executor_plugin_submitit.direct.bindings import Bindings
from snakemake_executor_plugin_submitit.direct.function_dependencies import FILES, MODULES, NAMES
from snakemake_executor_plugin_submitit.direct.origins import Names
from snakemake_executor_plugin_submitit.direct.syntax import (
    Function,
    Loop,
    arguments,
    blocks,
    directive,
    heads,
    is_rule,
    own_names,
    stored,
)

# Python's own functions that change something, or call a function that may.
ACTIVE = {"delattr", "filter", "map", "next", "setattr"}
PASSES = 20  # over the Snakefiles; each follows all that is written in the order in which it runs
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

_last: list[tuple[Any, Any]] = []  # a workflow cannot be hashed, and a process has one


def provenance_of(workflow: Any) -> "Provenance":
    """What the names of a workflow's Snakefiles come from; they are read once.

    Raises what went wrong, such as a SyntaxError or OSError where they changed meanwhile, again
    for each job.
    """
    if not _last or _last[0][0] is not workflow:
        try:
            texts = [parse(file, workflow, linemap={})[0] for file in workflow.included]
            _last[:] = [(workflow, Provenance(texts, workflow.globals))]
        except Exception as error:
            _last[:] = [(workflow, error.with_traceback(None))]
    found = _last[0][1]
    if isinstance(found, Exception):
        raise found.with_traceback(None)
    assert isinstance(found, Provenance)
    return found


class Provenance:
    """What the rules of compiled Snakefiles come from; `variables` are the values of their names."""

    def __init__(self, texts: Iterable[str], variables: dict[str, Any]) -> None:
        trees = [ast.parse(text) for text in texts]
        self._names = Names(Bindings(trees), variables)
        self.everything = ""  # why no rule is certain
        # By file and line; those of `use rule … with` may belong to any rule.
        self._rules: dict[tuple[str, int], tuple[str, list[ast.Call]]] = {}
        self._changes: list[ast.Call] = []
        self._heads: set[ast.Call] = set()  # of these
        self._answers: dict[tuple[Any, str, str | None], str] = {}
        for turn in range(PASSES):
            known = dict(self._names.comes_from)
            for tree in trees[:: -1 if turn % 2 else 1]:
                # To and fro, as what is called may be written above or below.
                self._follow(tree.body[:: -1 if turn % 2 else 1], "", frozenset())
            self.everything = self.everything or self._names.everything
            if self.everything or (turn and known == self._names.comes_from):
                return
        self.everything = "more than can be followed"

    def of_rule(self, rule: Any) -> str:
        """What decides whether this rule is there, or is as it is; empty if nothing."""
        return self._answer(rule, "", None)

    def of(self, rule: Any, part: str, name: str | None) -> str:
        """What `params`, or the one of this name, looks at by its rule's lines; empty if nothing."""
        return self._answer(rule, part, name)

    def _answer(self, rule: Any, part: str, name: str | None) -> str:
        """`of_rule` without a part; for many rules that are not found it is the same answer."""
        place = (str(rule.snakefile), rule.lineno)
        key = place if place in self._rules else None
        if self.everything:
            return self.everything
        # What rules that inherit may have changed counts for all.
        for one in (key, "changes"):
            if (one, part, name) not in self._answers:
                self._answers[one, part, name] = self._search(one, part, name)
            if found := self._answers[one, part, name]:
                return found
        return ""

    def _search(self, place: Any, part: str, name: str | None) -> str:
        if place == "changes":
            found = [("", self._changes)]
        else:
            found = [self._rules[place]] if place else list(self._rules.values())
        if not part:
            return next((cause for cause, _ in found if cause), "")
        for call in (call for _, commands in found for call in commands):
            if directive(call) in LINES.get(part, ()):
                named = [item.value for item in call.keywords if item.arg and item.arg == name]
                if cause := self._names.found(*(named or arguments(call))):
                    return cause
        return ""

    def _follow(self, body: Iterable[ast.stmt], cause: str, hidden: frozenset[str]) -> None:
        for statement in body:
            self._statement(statement, cause, hidden)

    def _statement(self, node: ast.stmt, cause: str, hidden: frozenset[str]) -> None:
        """Follow a statement's values; `cause` decides whether it runs, `hidden` are local names."""
        if isinstance(node, ast.Import | ast.ImportFrom):
            self._import(node, cause, hidden)
        elif isinstance(node, Function) and is_rule(node):
            self._rule(node, cause)
        elif isinstance(node, Function | ast.ClassDef):
            found = cause or self._names.found(node, hidden=hidden)
            self._names.bind(node.name, found, hidden)
            if isinstance(node, Function):
                hidden |= own_names(node)
                # Hooks run in the Snakemake that was started, not in that of a job.
                commands = (item for item in node.decorator_list if isinstance(item, ast.Attribute))
                found = next((item.attr for item in commands if item.attr in HOOKS), found)
            self._follow(node.body, found, hidden)
        elif isinstance(node, ast.Try | ast.TryStar):
            for one in node.body:
                self._statement(one, cause, hidden)
                # What follows may be left out.
                cause = cause or self._names.found(one, hidden=hidden)
            for handler in node.handlers:
                self._names.bind(handler.name or "", cause, hidden)
            for part in list(blocks(node))[1:]:
                self._follow(part, cause, hidden)
        else:
            inner = self._simple(node, cause, hidden)
            for part in blocks(node):
                self._follow(part, inner, hidden)

    def _simple(self, node: ast.stmt, cause: str, hidden: frozenset[str]) -> str:
        """The statement without its blocks; returns what these are run because of."""
        parts = list(heads(node))
        leaves = (isinstance(one, ast.Break | ast.Continue) for one in ast.walk(node))
        # Whatever a loop's body looks at may be what ends it.
        whole = isinstance(node, Loop) and any(leaves)
        found = self._names.found(*([node] if whole else parts), hidden=hidden) or cause
        alone = isinstance(node, ast.Expr) or (
            isinstance(node, ast.Assign) and [*map(ast.unparse, node.targets)] == ["_"]
        )
        if isinstance(node, ast.AugAssign):
            self._names.change(node.target, found, hidden, by_call=True)
        for part in parts:
            for name in stored(part):
                self._names.bind(name, found, hidden)
            for one in ast.walk(part):
                if isinstance(one, ast.Attribute | ast.Subscript):
                    if ast.unparse(one) == "workflow.globals":
                        self.everything = "workflow.globals"
                    elif not isinstance(one.ctx, ast.Load) and not self._names.is_surroundings(one):
                        self._names.change(one, found, hidden)
                elif isinstance(one, ast.Call):
                    self._call(one, cause, hidden, alone)
        return found if isinstance(node, ast.If | Loop | ast.Match) else cause

    def _call(self, node: ast.Call, cause: str, hidden: frozenset[str], alone: bool) -> None:
        """What a call changes: its method's object, what its function does, and its arguments."""
        names, function = self._names, node.func
        given = names.found(*arguments(node), hidden=hidden) or cause
        found = given or ("" if directive(node) else names.found(function, hidden=hidden))
        name = function.id if isinstance(function, ast.Name) else ""
        builtin = hasattr(builtins, name) and name not in names.bound
        if builtin and name == "exec":
            self.everything = name
        elif not found or (builtin and name not in ACTIVE):
            return
        elif directive(node):
            if alone and directive(node) == "configfile":
                names.bind("config", found)
            elif alone:
                self.everything = found
        else:
            if isinstance(function, ast.Attribute):
                names.change(function.value, given, hidden, by_call=True)
            own = names.changed_by(function, found, hidden)
            if alone or builtin or own:
                names.change_arguments(node, found, hidden, own)

    def _import(
        self, node: ast.Import | ast.ImportFrom, cause: str, hidden: frozenset[str]
    ) -> None:
        source = (getattr(node, "module", None) or "").split(".")
        stripped = (part.lstrip("_") for part in source)  # `_socket` is the C part of `socket`
        from_source = next((part for part in stripped if part in MODULES), "")
        for item in node.names:
            parts = item.name.split(".") if item.asname else item.name.split(".")[:1]
            known = MODULES | NAMES | FILES if source != [""] else MODULES
            looks = from_source or next((part for part in parts if part in known), "")
            if item.name == "*":
                self.everything = self.everything or looks or cause
            self._names.bind(item.asname or parts[0], looks or cause, hidden)

    def _rule(self, node: Function, cause: str) -> None:
        commands = [item for item in node.decorator_list if isinstance(item, ast.Call)]
        head = next(call for call in commands if directive(call) in ("rule", "userule"))
        if directive(head) == "rule":
            values = {item.arg: getattr(item.value, "value", None) for item in head.keywords}
            place = (str(values["snakefile"]), int(str(values["lineno"])))
            self._rules[place] = (cause, commands)
        else:
            self.everything = self.everything or cause
            self._changes += [] if head in self._heads else commands
            self._heads.add(head)
        for call in commands:
            found = self._names.found(*arguments(call)) or cause
            self._names.bind(f"rules.{directive(call)}", found)
