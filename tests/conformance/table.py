"""What the runs of the suite say, as a table; and which failures nobody has explained."""

import os
import platform
import time
import tomllib
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

OURS = ("direct", "nested", "slurm")
# Tests that Snakemake's local executor passes and ours does not, each with its reason.
DIFFERENCES = Path(__file__).with_name("differences.toml")
NAMES = {
    "control": "local executor (control)",
    "direct": "submitit, local",
    "nested": "submitit, local, `--submitit-direct never`",
    "slurm": "submitit, the test cluster",
    "generic": "cluster-generic, processes",
}

Results = Mapping[str, Mapping[str, str]]


def differences() -> dict[str, str]:
    """The reason for each test that ours may fail, by its name."""
    with DIFFERENCES.open("rb") as stream:
        return dict(tomllib.load(stream)["differences"])


def unexplained(results: Results) -> dict[str, list[str]]:
    """The tests that control passes and ours fails without a reason in the list, by executor."""
    control, known = results.get("control", {}), differences()
    found = {
        executor: sorted(
            test
            for test, result in results.get(executor, {}).items()
            if result == "failed" and control.get(test) == "passed" and name(test) not in known
        )
        for executor in OURS
    }
    return {executor: tests for executor, tests in found.items() if tests}


def name(test: str) -> str:
    """A test without its parameters and its prefix, as it stands in the list."""
    return test.partition("[")[0].removeprefix("test_")


def table(results: Results) -> str:
    """The counts by executor, every difference from the control, and its reason."""
    control, known = results.get("control", {}), differences()
    passed = {test for test, result in control.items() if result == "passed"}
    lines = [
        "# Snakemake's own test suite through this executor",
        "",
        f"`tests/tests.py` of Snakemake {version('snakemake')} as it is, with `local` (and "
        "`cluster-generic`, for which it brings commands) exchanged. "
        f"{time.strftime('%-d %B %Y')}, {os.cpu_count()} shared cores, Python "
        f"{platform.python_version()}. Only tests that the control passes are compared; the others "
        "need the internet or something that is not here (conda, a container, Graphviz), or fail with "
        "it, too. Written by `make conformance`.",
        "",
        "| executor | tests run | of those that control passes | pass | differ |",
        "|---|---|---|---|---|",
    ]
    for executor, found in results.items():
        compared = passed & set(found)
        good = sum(found[test] == "passed" for test in compared)
        lines.append(
            f"| {NAMES[executor]} | {len(found)} | {len(compared)} | {good} | {len(compared) - good} |"
        )
    differing = sorted(
        {
            test
            for executor, found in results.items()
            for test in passed & set(found)
            if found[test] != "passed"
        }
    )
    others = [executor for executor in results if executor != "control"]
    lines += ["", f"| test | {' | '.join(NAMES[one] for one in others)} | reason |"]
    lines.append("|---" * (len(others) + 2) + "|")
    for test in differing:
        ended = " | ".join(results[one].get(test, "") for one in others)
        ours = any(results.get(one, {}).get(test) == "failed" for one in OURS)
        reason = known.get(name(test), "**not explained**") if ours else ""
        lines.append(f"| `{test}` | {ended} | {reason} |")
    return "\n".join([*lines, ""])
