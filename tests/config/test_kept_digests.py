"""What users have trained stays trained: a model's code has the digest that it had when they did.

A change to what computes in a model changes its digest, and every run of that model trains anew. Where the
same comes out, `python -m tests.models.equivalence` proves it and keeps the digest. Where training anew is
meant, CHANGELOG says why, and the new digests are written with `python -m tests.config.test_kept_digests`.
"""

import json
from pathlib import Path

import pytest

from bakeoff.config import digest
from bakeoff.config.experiment import Experiment
from bakeoff.config.load import read_files
from bakeoff.models import equivalent
from bakeoff.models.catalogue import entries

KEPT = Path(__file__).with_name("kept_digests.json")
KEPT_312 = KEPT.with_name("kept_digests_312.json")
CONFIG = Path(__file__).parents[2] / "config"


def digests() -> dict[str, dict[str, str]]:
    """Of each model's code, and of what the project's own experiments split and train."""
    names = [name.replace("/*", "/resnet18") for name in entries()]
    found = {"models": {name: equivalent.code(name)[:12] for name in names}}
    for file in sorted(CONFIG.glob("*.yaml")):
        whole = Experiment.parse(read_files([file]), file.name)
        for experiment in whole.each:
            found[f"{file.name} {experiment.split_as}".rstrip()] = {
                "splits": digest.data_digest(experiment.data, experiment.split),
                **{
                    f"pretraining {p.name}": digest.pretraining_digest(p)
                    for p in experiment.pretrainings
                },
                **{
                    f"{run.variant.name}, seed {run.seed}": digest.run_digest(run, experiment.data)
                    for run in experiment.runs()
                },
            }
    return found


@pytest.mark.parametrize(("python", "file"), [((3, 11), KEPT), ((3, 12), KEPT_312)])
def test_nothing_trains_anew_for_a_change_to_the_code(
    python: tuple[int, int], file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Digests of before 3.12 and from it on were others: see `models.equivalent`."""
    monkeypatch.setattr(equivalent, "PYTHON", python)
    kept, now = json.loads(file.read_text()), digests()
    changed = [
        f"{group}: {name}"
        for group, names in kept.items()
        for name, value in names.items()
        if now.get(group, {}).get(name) != value
    ]
    assert not changed, f"{len(changed)} would be made anew, {', '.join(changed[:5])}: {__doc__}"


if __name__ == "__main__":
    for equivalent.PYTHON, file in (((3, 11), KEPT), ((3, 12), KEPT_312)):
        file.write_text(json.dumps(digests(), indent=1) + "\n")
