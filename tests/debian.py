"""Programs that tests need and that come from Debian: installed where that is possible."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import pytest


class InstallError(Exception):
    """A package could not be installed; the message has apt's own words."""


def install(packages: Sequence[str]) -> None:
    """Install the packages; no service is started and no configuration replaced."""
    if not packages:
        return
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    options = ["-y", "-o", "DPkg::Lock::Timeout=300", "-o", "Dpkg::Options::=--force-confold"]
    # Debian starts services after installation unless this file forbids it.
    policy = Path("/usr/sbin/policy-rc.d")
    forbids = not policy.exists()
    if forbids:
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
    try:
        for command in (
            ["apt-get", "update", *options],
            ["apt-get", "install", "--no-install-recommends", *options, *packages],
        ):
            done = subprocess.run(
                command, env=environment, capture_output=True, text=True, check=False
            )
            if done.returncode != 0:
                raise InstallError(f"{' '.join(command)}:\n{done.stderr[-1000:]}")
    finally:
        if forbids:
            policy.unlink()


def program(name: str, package: str, *folders: str) -> str:
    """The path of a program, from its package if need be; without it the test is skipped, in CI it fails.

    `folders` are patterns of places that are not on the path, such as /usr/lib/postgresql/*/bin.
    """
    if not (found := _find(name, folders)):
        if os.geteuid() != 0 or not shutil.which("apt-get"):
            refuse(f"{name} is not on this machine; as root on Debian it would be installed")
        try:
            install([package])
        except InstallError as error:
            refuse(str(error))
        found = _find(name, folders)
    return found or refuse(f"package {package} brought no {name}")


def refuse(reason: str) -> NoReturn:
    """Skip the test, aloud; where all tests have to run, fail it."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason}, but CI is to run these tests")
    pytest.skip(reason)


def _find(name: str, folders: Sequence[str]) -> str | None:
    found = [file for pattern in folders for file in Path("/").glob(f"{pattern[1:]}/{name}")]
    return str(max(found)) if found else shutil.which(name)
