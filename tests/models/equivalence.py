"""Keeps what users have trained where a model's code changed and what it computes did not.

    git worktree add ../before <commit>
    python -m tests.models.equivalence ../before [MODEL...]

builds and trains each model (every one, where none is named) with the code of both trees in many ways
(`computed.py`), and compares every bit, in minutes for all. Where all are the same, a line in
`equivalent.json` lets runs keep their digest; where one is not, it is told, and no line is written.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bakeoff.models.catalogue import entries
from bakeoff.models.equivalent import FILE

PROBE = Path(__file__).with_name("computed.py")
HERE = Path(__file__).parents[2]


def main(before: Path, names: Sequence[str], now: Path = HERE) -> int:
    """Compare the tree `now` with one before it, write its table, and return how many models differ."""
    with ThreadPoolExecutor() as both:
        old, new = both.map(computed, (before, now), (names, names))
    file = now / FILE.relative_to(HERE)
    lines, differ = json.loads(file.read_text()), 0
    for name in names:
        line, different = _line(old, new, name), list(differences(old, new, name))
        lines.pop(name, None)
        if different:
            differ += 1
            print(f"{name}: is another model: {different[0]} ({len(different)} differences)")
        elif line["trained_as"] != line["code"] or line["options"]:
            lines[name] = line
            print(f"{name}: computes the same, and keeps its digest")
    file.write_text(json.dumps(dict(sorted(lines.items())), indent=1) + "\n")
    return differ


def computed(tree: Path, names: Sequence[str]) -> dict[str, Any]:
    """What `computed.py` says of the code of a tree; CalledProcessError where it cannot be run."""
    environment = {**os.environ, "PYTHONPATH": str(tree.resolve() / "src")}
    command = [sys.executable, "-P", str(PROBE), *names]
    ran = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE)
    told: dict[str, Any] = json.loads(ran.stdout)
    return told


def differences(old: dict[str, Any], new: dict[str, Any], name: str) -> Iterator[str]:
    """What a model did before and does not do now, or does otherwise."""
    for naming in old["namings"]:
        if naming not in new["namings"]:
            yield f"what another library calls its weights is read otherwise, {naming[:60]}"
    before, now = old["models"][name], new["models"][name]
    for option in before["options"]:
        if option not in now["options"]:
            yield f"the option {option} is gone"
    for case, sha in before["cases"].items():
        if now["cases"].get(case) != sha:
            yield case


def _line(old: dict[str, Any], new: dict[str, Any], name: str) -> dict[str, Any]:
    before, now = old["models"][name], new["models"][name]
    since = {key: value for key, value in now["options"].items() if key not in before["options"]}
    return {
        "code": now["code"],
        "trained_as": before["trained_as"],
        "trained_as_312": before.get("trained_as_312", ""),
        "options": {**before.get("since", {}), **since},
    }


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:] or list(entries())) > 0)
