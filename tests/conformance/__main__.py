"""`python -m tests.conformance`: Snakemake's own test suite with its executor exchanged, as a table.

Results are kept as they come, so that a run that was stopped goes on where it was; `--again` forgets them.
"""

import argparse
import json
import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from tests.conformance.exchange import EXECUTORS
from tests.conformance.running import run
from tests.conformance.suite import FOLDER, Suite, UnavailableError
from tests.conformance.table import name, table, unexplained

# Tests at a time; what a stop may cost.
CHUNK = 16
# Hundreds of jobs each, which is minutes of processor time: at the end.
LONG = ("persistence_backend_db_run_directive_concurrency", "issue1331", "many_jobs", "speed")


def main() -> int:
    """Run what is missing, print the table; 1 where ours fails a test without a reason."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.add_argument("--executors", nargs="+", choices=EXECUTORS, default=EXECUTORS)
    parser.add_argument("--tests", nargs="+", default=[], help="run these alone")
    parser.add_argument("--again", action="store_true", help="forget earlier results")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--timeout", type=int, default=600, help="seconds for a test")
    parser.add_argument("--table", type=Path, help="write the table here")
    options = parser.parse_args()
    try:
        suite = Suite.prepare(whole=True)
    except UnavailableError as error:
        print(error, file=sys.stderr)
        return 1
    tests = options.tests or everything(suite)
    results = {}
    for executor in options.executors:
        results[executor] = complete(suite, executor, comparable(tests, executor), options)
    # Those of other executors, from earlier runs.
    kept = {name: load(name) for name in EXECUTORS}
    text = table({name: found for name, found in (kept | results).items() if found})
    print(text)
    if options.table:
        options.table.write_text(text, encoding="utf-8")
    return 1 if unexplained(kept) else 0


def complete(
    suite: Suite, executor: str, tests: list[str], options: argparse.Namespace
) -> dict[str, str]:
    """The results with one executor: earlier ones, and those of the tests that are missing."""
    if executor == "slurm" and not options.tests:
        tests = tests[::3]  # a real SLURM takes its time
    found = load(executor)
    if options.again:
        found = {name: result for name, result in found.items() if name not in tests}
    missing = [test for test in tests if test not in found]
    with ExitStack() as stack:
        if executor == "slurm" and missing:
            from tests.cluster.cluster import SlurmCluster, default_root

            cluster = SlurmCluster.up(default_root())
            stack.callback(cluster.down)
            os.environ["SLURM_CONF"] = str(cluster.layout.slurm_conf)
        for begin in range(0, len(missing), CHUNK):
            chunk = missing[begin : begin + CHUNK]
            print(f"{executor}: {begin} of {len(missing)} tests", file=sys.stderr, flush=True)
            found |= run(
                suite,
                executor,
                chunk,
                options.workers,
                ["--timeout", str(options.timeout)],
                FOLDER / f"{executor}-{begin}.log",
            )
            path(executor).write_text(json.dumps(found, indent=1), encoding="utf-8")
    return {test: found[test] for test in tests if test in found}


def comparable(tests: list[str], executor: str) -> list[str]:
    """The tests that say something of an executor: those that control passes, as far as it was run."""
    control = load("control") if executor != "control" else {}
    return [test for test in tests if control.get(test, "passed") == "passed"]


def everything(suite: Suite) -> list[str]:
    """The names of the suite's tests."""
    done = subprocess.run(
        [suite.python, "-m", "pytest", "--collect-only", "-qq", "--no-header", "tests/tests.py"],
        cwd=suite.sources,
        capture_output=True,
        text=True,
        check=True,
    )
    tests = [
        line.partition("::")[2] for line in done.stdout.splitlines() if line.startswith("tests/")
    ]
    return sorted(tests, key=lambda test: name(test) in LONG)


def path(executor: str) -> Path:
    """Where the results with an executor are kept."""
    return FOLDER / f"{executor}.json"


def load(executor: str) -> dict[str, str]:
    """What is known of an executor from earlier runs."""
    if not path(executor).exists():
        return {}
    found: dict[str, str] = json.loads(path(executor).read_text(encoding="utf-8"))
    return found


if __name__ == "__main__":
    sys.exit(main())
