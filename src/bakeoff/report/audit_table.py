"""The split audit as the report shows it."""

from dataclasses import dataclass
from typing import Any

from bakeoff.config.schema import Given
from bakeoff.report.numbers import count, percent, plural
from bakeoff.task.classification import ClassificationTask

KINDS_SHOWN = 6
COLUMNS = 4  # classes or findings that have columns of their own


@dataclass(frozen=True)
class AuditTable:
    """Rows ready to print; `facts` are sentences below the tables.

    names: the classes or findings that are columns of `splits`, a count and a share each in its `counts`;
    classes: a row for each where they are too many for columns, with such a cell for each split.
    """

    splits: list[dict[str, Any]]
    names: list[str]
    classes: list[tuple[str, list[tuple[str, str]]]]
    overlaps: list[dict[str, str]]
    facts: list[str]
    warnings: list[str]
    leaks: list[str]  # of a split that was given, and used for all that


def audit_table(
    audit: dict[str, Any], task: ClassificationTask, group: str = "patient"
) -> AuditTable | None:
    """The content of audit.json for the page; None if there is none, or it is not an audit.

    `group` is the word for what keeps images together, in the singular.
    """
    names = list(task.strata_names)
    many = len(names) > COLUMNS
    try:
        cells = {
            str(name): [_cell(task, part, each) for each in names]
            for name, part in audit["splits"].items()
        }
        splits = [
            {
                "name": str(name),
                "rows": count(part["rows"]),
                "patients": count(part["patients"]),
                "counts": [] if many else cells[str(name)],
            }
            for name, part in audit["splits"].items()
        ]
        overlaps = [
            {
                "pair": f"{overlap['first']} and {overlap['second']}",
                "patients": count(overlap["patients"]),
                "rows": count(overlap["rows"]),
                "share": percent(overlap["share"]),
            }
            for overlap in audit["overlaps"]
        ]
        warnings = [str(warning) for warning in audit["warnings"]]
        leaks = [str(leak) for leak in audit.get("leaks", [])]
        classes = [(name, [found[at] for found in cells.values()]) for at, name in enumerate(names)]
        return AuditTable(
            splits,
            [] if many else names,
            classes if many else [],
            overlaps,
            _facts(audit, group),
            warnings,
            leaks,
        )
    except (KeyError, TypeError, AttributeError, ValueError):
        return None


def _cell(task: ClassificationTask, part: dict[str, Any], name: str) -> tuple[str, str]:
    rows = task.counts_in(part)[name]
    return count(rows), percent(rows / part["rows"] if part["rows"] else None)


def _facts(audit: dict[str, Any], group: str) -> list[str]:
    facts = [_how(audit, group), *map(str, audit.get("notes", []))]
    # The warnings and notes name those that there are; older audits did not look for near ones.
    if not audit["identical"]:
        near = "" if audit.get("near", True) else " or near-identical"
        facts.append(f"No two images are pixel-identical{near}.")
    kinds = [
        f"{count(kind['images'])} of {kind['width']} × {kind['height']} pixels, mode {kind['mode']}"
        for kind in audit["kinds"][:KINDS_SHOWN]
    ]
    if (more := len(audit["kinds"]) - KINDS_SHOWN) > 0:
        kinds.append(f"{more} more kinds")
    facts.append("Image files: " + "; ".join(kinds) + ".")
    return facts


def _how(audit: dict[str, Any], group: str) -> str:
    split, rows = audit["split"], plural(audit["rows_available"], "labelled row")
    if given := split.get("given"):
        return f"Split as given by {Given.read(given).words}, of {rows}."
    known = any(part["patients"] is not None for part in audit["splits"].values())
    by_rows = f"by rows, {group}s ignored" if known else "by rows"
    grouped = f"by {split['group_by']}" if split["group_by"] else by_rows
    stratified = "stratified by label" if split["stratify"] else "not stratified"
    return f"Split {grouped}, {stratified}, seed {split['seed']}, from {rows}."
