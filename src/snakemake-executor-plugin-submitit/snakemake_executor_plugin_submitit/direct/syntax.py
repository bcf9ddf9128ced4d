"""The parts of Python's statements and expressions, and what Snakemake makes of its own."""

import ast
from collections.abc import Iterable, Iterator

Function = ast.FunctionDef | ast.AsyncFunctionDef
Loop = ast.For | ast.AsyncFor | ast.While
INNER = (ast.stmt, ast.ExceptHandler, ast.match_case)


def blocks(node: ast.stmt) -> Iterator[list[ast.stmt]]:
    """The statements inside a statement, in the order in which they are written."""
    for field in ("body", "orelse", "finalbody"):
        yield getattr(node, field, [])
    for part in (*getattr(node, "handlers", ()), *getattr(node, "cases", ())):
        yield part.body


def heads(node: ast.stmt) -> Iterator[ast.AST]:
    """The parts of a statement that are not in its blocks."""
    for part in ast.iter_child_nodes(node):
        if not isinstance(part, INNER):
            yield part
    for case in getattr(node, "cases", ()):
        yield from (part for part in (case.pattern, case.guard) if part is not None)


def bound(body: Iterable[ast.stmt]) -> Iterator[str]:
    """The names that statements outside functions bind; those in a loop twice."""
    for node in body:
        if isinstance(node, Function | ast.ClassDef):
            yield node.name
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from imported(node)
        yield from (handler.name for handler in getattr(node, "handlers", ()) if handler.name)
        names = [name for part in heads(node) for name in stored(part)]
        names += (name for block in blocks(node) for name in bound(block))
        yield from names * (2 if isinstance(node, Loop) else 1)


def imported(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    """The names that an import binds; `*` for any."""
    yield from (item.asname or item.name.partition(".")[0] for item in node.names)


def stored(node: ast.AST) -> Iterator[str]:
    """The names that an expression or a pattern binds around it."""
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id
    captured = (getattr(node, "name", None), getattr(node, "rest", None))
    if isinstance(node, ast.pattern):
        yield from (name for name in captured if name)
    for part in ast.iter_child_nodes(node):
        if isinstance(node, ast.comprehension) and part is node.target:
            continue
        if not isinstance(node, ast.Lambda):
            yield from stored(part)


def own_names(node: ast.AST) -> frozenset[str]:
    """The names that mean something else inside a function or a comprehension than around it."""
    if isinstance(node, Function | ast.Lambda):
        names = {one.arg for one in ast.walk(node.args) if isinstance(one, ast.arg)}
        if isinstance(node, ast.Lambda):
            return frozenset(names)
        shared = (one.names for one in ast.walk(node) if isinstance(one, ast.Global))
        return frozenset((names | set(bound(node.body))).difference(*shared))
    targets = (one.target for one in getattr(node, "generators", ()))
    return frozenset(name for target in targets for name in stored(target))


def arguments(call: ast.Call) -> list[ast.expr]:
    """The values that a call is given."""
    return [*call.args, *(item.value for item in call.keywords)]


def directive(node: ast.AST) -> str:
    """`params` of the call `workflow.params(…)` that Snakemake makes of a line; empty for others."""
    function = node.func if isinstance(node, ast.Call) else None
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        return function.attr if function.value.id == "workflow" else ""
    return ""


def is_rule(function: Function) -> bool:
    """Whether Snakemake made a function of a rule."""
    return any(directive(item) in ("rule", "userule") for item in function.decorator_list)
