"""A profile written for the slurm executor, with our names; its comments and its order stay."""

import re
from collections.abc import Callable, Iterator

from snakemake_executor_plugin_submitit.migrate.names import FLAGS, in_words

LINE = re.compile(
    r"(?P<indent>\s*)(?P<quote>[\"']?)(?P<key>(?:--)?slurm-(?P<flag>[a-z][a-z-]*)|executor)(?P=quote)"
    r"(?P<colon>\s*:\s*)"
    r"(?P<value>\"[^\"]*\"|'[^']*'|[^#]*?)(?P<comment>\s*(?:\s#.*)?)"
)
YES = ("true", "yes", "on", "1")
# What theirs calls the report, but for the number of the run.
REPORT = "efficiency_report.csv"


def translate(text: str) -> str:
    """The text of a profile (YAML) with our flags; what has no counterpart is left as a comment."""
    lines = text.splitlines()
    values = {found["flag"]: _bare(found["value"]) for line in lines if (found := _flag(line))}
    out: list[str] = []
    rest: str | None = None  # the indentation of an entry that is left out
    for line in lines:
        if rest is not None and _continues(line, rest):
            out.append(f"# {line}")
            continue
        rest = None
        found = LINE.fullmatch(line)
        if found is None:
            out.append(line)
        elif found["flag"] is None:
            out.append(_executor(found))
        else:
            entry, why = _entry(found["flag"], found["value"], values)
            if entry is None:
                rest = found["indent"]
                out += [f"{rest}# {line.strip()}", f"{rest}#   {why}"]
            else:
                key, value = entry
                out.append(f"{found['indent']}{key}{found['colon']}{value}{found['comment']}")
                out += [f"{found['indent']}#   {why}"] if why else []
    return "\n".join(out) + "\n"


def changes(text: str) -> Iterator[str]:
    """A line for each key of theirs: what to write instead."""
    for line in text.splitlines():
        found = LINE.fullmatch(line)
        if found is not None and found["flag"] is not None:
            yield f"slurm-{found['flag']} -> {in_words(found['flag'])}"
        elif found is not None and _bare(found["value"]) == "slurm":
            yield "executor: slurm -> executor: submitit"


Entry = tuple[tuple[str, str] | None, str]


def _entry(flag: str, value: str, values: dict[str, str]) -> Entry:
    """The key and value to write and what there is to say of it; without a key it is left out."""
    special = SPECIAL.get(flag)
    if special is not None:
        return special(value, values)
    ours = FLAGS[flag].ours if flag in FLAGS else ""
    if not ours:
        return None, in_words(flag)
    return (f"submitit-{ours}", value), ""


def _report(value: str, values: dict[str, str]) -> Entry:
    if _bare(value).lower() not in YES:
        return None, "no report was asked for"
    folder = values.get("efficiency-report-path", "").rstrip("/")  # whatever its name says
    path = f"{folder}/{REPORT}" if folder else REPORT
    return (
        "submitit-efficiency",
        path,
    ), "one flag says that there is a report, and which file it is"


def _report_path(value: str, values: dict[str, str]) -> Entry:
    if values.get("efficiency-report", "").lower() in YES:
        return None, "it stands in submitit-efficiency"
    return None, "no report was asked for; submitit-efficiency takes the file, and asks for it"


def _days(value: str, values: dict[str, str]) -> Entry:
    if values.get("keep-successful-logs", "").lower() in YES:
        return None, "without effect, as submitit-keep-successful-logs keeps all logs"
    return ("submitit-delete-logfiles-older-than", value), ""


SPECIAL: dict[str, Callable[[str, dict[str, str]], Entry]] = {
    "efficiency-report": _report,
    "efficiency-report-path": _report_path,
    "delete-logfiles-older-than": _days,
}


def _executor(found: re.Match[str]) -> str:
    ours = "submitit" if _bare(found["value"]) == "slurm" else found["value"]
    return f"{found['indent']}{found['key']}{found['colon']}{ours}{found['comment']}"


def _flag(line: str) -> re.Match[str] | None:
    found = LINE.fullmatch(line)
    return found if found is not None and found["flag"] is not None else None


def _bare(value: str) -> str:
    return value.strip().strip("\"'")


def _continues(line: str, indent: str) -> bool:
    """Whether a line belongs to the entry above it: a list may stand as far to the left as its key."""
    inner = line[len(indent) :]
    return bool(line.strip()) and line.startswith(indent) and inner.startswith((" ", "\t", "- "))
