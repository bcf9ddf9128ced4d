"""The source text of bakeoff by definitions: what of each computes, and what the names in it stand for."""

import ast
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from bakeoff.models import catalogue

PACKAGE = "bakeoff."
ERRORS = "bakeoff.errors"
NO_PART = (
    ERRORS,
    "bakeoff.models.catalogue",
    "bakeoff.models.fit",
    "bakeoff.models.registry",
)
"""Modules that say which models there are, what they are given, and what is refused: they compute nothing."""


@dataclass(frozen=True)
class Place:
    """A definition of bakeoff: its module and its name there."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(frozen=True)
class Definition:
    """What of a definition computes, and for each name that it uses the definition or the library's thing."""

    text: str
    uses: dict[str, Place | str]


@dataclass(frozen=True)
class Module:
    """A file: its definitions by name, what its imported names stand for, and what else runs."""

    defined: dict[str, list[ast.stmt]] = field(default_factory=dict)
    imported: dict[str, tuple[str, str | None]] = field(default_factory=dict)  # module, name in it
    always: list[ast.stmt] = field(default_factory=list)


def definition(place: Place, *, defaults: bool = True) -> Definition:
    """What is defined there; of a function perhaps without the defaults of its arguments.

    Raises ValueError where nothing of that name is.
    """
    *folders, last = place.module.removeprefix(PACKAGE).split(".")
    return _definition(_root().joinpath(*folders, f"{last}.py"), place, defaults)


@cache
def _definition(file: Path, place: Place, defaults: bool) -> Definition:
    module = _read(file)
    if place.name not in module.defined and place.name in module.imported:  # passed on
        return Definition("", dict(_used_by(ast.Name(place.name), module, place)))
    if place.name not in module.defined:
        raise ValueError(f"{file}: nothing defines '{place.name}', which a model of the zoo uses")
    statements = deepcopy([*module.always, *module.defined[place.name]])
    computing = _Computing(module, defaults=defaults)
    nodes = [node for node in map(computing.visit, statements) if node is not None]
    uses = {
        name: used
        for node in nodes
        for inner in ast.walk(node)
        for name, used in _used_by(inner, module, place)
    }
    return Definition("\n".join(map(ast.unparse, nodes)), uses)


def clear() -> None:
    """Forget what was read, for files that have changed since."""
    _definition.cache_clear()
    _read.cache_clear()


@cache
def _read(file: Path) -> Module:
    tree, module = ast.parse(file.read_text(encoding="utf-8")), Module()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                origin = (whole, None) if _is_module(whole) else (str(node.module), alias.name)
                module.imported[alias.asname or alias.name] = origin
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith(PACKAGE):
                    raise ValueError(f"{file}: import {alias.name}: write `from ... import ...`")
                name = alias.asname or alias.name.partition(".")[0]
                module.imported[name] = (alias.name if alias.asname else name, None)
    for statement in tree.body:
        names = list(_names(statement))
        for name in names:
            module.defined.setdefault(name, []).append(statement)
        if not names and not _is_aside(statement):
            module.always.append(statement)
    return module


def _names(statement: ast.stmt) -> Iterator[str]:
    """The names that a statement of a module defines; `TABLE["key"] = value` is part of TABLE."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        yield statement.name
    elif isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        for inner in (node for target in targets for node in ast.walk(target)):
            if isinstance(inner, ast.Name):
                yield inner.id


def _used_by(node: ast.AST, module: Module, place: Place) -> Iterator[tuple[str, Place | str]]:
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        origin, name = module.imported.get(node.value.id, ("", ""))
        if name is None and origin.startswith(PACKAGE) and origin not in NO_PART:
            yield f"{node.value.id}.{node.attr}", Place(origin, node.attr)
    elif isinstance(node, ast.Name) and node.id in module.defined:
        if node.id != place.name:
            yield node.id, Place(place.module, node.id)
    elif isinstance(node, ast.Name) and node.id in module.imported:
        origin, name = module.imported[node.id]
        if not origin.startswith(PACKAGE):
            yield node.id, ".".join(filter(None, (origin, name)))
        elif name is not None and origin not in NO_PART:
            yield node.id, Place(origin, name)


def _root() -> Path:
    return catalogue.FOLDER.parent


def _is_module(name: str) -> bool:
    inside = name.removeprefix(PACKAGE)
    return inside != name and _root().joinpath(*inside.split(".")).with_suffix(".py").exists()


def _is_aside(statement: ast.stmt) -> bool:
    """Whether a statement of a module imports, or is a text, or runs only to check types or as a program."""
    if isinstance(statement, ast.If):
        return ast.unparse(statement.test) in ("TYPE_CHECKING", "__name__ == '__main__'")
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant)
    return isinstance(statement, ast.Import | ast.ImportFrom)


class _Computing(ast.NodeTransformer):
    """Leaves of a statement what computes."""

    def __init__(self, module: Module, *, defaults: bool) -> None:
        self.module = module
        self.defaults = defaults
        self.read = Counter[str]()  # how often the function reads a name

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """A block that nothing is left of still is one."""
        super().generic_visit(node)
        if getattr(node, "body", None) == []:
            node.body = [ast.Pass()]  # type: ignore[attr-defined]
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        """Without annotations and the marks by which a model joins the zoo."""
        if not self.defaults:
            node.args.defaults, node.args.kw_defaults = [], [None for _ in node.args.kw_defaults]
            self.defaults = True  # of functions inside they count
        node.decorator_list = [mark for mark in node.decorator_list if not self._is_mark(mark)]
        node.returns = None
        self.read += _read_in(node)
        return self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        """Its fields keep their names and their order."""
        for statement in node.body:
            if isinstance(statement, ast.AnnAssign):
                statement.annotation = ast.Constant(...)
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        """`x: int = 1` is `x = 1`, but for a field of a class."""
        if isinstance(node.annotation, ast.Constant) and node.annotation.value is ...:
            return self.generic_visit(node)
        if node.value is None:
            return None
        return self.generic_visit(ast.copy_location(ast.Assign([node.target], node.value), node))

    def visit_arg(self, node: ast.arg) -> ast.AST:
        """An argument without its annotation."""
        node.annotation = None
        return node

    def visit_Import(self, _: ast.Import) -> None:
        """What is imported counts where it is used."""

    def visit_ImportFrom(self, _: ast.ImportFrom) -> None:
        """What is imported counts where it is used."""

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        """Neither texts nor what is logged."""
        documents = isinstance(node.value, ast.Constant)
        called = node.value.func if isinstance(node.value, ast.Call) else None
        logged = isinstance(called, ast.Attribute) and ast.unparse(called.value) == "log"
        return (
            None
            if documents or (logged and "log" in self.module.defined)
            else self.generic_visit(node)
        )

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        """An f-string as a call: Pythons write it in quotes of their own."""
        self.generic_visit(node)
        return ast.Call(ast.Name("<f-string>"), node.values, [])

    def visit_FormattedValue(self, node: ast.FormattedValue) -> ast.AST:
        """What stands in its braces: the value, its conversion, its format."""
        self.generic_visit(node)
        return ast.Tuple(
            [node.value, ast.Constant(node.conversion), node.format_spec or ast.Constant(None)]
        )

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Of a row of a table not what is said of it."""
        if ast.unparse(node.func) == "Size" and self._origin(node.func) in NO_PART:
            node.args = []
        return self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        """Of a refusal only that it is one; another error may be caught, and then computes."""
        return ast.Raise() if self._refuses(node) else self.generic_visit(node)

    def visit_If(self, node: ast.If) -> ast.AST | None:
        """Not where it only refuses, unless its condition names something that is read elsewhere."""
        inside = _read_in(node)
        self.generic_visit(node)
        named = [n.target.id for n in ast.walk(node.test) if isinstance(n, ast.NamedExpr)]
        if node.orelse or any(self.read[name] > inside[name] for name in named):
            return node
        plain = all(ast.unparse(statement) in ("raise", "pass") for statement in node.body)
        return None if plain else node

    def _refuses(self, node: ast.Raise) -> bool:
        raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        return raised is not None and self._origin(raised) == ERRORS

    def _is_mark(self, decorator: ast.expr) -> bool:
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        return self._origin(called) in NO_PART

    def _origin(self, name: ast.expr) -> str:
        """The module that a name is imported from."""
        return self.module.imported.get(name.id, ("", ""))[0] if isinstance(name, ast.Name) else ""


def _read_in(node: ast.AST) -> Counter[str]:
    return Counter(
        inner.id
        for inner in ast.walk(node)
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Load)
    )
