"""One set of versions, whichever way the environment is made."""

import re
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

PROJECT = Path(__file__).parents[1]
LOCK = [Requirement(line) for line in (PROJECT / "requirements.lock").read_text().splitlines()]
METADATA: dict[str, Any] = tomllib.loads((PROJECT / "pyproject.toml").read_text())
ROOT = PROJECT / "src/snakemake-executor-plugin-submitit"
EXECUTOR: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_conda_users_get_the_versions_of_the_lock() -> None:
    environment = yaml.safe_load((PROJECT / "environment.yml").read_text())
    (pins,) = [part["pip"] for part in environment["dependencies"] if isinstance(part, dict)]
    assert [Requirement(pin) for pin in pins] == LOCK
    (python,) = [part for part in environment["dependencies"] if str(part).startswith("python=")]
    required = Requirement(f"python{METADATA['project']['requires-python']}")
    assert required.specifier.contains(python.removeprefix("python="))


def test_every_version_is_pinned_and_no_address_is_named() -> None:
    assert all(re.fullmatch(r"==[^*]+", str(pin.specifier)) for pin in LOCK)
    text = (PROJECT / "requirements.lock").read_text()
    assert "://" not in text and "--" not in text


def test_every_dependency_is_in_the_lock_at_a_version_that_fits() -> None:
    groups = (
        METADATA["project"]["dependencies"],
        METADATA["dependency-groups"]["dev"],
        EXECUTOR["dependencies"],
        EXECUTOR["optional-dependencies"]["test"],
    )
    for requirement in (Requirement(text) for group in groups for text in group):
        if requirement.name == EXECUTOR["name"]:
            continue
        pins = [pin for pin in LOCK if pin.name == requirement.name]
        assert pins, requirement
        for pin in pins:
            (exact,) = pin.specifier
            assert requirement.specifier.contains(exact.version), (requirement, pin)


def test_the_executor_is_required_as_it_stands_here_and_looked_up_nowhere() -> None:
    assert f"{EXECUTOR['name']}>={EXECUTOR['version']}" in METADATA["project"]["dependencies"]
    assert not [pin for pin in LOCK if pin.name == EXECUTOR["name"]]
    assert METADATA["tool"]["uv"]["sources"][EXECUTOR["name"]] == {
        "path": str(ROOT.relative_to(PROJECT))
    }
    environment = (PROJECT / "environment.yml").read_text()
    assert f"--editable {ROOT.relative_to(PROJECT)} --editable ." in environment
    assert version(EXECUTOR["name"]) == EXECUTOR["version"], "make setup"


@pytest.mark.parametrize(
    "name", ["torch", "torchvision", "timm", "snakemake", "mlflow", "submitit"]
)
def test_the_installed_version_is_the_pinned_one(name: str) -> None:
    (pin,) = [pin for pin in LOCK if pin.name == name]
    assert pin.specifier.contains(version(name))
