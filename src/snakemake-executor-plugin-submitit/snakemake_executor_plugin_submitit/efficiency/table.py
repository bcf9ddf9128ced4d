"""The report in the log: a line per rule, what to know of them, the lines for the profile."""

from collections.abc import Callable, Sequence

from snakemake_executor_plugin_submitit.efficiency.advice import CPUS, MEMORY, TIME, Advice
from snakemake_executor_plugin_submitit.efficiency.rules import Figure, Rule
from snakemake_executor_plugin_submitit.efficiency.words import clock, cpus, jobs, memory

# Of so few jobs the next one may be another.
FEW = 3
# The most costly ones; the file has all.
LINES = 10
UNKNOWN, NONE = "?", "-"
HEADER = (
    "rule",
    "jobs",
    "memory (typical) of asked",
    "CPUs busy of asked",
    "GPU",
    "time (typical) of limit",
)


def table(rules: Sequence[Rule]) -> list[str]:
    """The most that the jobs of each rule used of what they asked for, in columns."""
    shown = rules[:LINES]
    cells = [HEADER, *(_cells(rule) for rule in shown)]
    widths = [max(len(row[at]) for row in cells) for at in range(len(HEADER))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]
    if left := len(rules) - len(shown):
        lines.append(f"and {left} more {'rule' if left == 1 else 'rules'} that used less")
    return lines


def remarks(rules: Sequence[Rule], advice: Sequence[Advice]) -> list[str]:
    """A line for each rule in danger, then for each that wastes something."""
    count = {rule.name: len(rule.rows) for rule in rules}
    lines = []
    for kind in ("danger", "waste"):
        for name in dict.fromkeys(one.rule for one in advice if one.kind == kind):
            words = [one.words for one in advice if (one.rule, one.kind) == (name, kind)]
            few = f" ({jobs(count[name])} only)" if count[name] < FEW else ""
            lines.append(f"{kind.capitalize()} in {name}{few}: {'; '.join(words)}.")
    return lines


def profile(rules: Sequence[Rule], advice: Sequence[Advice]) -> list[str]:
    """The lines of a profile, as YAML; empty where nothing should change."""
    lines: list[str] = []
    count = {rule.name: len(rule.rows) for rule in rules}
    for section in ("set-threads", "set-resources"):
        entries = [one for one in advice if one.section == section]
        if not entries:
            continue
        lines.append(f"{section}:")
        for name in dict.fromkeys(one.rule for one in entries):
            of_rule = [one for one in entries if one.rule == name]
            note = f"  # seen in {jobs(count[name])} only" if count[name] < FEW else ""
            if section == "set-threads":
                lines.append(f"  {name}: {of_rule[0].value}{note}")
                continue
            lines.append(f"  {name}:{note}")
            lines += [f"    {one.name}: {one.value}" for one in of_rule]
    return lines


def headroom() -> str:
    """By what rule the lines of the profile are made."""
    return f"{MEMORY:g} times the most memory, {CPUS:g} times the busy CPUs, {TIME:g} times the longest time"


def _cells(rule: Rule) -> tuple[str, ...]:
    failed = f" ({rule.failed} failed)" if rule.failed else ""
    return (
        rule.name,
        f"{len(rule.rows)}{failed}",
        _used(rule.memory, memory),
        _used(rule.cpus, cpus, typical=False),
        _gpu(rule),
        _used(rule.time, clock),
    )


def _used(figure: Figure, words: Callable[[float], str], typical: bool = True) -> str:
    most = UNKNOWN if figure.most is None else words(figure.most)
    asked = NONE if figure.limit is None else words(figure.limit)
    # One number says it where there is but one job, or all were alike.
    middle = "" if figure.typical is None or not typical else words(figure.typical)
    return f"{most}{f' ({middle})' if middle and middle != most else ''} of {asked}"


def _gpu(rule: Rule) -> str:
    if not rule.gpus:
        return NONE
    if rule.gpu_busy is None:
        return f"{UNKNOWN} of {rule.gpus}"
    held = "" if rule.gpu_memory is None else f", {memory(rule.gpu_memory)}"
    return f"{rule.gpu_busy:.0f} %{held} of {rule.gpus}"
