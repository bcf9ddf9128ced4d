"""The whole table of ChestX-ray14 with its official lists is split and audited in seconds, images apart."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SECONDS, MEGABYTES = 10, 1000
"""Of processor time, imports and all, and of memory."""

pytestmark = pytest.mark.slow(seconds=20)

INSPECT = """
import json, resource, sys
from pathlib import Path
from bakeoff.config.schema import NIH_FINDINGS, Data, Split
from bakeoff.data.splits import inspect_split

def megabytes():
    if not (status := Path("/proc/self/status")).exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    # Linux counts in ru_maxrss what the process was that started this one.
    (peak,) = [line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM")]
    return int(peak) / 1e3

labels, kind = Path(sys.argv[1]), sys.argv[2]
task = {"kind": kind, **({"findings": NIH_FINDINGS} if kind == "multilabel" else {})}
data = Data(labels=labels / "Data_Entry_2017_v2020.csv.gz", images=labels, task=task)
given = {name: labels / f"{file}_list.txt.gz" for name, file in json.loads(sys.argv[3]).items()}
found = inspect_split(data, Split(given=given, val=0.125))
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({
    "problems": [problem.text for problem in found.problems],
    "notes": found.notes,
    "audit": found.audit and found.audit.as_json(),
    "seconds": used.ru_utime + used.ru_stime,
    "megabytes": megabytes(),
}))
"""


def inspected(labels: Path, kind: str) -> dict[str, Any]:
    lists = json.dumps({"train": "train_val", "test": "test"})
    command = [sys.executable, "-c", INSPECT, str(labels), kind, lists]
    said = subprocess.run(command, check=True, capture_output=True, text=True)
    result: dict[str, Any] = json.loads(said.stdout)
    return result


@pytest.mark.parametrize("kind", ["binary", "multilabel"])
def test_the_official_split_is_made_and_audited_in_seconds(shared_data: Path, kind: str) -> None:
    found = inspected(shared_data / "labels", kind)
    assert found["problems"] == found["notes"] == []
    audit = found["audit"]
    parts = audit["splits"]
    assert {name: part["rows"] for name, part in parts.items()} == {
        "train": 75_708,
        "val": 10_816,  # an eighth of 86,524, of whole patients
        "test": 25_596,
    }
    assert parts["train"]["patients"] + parts["val"]["patients"] == 28_008
    assert parts["test"]["patients"] == 2_797
    assert audit["leaks"] == [] and not any(overlap["rows"] for overlap in audit["overlaps"])
    for name, count in parts["train"]["counts"].items():
        share = count / parts["train"]["rows"]
        assert abs(parts["val"]["counts"][name] / parts["val"]["rows"] - share) < 0.001
    # NIH's test list is not like its training list, and the audit says so.
    assert any("in test" in warning for warning in audit["warnings"])
    assert found["seconds"] < SECONDS
    assert found["megabytes"] < MEGABYTES
