"""The commit that a run was trained from, and the files that differ from it."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import bakeoff
from bakeoff.commands import ask
from bakeoff.files import sha256

CODE = (".py", ".csv", ".j2", ".css")
PACKAGE = Path(bakeoff.__file__).parent


class GitError(Exception):
    """Git gave no answer."""


def commit_of(
    configuration: Iterable[Path], data: Iterable[Path] = (), package: Path = PACKAGE
) -> dict[str, Any]:
    """The commit of the working directory's checkout, and whether it is what was run.

    git_dirty: whether tracked files differ from the commit, or the code or the `configuration` is not in
    it. not_in_commit: the files of code, configuration and `data` that are not in it, each with the reason
    (data, which seldom is, with its SHA-256; it does not make the commit dirty).
    Without git or a checkout both are None and the list empty.
    """
    try:
        commit, top = _git("rev-parse", "HEAD"), Path(_git("rev-parse", "--show-toplevel"))
    except GitError:
        commit, top = "", Path()
    if not re.fullmatch(r"[0-9a-f]{40,64}", commit) or not (top.is_absolute() and top.is_dir()):
        return {"git_commit": None, "git_dirty": None, "not_in_commit": []}
    try:
        changed = _git("status", "--porcelain", "--untracked-files=no")
        missing = [f"{file}: {why}" for file, why in _missing(configuration, top)]
        missing += _missing_code(package, top)
        given = [f"{file}: {why}, sha256 {_hash(file)}" for file, why in _missing(data, top)]
    except GitError:  # what differs is unknown
        return {"git_commit": commit, "git_dirty": None, "not_in_commit": []}
    return {
        "git_commit": commit,
        "git_dirty": bool(changed or missing),
        "not_in_commit": missing + given,
    }


def _missing(files: Iterable[Path], checkout: Path) -> list[tuple[Path, str]]:
    found = []
    for file in files:
        if not file.resolve().is_relative_to(checkout.resolve()):
            found.append((file, "outside the repository"))
        elif not _git("ls-files", "--", str(file.resolve())):
            found.append((file, "not tracked by git"))
        elif _git("status", "--porcelain", "--untracked-files=no", "--", str(file.resolve())):
            found.append((file, "changed since"))
    return found


def _missing_code(package: Path, checkout: Path) -> list[str]:
    """Files of bakeoff itself that git does not track; one line where it tracks none of them."""
    if not package.resolve().is_relative_to(checkout.resolve()):
        return [f"{package}: bakeoff itself, outside the repository"]
    tracked = {checkout / name for name in _tracked(package)}
    if not tracked:
        return [f"{package}: bakeoff itself, not tracked by git"]
    # A path is resolved, which asks for each folder of it, only where it is not found as it is.
    unknown = {path for path in package.rglob("*") if path.suffix in CODE} - tracked
    resolved = {path.resolve() for path in tracked} if unknown else set()
    return [
        f"{path}: not tracked by git" for path in sorted(unknown) if path.resolve() not in resolved
    ]


def _tracked(package: Path) -> list[str]:
    return _git("ls-files", "--full-name", "--", str(package.resolve())).splitlines()


def _hash(file: Path) -> str:
    return sha256(file)[:12] if file.is_file() else "unknown"


def _git(*arguments: str) -> str:
    """The output of git; raises GitError where it is missing, refuses, or does not answer."""
    answer = ask("git", "-c", "core.quotepath=off", *arguments)
    if answer.error:
        raise GitError(answer.error)
    return answer.text.strip()
