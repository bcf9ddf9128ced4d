"""Results folders of parts: runs with predictions, compared, with an audit that says who is where."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bakeoff.evaluation.comparison import write_comparison
from bakeoff.evaluation.metrics import evaluate_predictions
from bakeoff.evaluation.several.parts import Expected
from bakeoff.task.binary import BinaryTask
from bakeoff.task.classification import Metric
from tests.evaluation.tables import write_predictions

SHARED = {"patients": 3, "share": 0.25}
ALONE = {"patients": 0, "share": 0.0}


def write_part(
    folder: Path,
    gaps: Mapping[str, Sequence[float]],
    patients: NDArray[np.int64],
    seed: int = 0,
    overlap: Mapping[str, float] = ALONE,
    metric: Metric | None = None,
) -> Expected:
    """A compared part whose runs tell the classes by their gaps (a variant's by seed); two images a patient.

    What is noise in an image is the same in every part: the truth of its patient.
    """
    who = np.repeat(patients, 2)
    labels = who % 2
    noise = np.random.default_rng(99).normal(size=(10_000, 2))[patients].ravel()
    random = np.random.default_rng(seed)
    for name, each in gaps.items():
        for number, gap in enumerate(each):
            run = folder / "runs" / name / f"seed-{number}"
            scores = 1 / (1 + np.exp(-(gap * labels + noise + 0.2 * random.normal(size=len(who)))))
            for split in ("val", "test"):
                path = run / "predictions" / f"{split}.csv"
                ids = [int(one) for one in who]
                write_predictions(path, labels.tolist(), scores.tolist(), ids, prefix=split)
            evaluate_predictions(run)
            (run / "run.json").write_text("{}")
    (folder / "splits").mkdir(parents=True, exist_ok=True)
    audit = {
        "splits": {
            name: {"rows": rows, "patients": rows // 2}
            for name, rows in (("train", 3 * len(who)), ("val", len(who)), ("test", len(who)))
        },
        "overlaps": [{"first": "train", "second": "test", "rows": 0, **overlap}],
    }
    (folder / "splits" / "audit.json").write_text(json.dumps(audit))
    expected = [(name, tuple(range(len(each)))) for name, each in gaps.items()]
    write_comparison(folder, expected, BinaryTask(), metric)
    return expected
