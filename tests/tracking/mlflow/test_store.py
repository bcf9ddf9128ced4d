"""MLflow stays behind one door: what it changes from version to version is mended in one place."""

import ast
from pathlib import Path

import pytest

import bakeoff


@pytest.mark.slow(seconds=2)
def test_exactly_one_module_imports_mlflow() -> None:
    root = Path(bakeoff.__file__).parent
    importers = set()
    for file in root.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            if any(name.split(".")[0] == "mlflow" for name in names):
                importers.add(str(file.relative_to(root)))
    assert importers == {"tracking/mlflow/store.py"}
