"""Both distributions build, hold what they should, and the executor needs nothing of bakeoff."""

import ast
import subprocess
import sys
import tomllib
import venv
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.distributions.built import (
    BAKEOFF,
    EXECUTOR,
    PROJECT,
    Built,
    ContentsError,
    build,
    compare,
)
from tests.distributions.fresh import FOREIGN

pytestmark = pytest.mark.slow(seconds=25)

PACKAGE = "snakemake_executor_plugin_submitit"
IMPORT_ALL = f"""
import importlib, pkgutil
import {PACKAGE} as package
names = [found.name for found in pkgutil.walk_packages(package.__path__, package.__name__ + ".")]
for name in names:
    importlib.import_module(name)
print(len(names), package.__file__)
"""
# What the plugin catalogue asks of a plugin that it lists.
CATALOGUE = """
import json
from snakemake_interface_executor_plugins.registry import ExecutorPluginRegistry
settings = ExecutorPluginRegistry().get_plugin("submitit").get_settings_info()
plain = [{k: v for k, v in setting.items() if k != "type"} for setting in settings]
print(json.dumps([setting["cliarg"] for setting in plain]), len(json.dumps(plain)))
"""


@pytest.fixture(scope="module")
def executor(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The executor's distribution, built by this environment's setuptools."""
    return build(EXECUTOR, tmp_path_factory.mktemp("dist"), "--no-isolation")


@pytest.fixture(scope="module")
def bakeoff(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """bakeoff's distribution."""
    return build(BAKEOFF, tmp_path_factory.mktemp("dist"), "--no-isolation")


@pytest.fixture
def built(request: pytest.FixtureRequest) -> Built:
    made: Built = request.getfixturevalue(request.param)
    return made


def everything(*names: str) -> set[str]:
    """What pip would install for these, by the metadata of what is installed here."""
    found: set[str] = set()
    wanted = [Requirement(name) for name in names]
    while wanted:
        requirement = wanted.pop()
        applies = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        if applies and (name := requirement.name.lower().replace("_", "-")) not in found:
            try:
                wanted += [Requirement(text) for text in distribution(name).requires or []]
            except PackageNotFoundError as error:
                raise AssertionError(f"{name} is required and not installed: make setup") from error
            found.add(name)
    return found


def environment(folder: Path, wheel: Path, *beside: str) -> Path:
    """The Python of an environment that has a wheel and, from this one, these with all they require."""
    venv.create(folder / "environment", with_pip=False)
    python = folder / "environment/bin/python"
    pip = (sys.executable, "-m", "pip", "--quiet", "--python", str(python))
    subprocess.run([*pip, "install", "--no-deps", "--no-index", str(wheel)], check=True)
    only = folder / "only"
    only.mkdir()
    for name in everything(*beside):
        files = distribution(name).files or []
        for top in {file.parts[0] for file in files} - {"..", "__pycache__"}:
            if not (only / top).exists():
                (only / top).symlink_to(distribution(name).locate_file(top))
    (site,) = (folder / "environment/lib").glob("python*/site-packages")
    (site / "only.pth").write_text(f"{only}\n")
    return python


def says(python: Path, *arguments: str) -> str:
    done = subprocess.run([python, *arguments], cwd=python.parent, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def requirements() -> list[str]:
    """What the executor requires."""
    metadata = tomllib.loads((PROJECT / EXECUTOR.root / "pyproject.toml").read_text())
    required: list[str] = metadata["project"]["dependencies"]
    return required


@pytest.mark.parametrize("built", ["executor", "bakeoff"], indirect=True)
def test_wheel_and_sdist_hold_what_the_repository_has_and_nothing_else(built: Built) -> None:
    built.check()
    with pytest.raises(ContentsError, match=r"too many \['more\.py'\]"):
        compare(built.wheel.name, {"more.py"}, set())
    check = (sys.executable, "-m", "twine", "check", "--strict", built.wheel, built.sdist)
    subprocess.run(check, check=True)


def test_the_executor_requires_what_it_imports_and_nothing_else(requirements: list[str]) -> None:
    imported: set[str] = set()
    for path in (PROJECT / EXECUTOR.source / PACKAGE).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                imported.add(node.module.partition(".")[0])
    foreign = imported - sys.stdlib_module_names - {PACKAGE}
    providers = packages_distributions()
    required = {Requirement(text).name.lower() for text in requirements}
    # Snakemake is what loads a plugin; it need not be brought.
    assert {providers[name][0].lower() for name in foreign} - {"snakemake"} == required


def test_a_job_s_python_needs_the_executor_and_what_it_requires(
    executor: Built, requirements: list[str], tmp_path: Path
) -> None:
    """As in a container, where Snakemake may be missing: docs/further.md says so."""
    assert not everything(*requirements) & (FOREIGN | {"snakemake"})
    python = environment(tmp_path, executor.wheel, *requirements)
    says(python, "-c", f"from {PACKAGE}.job.worker import Worker")


def test_beside_snakemake_every_module_loads_and_the_catalogue_can_list_the_settings(
    executor: Built, requirements: list[str], tmp_path: Path
) -> None:
    assert not everything("snakemake") & FOREIGN, "else it would prove nothing"
    python = environment(tmp_path, executor.wheel, *requirements, "snakemake")
    number, origin = says(python, "-c", IMPORT_ALL).split()
    assert int(number) > 30 and Path(origin).is_relative_to(python.parents[1])
    assert "--submitit-cluster" in says(python, "-c", CATALOGUE)
