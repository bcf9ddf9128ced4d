"""Which keys of the slurm executor Snakemake was given, on its command line or in its profiles.

Snakemake hands a plugin no key of another one. With the slurm executor installed it takes them and
nothing comes of them; without it, it ends with its usage before any plugin is asked. So they are
looked for where Snakemake found them.
"""

import argparse
import atexit
import importlib.util
import os
import re
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from snakemake_executor_plugin_submitit.migrate.names import in_words

KEY = re.compile(r"^\s*[\"']?(?:--)?slurm-(?P<flag>[a-z][a-z-]*)[\"']?\s*:", re.MULTILINE)
CHOICE = re.compile(r"^\s*[\"']?executor[\"']?\s*:\s*['\"]?slurm['\"]?\s*(?:#.*)?$", re.MULTILINE)
COMMAND = "python -m snakemake_executor_plugin_submitit.migrate"


@dataclass
class Given:
    """The flags of one place, without `slurm-`, and whether it chooses the slurm executor."""

    place: str  # `the command line`, or the path of a profile
    flags: list[str] = field(default_factory=list)
    chosen: bool = False

    def in_words(self) -> list[str]:
        """A line for each of them with what to write instead."""
        lines = ["    executor: slurm -> executor: submitit"] if self.chosen else []
        return lines + [f"    slurm-{flag} -> {in_words(flag)}" for flag in self.flags]


def given(argv: Sequence[str], environ: Mapping[str, str]) -> list[Given]:
    """What the command line `argv` (without the program) and the profiles that it names have of it."""
    typed, rest = _parser().parse_known_args(argv)
    flags = [word[len("--slurm-") :].partition("=")[0] for word in rest if _is_theirs(word)]
    places = [Given("the command line", list(dict.fromkeys(flags)), typed.executor == "slurm")]
    for path in _profiles(typed, environ):
        with suppress(OSError):
            text = path.read_text(encoding="utf-8", errors="replace")
            # An executor on the command line wins over a profile's.
            chosen = typed.executor is None and CHOICE.search(text) is not None
            found = list(dict.fromkeys(KEY.findall(text)))
            places.append(Given(str(path), found, chosen))
    return [place for place in places if place.flags or place.chosen]


def told_when_ignored() -> list[str]:
    """What to tell a user whose keys of the slurm executor Snakemake took; empty where there are none."""
    if not _is_snakemake():
        return []
    places = [place for place in given(sys.argv[1:], os.environ) if place.flags]
    return _in_words(places, "Keys of the slurm executor do nothing here") if places else []


def log_when_refused() -> None:
    """Say what Snakemake's "unrecognized arguments" were about, after it; called once it has ended."""
    with suppress(Exception):  # this is help; whatever is wrong with it, Snakemake's word stands
        if importlib.util.find_spec("snakemake_executor_plugin_slurm") or not _is_snakemake():
            return
        if places := given(sys.argv[1:], os.environ):
            head = "The slurm executor is not installed here; submitit has for its keys"
            print("\n" + "\n".join(_in_words(places, head)), file=sys.stderr)


def listen() -> None:
    """Have `log_when_refused` called at the end: Snakemake offers no plugin an earlier word."""
    atexit.register(log_when_refused)


def _in_words(places: Sequence[Given], head: str) -> list[str]:
    lines = [f"{head}:"]
    for place in places:
        lines += [f"  {place.place}:", *place.in_words()]
        if place.place != "the command line":
            lines.append(f"    all of it translated: {COMMAND} {place.place}")
    return lines


def _is_theirs(word: str) -> bool:
    return word.startswith("--slurm-") and not word.startswith("--slurm-jobstep-")


def _is_snakemake() -> bool:
    """Whether this process is a Snakemake that a person has started, and not that of a job."""
    program = Path(sys.argv[0])
    named = program.name == "snakemake" or program.parts[-2:] == ("snakemake", "__main__.py")
    return named and "--mode" not in sys.argv


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--profile", action="append")
    parser.add_argument("--workflow-profile")
    parser.add_argument("--executor", "-e")
    parser.add_argument("--snakefile", "-s")
    return parser


def _profiles(typed: argparse.Namespace, environ: Mapping[str, str]) -> list[Path]:
    """The files that Snakemake reads as profiles, where it looks for them."""
    from snakemake.api import resolve_snakefile  # type: ignore[import-untyped]
    from snakemake.cli import get_profile_dir  # type: ignore[import-untyped]

    usual = environ.get("SNAKEMAKE_PROFILE")
    names = typed.profile or ([usual] if usual else [])
    names = [] if names == ["none"] else list(names)
    snakefile = resolve_snakefile(typed.snakefile, allow_missing=True)
    if typed.workflow_profile != "none" and snakefile is not None:
        wanted = Path(typed.workflow_profile or "default")
        beside = Path(str(snakefile)).parent / "profiles" / wanted
        places = [wanted, Path("profiles") / wanted, beside]
        names += [str(place) for place in places if place.exists()][:1]
    found = [get_profile_dir(name) for name in names]
    return [Path(entry[1]) for entry in found if entry is not None]
