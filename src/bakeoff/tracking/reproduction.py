"""How what a run made is made again, from the tags of the run."""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import pairwise

from bakeoff.tracking.notes import code


def reproduction(runs: Iterable[Mapping[str, str]]) -> list[str]:
    """The lines, in Markdown, of the commands that make these runs again; none where nobody knows.

    `runs` are the tags of each. Runs that kept no configuration of their own say how they were trained.
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
        files |= dict.fromkeys(code(file) for file in _configurations(tags.get("command", "")))
    parts = [f"commit {', '.join(commits)}"] if commits else []
    parts += [f"configuration {', '.join(files)}"] if files else []
    return f"From {', '.join(parts)}." if parts else ""


def whole(runs: Sequence[Mapping[str, str]]) -> list[str]:
    """The lines, in Markdown, of the commands that make the whole bake-off of these runs again.

    None where the runs are not of one configuration file and one commit.
    """
    commits = {tags.get("git_commit", "") for tags in runs}
    configurations = {tuple(_configurations(tags.get("command", ""))) for tags in runs}
    if len(commits) != 1 or len(configurations) != 1 or not all(configurations):
        return []
    (commit,), (files,) = commits, configurations
    checkout = [f"git checkout {commit}"] if commit else []
    return [
        "Made again with",
        "",
        "```",
        *checkout,
        shlex.join(["snakemake", "--configfile", *files]),
        "```",
    ]


def _configurations(command: str) -> list[str]:
    """The files that a command names with `--config` or `--configfile`; none if it changes their keys."""
    words: list[str] = []
    with suppress(ValueError):  # an odd quote
        words = shlex.split(command)
    if "--set" in words:
        return []
    return [file for option, file in pairwise(words) if option in ("--config", "--configfile")]
