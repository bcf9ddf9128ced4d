"""A finding of the doctor: its level, what it is, and the way out."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import click

Level = Literal["ok", "warning", "problem"]
COLOURS: dict[Level, str] = {"ok": "green", "warning": "yellow", "problem": "red"}
INDENT = " " * 11


@dataclass(frozen=True)
class Finding:
    """A line for what was found and, unless all is well, one for what to do about it."""

    level: Level
    what: str
    way_out: str = ""
    lines: str = ""  # of YAML, to be copied


def ok(what: str) -> Finding:
    """Nothing to do."""
    return Finding("ok", what)


def warning(what: str, way_out: str) -> Finding:
    """Runs will work, but not as well as they could, or only under a condition."""
    return Finding("warning", what, way_out)


def problem(what: str, way_out: str) -> Finding:
    """Runs will fail, or their results will be lost."""
    return Finding("problem", what, way_out)


def show(finding: Finding) -> None:
    """Print a finding at once: the next one may take a while."""
    label = click.style(f"{finding.level:9}", fg=COLOURS[finding.level])
    click.echo(f"  {label}{_one_line(finding.what)}")
    if finding.way_out:
        click.echo(f"{INDENT}-> {_one_line(finding.way_out)}")
    for line in finding.lines.splitlines():
        click.echo(f"{INDENT}   {line}")


def summarise(findings: Iterable[Finding]) -> str:
    """The numbers of problems and warnings, in words."""
    levels = [finding.level for finding in findings]
    counts = [
        f"{levels.count(level)} {level}{'' if levels.count(level) == 1 else 's'}"
        for level in ("problem", "warning")
        if level in levels
    ]
    return f"{', '.join(counts) or 'All is well'}."


def _one_line(text: str) -> str:
    return " ".join(text.split())
