"""Commands that reproduce a run, from its tags."""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bakeoff.config.arguments import configuration_of, snakemake_command
from bakeoff.errors import ConfigError
from bakeoff.tracking.presentation.notes import code


@dataclass(frozen=True)
class Recipe:
    """The commands that reproduce a whole bake-off in a clone of the repository, and what they lack."""

    commands: list[str]
    caveats: list[str]


def recipe(command: str, runs: Iterable[Mapping[str, Any]]) -> Recipe:
    """The commands: check out the runs' commit, then `command`; the caveats: what the commit does not hold.

    `runs` are the tags of each, or its provenance in run.json. No commands without a `command`.
    """
    if not command:
        return Recipe([], [])
    known = [tags for tags in runs if tags]
    of_commit = [str(tags["git_commit"]) for tags in known if tags.get("git_commit")]
    commits = list(dict.fromkeys(of_commit))
    caveats = []
    if len(commits) > 1:
        caveats.append(
            f"The runs are of several commits: {', '.join(commits)}. Each run says how it is made again."
        )
    if known and not commits:
        caveats.append("No commit is known: the runs were not made in a checkout of git.")
    elif unknown := len(known) - len(of_commit):
        what = f"{unknown} of the {len(known)} runs that are known"
        caveats.append(f"{what} {_do(unknown)} not say of which commit {_they_are(unknown)}.")
    missing = dict.fromkeys(each for tags in known for each in _not_in_commit(tags))
    caveats += [f"Not in the commit, and needed: {each}." for each in missing]
    if len(commits) == 1:
        return Recipe([shlex.join(["git", "checkout", *commits]), command], caveats)
    return Recipe([command], caveats)


def reproduction(runs: Iterable[Mapping[str, str]]) -> list[str]:
    """The commands that reproduce these runs, as lines of Markdown; none where they are not known.

    `runs` are the tags of each. Runs of earlier versions, which kept no configuration, give the command
    that trained them.
    """
    known = [tags for tags in runs if tags.get("reproduce") or tags.get("command")]
    if not known:
        return []
    lines: dict[str, None] = {}
    for tags in known:
        commit = tags.get("git_commit")
        trained = [*([f"git checkout {commit}"] if commit else []), tags.get("command", "")]
        lines |= dict.fromkeys(tags["reproduce"].splitlines() if "reproduce" in tags else trained)
    if not all("reproduce" in tags for tags in known):
        return ["Trained by", "", "```", *lines, "```", ""]
    missing = dict.fromkeys(tags["not_in_commit"] for tags in known if tags.get("not_in_commit"))
    return [
        *("Reproduce with, in a clone of the repository,", "", "```", *lines, "```", ""),
        "On another machine, download `config.yaml` from the artifacts and name that.",
        *(line for each in missing for line in ("", f"Not in the commit: {each}.")),
        "",
    ]


def origin(runs: Iterable[Mapping[str, str]]) -> str:
    """The commits and configuration files that runs with these tags are from; empty if unknown."""
    commits: dict[str, None] = {}
    files: dict[str, None] = {}
    for tags in runs:
        if commit := tags.get("git_commit"):
            changed = " with uncommitted changes" if tags.get("git_dirty") == "True" else ""
            commits[f"{code(commit[:12])}{changed}"] = None
        named, overrides = configuration_of(tags.get("command", ""))
        changed = f" with {' and '.join(map(code, overrides))}" if overrides else ""
        files |= dict.fromkeys([f"{', '.join(map(code, named))}{changed}"] if named else [])
    parts = [f"commit {', '.join(commits)}"] if commits else []
    parts += [f"configuration {', '.join(files)}"] if files else []
    return f"From {', '.join(parts)}." if parts else ""


def whole(runs: Sequence[Mapping[str, str]]) -> list[str]:
    """The commands that reproduce the whole bake-off of these runs, as lines of Markdown.

    No lines where no run names its configuration; a sentence where they are of several, or where the
    command in the tags cannot be read.
    """
    noted = [tags.get("command", "") for tags in runs]
    configured = [(command, *found) for command in noted if (found := configuration_of(command))[0]]
    if not configured:
        return []
    command, files, overrides = configured[0]
    if any(other != [files, overrides] for _, *other in configured):
        return ["Its runs are of several configurations: each says how it is made again."]
    try:
        again = recipe(snakemake_command(files, overrides), runs)
    except ConfigError:  # free text, which earlier versions noted without quotes
        return [
            f"Its configuration cannot be read from {code(command)}: each run says how it is made again."
        ]
    caveats = again.caveats
    if unknown := len(runs) - len(configured):
        what = f"{unknown} of its {len(runs)} runs"
        caveats = [
            f"{what} {_do(unknown)} not say of which configuration {_they_are(unknown)}.",
            *caveats,
        ]
    return [
        *("Made again with, in a clone of the repository,", "", "```", *again.commands, "```"),
        *(line for caveat in caveats for line in ("", caveat)),
    ]


def _do(number: int) -> str:
    return "does" if number == 1 else "do"


def _they_are(number: int) -> str:
    return "it is" if number == 1 else "they are"


def _not_in_commit(tags: Mapping[str, Any]) -> list[str]:
    """What a run needed that its commit does not hold, each with the reason."""
    missing = tags.get("not_in_commit") or []
    if missing:
        return [missing] if isinstance(missing, str) else list(map(str, missing))
    return ["changes of tracked files"] if str(tags.get("git_dirty")) == "True" else []
