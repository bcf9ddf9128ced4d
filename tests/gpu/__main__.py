"""All that needs a GPU, as one table: `make gpu`, `python -m tests.gpu [--device cpu] [PART OF A NAME...]`.

Needs torch and what bakeoff imports, no test runner and no network. What cannot be looked at is in the table
with the reason. Exit code 1 where anything is wrong, or nothing could be looked at.
"""

import argparse
import importlib
import os
import sys
import time
import traceback
from pathlib import Path

from tests.gpu.machine import CHECKS, Machine, Skipped

MODULES = ("tests.gpu.numerics", "tests.gpu.stages")
# cuBLAS reads it when it starts, and deterministic products are refused without.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")


def load() -> list[tuple[str, str]]:
    """Import every check; what could not be, with the reason."""
    missing = []
    for module in MODULES:
        try:
            importlib.import_module(module)
        except ModuleNotFoundError as error:
            missing.append((module.rpartition(".")[2], f"{error.name} is not installed"))
    return missing


def environment() -> str:
    """What the machine has."""
    import numpy
    import torch

    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    versions = (
        f"Python {sys.version.split()[0]}, torch {torch.__version__}, CUDA {torch.version.cuda}"
    )
    return f"{versions}, numpy {numpy.__version__}, {gpu}"


def main(arguments: list[str]) -> int:
    """Make the checks, each with a line as it ends, then print the table; how the process is to exit."""
    parser = argparse.ArgumentParser(prog="python -m tests.gpu", description=__doc__)
    parser.add_argument("names", nargs="*", help="parts of the names of checks; all by default")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--seconds", type=float, default=540.0)
    given = parser.parse_args(arguments)
    import torch

    rows = [("machine", "", 0.0, environment())]
    if given.device == "cuda" and not torch.cuda.is_available():
        rows.append(("all", "FAILED", 0.0, "torch sees no GPU"))
        return _table(rows)
    rows += [(module, "skipped", 0.0, why) for module, why in load()]
    machine = Machine(given.device, given.seconds)
    for name, made in CHECKS.items():
        if given.names and not any(part in name for part in given.names):
            continue
        begun = time.monotonic()
        try:
            found, said = "ok", made(machine)
        except Skipped as reason:
            found, said = "skipped", str(reason)
        except ModuleNotFoundError as error:
            found, said = "skipped", f"{error.name} is not installed"
        except Exception as error:
            if not isinstance(error, AssertionError):
                traceback.print_exc()
            found, said = "FAILED", f"{type(error).__name__}: {error}"
        rows.append((name, found, time.monotonic() - begun, said))
        print(f"{found:8}{rows[-1][2]:6.1f} s  {name}", file=sys.stderr, flush=True)
    return _table(rows)


def _table(rows: list[tuple[str, str, float, str]]) -> int:
    lines = ["| what must hold | | seconds | found |", "|---|---|---|---|"]
    for name, found, seconds, said in rows:
        took, first = f"{seconds:.0f}" if found else "", said.replace("|", "/").splitlines()[0]
        lines.append(f"| {name} | {found} | {took} | {first} |")
    text = "\n".join(lines)
    print(text)
    if out := os.environ.get("OUT"):
        (Path(out) / "gpu.md").write_text(text + "\n")
    found = {row[1] for row in rows}
    return int("FAILED" in found or "ok" not in found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
