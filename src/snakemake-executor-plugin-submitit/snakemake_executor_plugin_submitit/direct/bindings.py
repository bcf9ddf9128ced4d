"""What the text of a Snakefile says by itself: what it binds, shares and changes, under which name.

Names are not told apart by the function they are in: what one function's `item` is made of counts
for the others' as well. That is coarser than Python, and errs to one side.
"""

import ast
import builtins
from collections import defaultdict
from collections.abc import Iterator, Sequence

from snakemake_executor_plugin_submitit.direct.syntax import (
    Function,
    arguments,
    bound,
    imported,
    own_names,
    stored,
)


class Bindings:
    """What the statements of some files bind: how often, to what, and what objects they share."""

    def __init__(self, trees: Sequence[ast.Module]) -> None:
        self.times: dict[str, int] = defaultdict(int)  # twice if in a loop or inside a function
        self.literal: dict[str, bool] = {}
        self.imported: dict[str, bool] = {}
        self.roots: dict[str, set[str]] = defaultdict(set)  # of a name, or of what `name()` returns
        self.effects: dict[str, set[str]] = {}  # what a function changes or calls for its own sake
        self.locals: dict[str, frozenset[str]] = {}
        nodes = [node for tree in trees for node in ast.walk(tree)]
        for tree in trees:
            for name in bound(tree.body):
                self.times[name] += 1
        self.outside = set(self.times)  # what is bound outside functions
        for node in nodes:
            self._note(node)
        for node in nodes:
            self._share(node)

    def is_constant(self, name: str) -> bool:
        """Whether a name has one value, or one literal or another, from first to last."""
        return not self.times["*"] and (self.times[name] < 2 or self.literal.get(name, False))

    def is_foreign(self, name: str) -> bool:
        """Whether a name is imported, or Snakemake's or Python's."""
        return self.imported.get(name, not self.times[name])

    def roots_of(self, node: ast.AST) -> Iterator[str]:
        """The names whose objects an expression may hand out: `a` of `a.b[c]`, `f()` and `d` of `f(d)`.

        What a library's function returns is taken to be new.
        """
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Subscript):
            yield from self.roots_of(node.value)
        elif isinstance(node, ast.Call):
            if not isinstance(node.func, ast.Name):
                yield from self.roots_of(node.func)
            elif not self.is_foreign(node.func.id) or hasattr(builtins, node.func.id):
                yield f"{node.func.id}()" if node.func.id in self.effects else node.func.id
                yield from (name for one in arguments(node) for name in self.roots_of(one))
        elif not isinstance(node, ast.JoinedStr | ast.Compare | ast.arguments):
            for part in ast.iter_child_nodes(node):
                yield from self.roots_of(part)

    def _note(self, node: ast.AST) -> None:
        names: dict[str, tuple[bool, bool]] = {}  # whether to a literal, and whether by an import
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = dict.fromkeys(imported(node), (False, True))
        elif isinstance(node, Function | ast.ClassDef):
            names = {node.name: (False, False)}
            if isinstance(node, Function):
                self.effects.setdefault(node.name, set())
                self.locals[node.name] = self.locals.get(node.name, frozenset()) | own_names(node)
        elif isinstance(node, ast.Global):
            names = dict.fromkeys(node.names, (False, False))
            for name in names:
                self.times[name] += 2
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            names = {one.id: (True, False) for one in node.targets if isinstance(one, ast.Name)}
        else:
            targets, _ = _given(node)
            names = dict.fromkeys((name for one in targets for name in stored(one)), (False, False))
        for name, (literal, by_import) in names.items():
            self.literal[name] = literal and self.literal.get(name, True)
            self.imported[name] = by_import and self.imported.get(name, True)

    def _share(self, node: ast.AST) -> None:
        targets, values = _given(node)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            targets, values = [node.func.value], arguments(node)  # `a.append(b)`
        if targets and values:
            found = {name for value in values for name in self.roots_of(value)}
            for name in (name for one in targets for name in (*self.roots_of(one), *stored(one))):
                self.roots[name] |= found
        if not isinstance(node, Function):
            return
        for part in ast.walk(node):
            if isinstance(part, ast.Global):
                self.effects[node.name].update(part.names)
            elif isinstance(part, ast.Expr):
                self.effects[node.name].update(self.roots_of(part.value))
            elif isinstance(part, ast.Attribute | ast.Subscript):
                if not isinstance(part.ctx, ast.Load):
                    self.effects[node.name].update(self.roots_of(part))
            elif isinstance(part, ast.Return) and part.value is not None:
                self.roots[f"{node.name}()"].update(self.roots_of(part.value))


def _given(node: ast.AST) -> tuple[Sequence[ast.AST], Sequence[ast.AST]]:
    """What is assigned to, and what: by `=`, `for`, `with`, `match` and their like."""
    if isinstance(node, ast.Match):
        return [case.pattern for case in node.cases], [node.subject]
    if isinstance(node, ast.withitem):
        return [part for part in (node.optional_vars,) if part], [node.context_expr]
    targets = getattr(node, "targets", None) or [getattr(node, "target", None)]
    value = getattr(node, "iter", None) or getattr(node, "value", None)
    return [one for one in targets if one is not None], [value] if value is not None else []
