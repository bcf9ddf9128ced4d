"""The record of looks at the test split: which configurations were evaluated on it, and when.

A figure that was chosen after looking is flattered, however honest each single evaluation was. So every
evaluation of a run adds a line to the experiment's `looks.jsonl`, which no stage declares and none deletes.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from bakeoff.config.experiment import Experiment, Run
from bakeoff.config.schema import UNCOUNTED
from bakeoff.evaluation.predictions import Predictions, read_predictions
from bakeoff.files import read_json, sha256
from bakeoff.layout import Layout
from bakeoff.tracking.journal.jsonl import append_lines, read_lines

COUNTED = ("model", "options", "weights", "image", "training")
"""The sections of a run's configuration that make it another one; what a job asks of a cluster does not."""


@dataclass(frozen=True)
class Look:
    """One evaluation of a run on the test split.

    test: a digest of the split's images and labels; weights: SHA-256 of the weights that were evaluated;
    config: of the variant, without its seeds; val, test_figure: the primary metric, None if undefined.
    """

    when: str  # ISO 8601, UTC
    test: str
    variant: str
    seed: int
    weights: str
    config: dict[str, Any]
    metric: str
    val: float | None
    test_figure: float | None


def record_look(experiment: Experiment, run: Run, layout: Layout) -> Look:
    """Add a run that was just evaluated to the record."""
    folder = layout.run(run.variant.name, run.seed)
    metrics = read_json(folder.path / "metrics.json")
    metric = experiment.metric.name
    look = Look(
        when=datetime.now(UTC).isoformat(timespec="seconds"),
        test=digest_of_test(read_predictions(folder.predictions("test"), experiment.task)),
        variant=run.variant.name,
        seed=run.seed,
        weights=sha256(folder.best),
        config=counted(read_json(folder.run_json)["config"]),
        metric=metric,
        val=metrics["val"].get(metric),
        test_figure=metrics["test"].get(metric),
    )
    line = json.dumps(asdict(look), separators=(",", ":")) + "\n"
    append_lines(layout.looks, line.encode())
    return look


def read_looks(path: Path) -> list[Look]:
    """The looks in the order in which they were taken; none where there is no record.

    Raises ValueError that names a line which is none.
    """
    try:
        lines, _ = read_lines(path)
    except FileNotFoundError:
        return []
    adapter = TypeAdapter(Look)
    looks = []
    for number, line in enumerate(lines, start=1):
        try:
            looks.append(adapter.validate_json(line))
        except ValidationError as error:
            raise ValueError(f"line {number} is no look at the test split ({error})") from None
    return looks


def counted(config: dict[str, Any]) -> dict[str, Any]:
    """Of the configuration of a run, in the format of run.json, what makes it another one."""
    kept = {key: config[key] for key in COUNTED if key in config}
    if isinstance(kept.get("training"), dict):
        unlike = {"seeds", *UNCOUNTED}
        kept["training"] = {k: v for k, v in kept["training"].items() if k not in unlike}
    return kept


def digest_of_test(test: Predictions) -> str:
    """Of the images of a test split and their labels, in whatever order they were listed."""
    content = hashlib.sha256("\n".join(test.images).encode())
    content.update(test.labels.tobytes())
    return content.hexdigest()[:12]
