"""The names of a workflow whose values may be others inside a job: what expressions say of them.

An expression differs if it looks at something that differs, or has the name of such a value. What
changes an object changes it under all its names, as far as the text shows that they share it.
"""

import ast
import builtins
from collections.abc import Iterator
from pathlib import PurePath
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

from snakemake_executor_plugin_submitit.direct.bindings import Bindings
from snakemake_executor_plugin_submitit.direct.function_dependencies import (
    CHECKPOINTS,
    FILES,
    NAMES,
    WHEN,
    looks_at_files,
    module_of,
)
from snakemake_executor_plugin_submitit.direct.syntax import Function, arguments, own_names

# Attributes of `workflow` that Snakemake passes on to the job's own.
PASSED_ON = {
    "basedir", "config_settings", "configfiles", "current_basedir", "main_snakefile",
    "overwrite_config", "overwrite_configfiles",
}  # fmt: skip
# What a call cannot change for the rules that come after it.
PLAIN = (type(None), bool, int, float, complex, str, bytes, PurePath)
LIBRARIES = (ModuleType, FunctionType, BuiltinFunctionType)
# Strings are hashed in another way by each process. These do not depend on what comes out first.
ORDER = "the order of a set"
ORDERLESS = {"all", "any", "frozenset", "len", "max", "min", "set", "sorted"}
SNAKEMAKES = {"checkpoints", "rules", "workflow"}


class Names:
    """What each name comes from that may be another inside a job.

    `variables` are the names' values, for what cannot be told from the text.
    """

    def __init__(self, bindings: Bindings, variables: dict[str, Any]) -> None:
        self.bound = bindings.outside
        self.variables = variables
        self.comes_from: dict[str, str] = {}
        self.everything = ""  # what may have changed any name
        self._bindings = bindings
        self._spread: set[str] = set()  # names whose roots are known to have been changed

    def found(self, *nodes: ast.AST, hidden: frozenset[str] = frozenset()) -> str:
        """The first thing in expressions that may be another inside the job; empty if none is."""
        order = ""
        for node in nodes:
            for found in self._looks(node, hidden):
                if found != ORDER:
                    return found
                order = found
        return order

    def _looks(self, node: ast.AST, hidden: frozenset[str]) -> Iterator[str]:
        if isinstance(node, ast.Name):
            if node.id not in hidden and not isinstance(node.ctx, ast.Store):
                yield from filter(None, [self._name(node.id)])
            return
        if isinstance(node, ast.Attribute):
            if isinstance(node.value, ast.Name) and node.value.id == "workflow":
                yield from () if node.attr in PASSED_ON else (f"workflow.{node.attr}",)
                return
            if isinstance(node.value, ast.Attribute) and ast.unparse(node.value.value) == "rules":
                # `rules.a.output`
                yield from filter(None, [self.comes_from.get(f"rules.{node.attr}")])
                return
            if node.attr in NAMES | FILES:
                yield node.attr
        elif isinstance(node, ast.Constant) and node.value in WHEN:
            yield str(node.value)
        elif isinstance(node, ast.Set | ast.SetComp):
            yield ORDER
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield from self._of_builtin(node, node.func.id)
        # What is outside of the names of a function or a comprehension.
        outside = [getattr(node, "args", None), getattr(node, "returns", None)]
        outside = [part for part in outside if isinstance(part, ast.AST)]
        outside += getattr(node, "decorator_list", [])
        names, settled = own_names(node), _asks_checkpoints(node)
        for part in ast.iter_child_nodes(node):
            found = self._looks(part, hidden if part in outside else hidden | names)
            if settled:
                found = (one for one in found if not looks_at_files(one))
            ordered = not _is_orderless(node, part) or self._is_bound(node)
            yield from (one for one in found if ordered or one != ORDER)
        for generator in getattr(node, "generators", ())[:1]:
            yield from self._looks(generator.iter, hidden)

    def _of_builtin(self, node: ast.Call, name: str) -> Iterator[str]:
        if name in self.bound:
            return
        if name in ("set", "frozenset") and node.args:
            yield ORDER
        elif name == "id":
            yield name
        elif name == "getattr":
            known = [one.value for one in node.args[1:2] if isinstance(one, ast.Constant)]
            yield from (str(one) for one in known if one in NAMES | FILES)

    def _is_bound(self, node: ast.AST) -> bool:
        function = getattr(node, "func", None)
        return isinstance(function, ast.Name) and function.id in self.bound

    def _name(self, name: str) -> str:
        if name in self.comes_from:
            return self.comes_from[name]
        if name in self.bound:
            return ""
        if name == "rules":
            known = self.comes_from.items()
            return next((found for one, found in known if one.startswith("rules.")), "")
        return name if name in NAMES | FILES or module_of(self.variables.get(name)) else ""

    def bind(self, name: str, found: str, hidden: frozenset[str] = frozenset()) -> None:
        """Note what a name was given; that of a set's order gives way to any other."""
        if found and name and name not in hidden and self.comes_from.get(name, ORDER) == ORDER:
            self.comes_from[name] = found

    def change(
        self, node: ast.AST, found: str, hidden: frozenset[str], by_call: bool = False
    ) -> None:
        """Note that the objects of an expression may have been changed by what was found."""
        if isinstance(node, ast.List | ast.Tuple | ast.Starred):
            for part in ast.iter_child_nodes(node):
                self.change(part, found, hidden, by_call)
        elif found and not (by_call and self._is_plain(node)):
            for name in self._bindings.roots_of(node):
                if not (by_call and self._is_library(name)):
                    self._taint(name, found, hidden)

    def changed_by(self, function: ast.expr, found: str, hidden: frozenset[str]) -> bool:
        """Note what a call changes by itself; returns whether it may change its arguments."""
        if not isinstance(function, ast.Name):
            known = all(map(self._is_library, self._bindings.roots_of(function)))
            return not known and bool(self.found(function, hidden=hidden))
        name = function.id
        if name in self._bindings.effects:
            effects, own = self._bindings.effects[name], self._bindings.locals[name]
            for one in effects:
                self._taint(one, found, hidden | own)
            return bool(effects & own)
        if self._bindings.is_foreign(name):
            return False
        for one in self._bindings.roots[name]:  # of a class, or of `lambda` or `partial`
            if not self._is_library(one):
                self._taint(one, found, hidden)
        return True

    def change_arguments(
        self, node: ast.Call, found: str, hidden: frozenset[str], own: bool
    ) -> None:
        """Note what a call changes of its arguments; a library makes a new object of them."""
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if self._bindings.is_foreign(name) and isinstance(self.variables.get(name), type):
            return
        for value in arguments(node):
            if own or not self._is_frozen(value):
                self.change(value, found, hidden, by_call=True)

    def _taint(self, name: str, found: str, hidden: frozenset[str]) -> None:
        """Note the same of a name, and of those that its object may have been taken from."""
        names = [name]
        while names:
            name = names.pop()
            if name in ("globals", "locals", "vars"):
                self.everything = found
            if name in SNAKEMAKES or (hasattr(builtins, name) and name not in self.bound):
                continue
            if not name.endswith("()"):
                self.bind(name, found, hidden)
            if name not in self._spread:
                self._spread.add(name)
                shared = self._bindings.roots.get(name, set())
                shared = shared | self._bindings.effects.get(name.removesuffix("()"), set())
                names += (one for one in shared if not self._is_library(one))

    def _is_library(self, name: str) -> bool:
        """Whether no call changes a name's object: of a library, a text or a number."""
        value = self.variables.get(name, self)
        if self._bindings.is_foreign(name):
            return isinstance(value, (*LIBRARIES, type))
        return self._bindings.is_constant(name) and isinstance(value, PLAIN)

    def _is_plain(self, node: ast.AST) -> bool:
        """Whether an expression such as `config["name"]` is a text or a number."""
        keys = []
        while isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
            keys.append(node.slice.value)
            node = node.value
        if not isinstance(node, ast.Name) or not self._bindings.is_constant(node.id):
            return False
        value = self.variables.get(node.id, self)
        for key in reversed(keys):
            value = value.get(key, self) if type(value) is dict else self
        return isinstance(value, PLAIN)

    def _is_frozen(self, node: ast.AST) -> bool:
        """Whether an argument is a frozen dataclass as a whole, which a library leaves alone."""
        name = node.id if isinstance(node, ast.Name) else ""
        parameters = getattr(type(self.variables.get(name)), "__dataclass_params__", None)
        return bool(getattr(parameters, "frozen", False)) and self._bindings.is_constant(name)

    def is_surroundings(self, node: ast.AST) -> bool:
        """Whether it is part of what is known to differ, such as `os.environ["X"]`."""
        known = False
        while isinstance(node, ast.Attribute | ast.Subscript):
            known = known or (isinstance(node, ast.Attribute) and node.attr in NAMES | FILES)
            node = node.value
        value = self.variables.get(node.id) if isinstance(node, ast.Name) else None
        return known and isinstance(value, ModuleType)


def _asks_checkpoints(node: ast.AST) -> bool:
    """Whether it is a function that reads what checkpoints made."""
    inside = ast.walk(node) if isinstance(node, Function | ast.Lambda) else ()
    return any(isinstance(one, ast.Name) and one.id == CHECKPOINTS for one in inside)


def _is_orderless(node: ast.AST, part: ast.AST) -> bool:
    """Whether a part of an expression may come in any order: `sorted(part)`, `a in part`."""
    if isinstance(node, ast.Compare):
        return all(isinstance(one, ast.In | ast.NotIn) for one in node.ops) and part != node.left
    function = node.func if isinstance(node, ast.Call) else None
    return isinstance(function, ast.Name) and function.id in ORDERLESS
