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
LOCK, OLDER = (
    [Requirement(line) for line in (PROJECT / name).read_text().splitlines()]
    for name in ("requirements.lock", "requirements-cuda12.lock")
)
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
    assert all(re.fullmatch(r"==[^*]+", str(pin.specifier)) for pin in (*LOCK, *OLDER))
    for file in PROJECT.glob("requirements*.lock"):
        assert "://" not in file.read_text() and "--" not in file.read_text()


def test_the_lock_for_older_gpus_differs_in_torch_and_what_it_brings_alone() -> None:
    """`make setup CUDA=12`: torch 2.10 was the last that was published for CUDA 12, and V100 (sm_70)."""
    apart = {
        pin.name for pin in {*map(str, LOCK)} ^ {*map(str, OLDER)} for pin in [Requirement(pin)]
    }
    brought = re.compile("torch|torchvision|triton|(nvidia|cuda)-.*")
    assert "torch" in apart and not [name for name in apart if not brought.fullmatch(name)]
    (torch,) = [pin for pin in OLDER if pin.name == "torch"]
    assert str(torch.specifier).startswith("==2.10.")
    assert {pin.name for pin in OLDER if pin.name.startswith("nvidia-")} == {
        pin.name for pin in OLDER if pin.name.endswith("-cu12")
    }


@pytest.mark.parametrize("lock", [LOCK, OLDER], ids=["newest", "older"])
def test_every_dependency_is_in_the_lock_at_a_version_that_fits(lock: list[Requirement]) -> None:
    groups = (
        METADATA["project"]["dependencies"],
        METADATA["dependency-groups"]["dev"],
        EXECUTOR["dependencies"],
        EXECUTOR["optional-dependencies"]["test"],
    )
    for requirement in (Requirement(text) for group in groups for text in group):
        if requirement.name == EXECUTOR["name"]:
            continue
        pins = [pin for pin in lock if pin.name == requirement.name]
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
