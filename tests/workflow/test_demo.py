"""The demo's runs are bit for bit those of the version before tasks had kinds."""

import json
from pathlib import Path

import pytest

from tests.kept import demo

CLOSE = 0.05
"""An AMD's scores and an Intel's differ by 0.003, their losses by 0.023, by one and the same code."""


@pytest.mark.slow(seconds=20)
def test_the_demos_weights_history_and_predictions_are_what_they_were(tmp_path: Path) -> None:
    kept = json.loads(demo.KEPT.read_text(encoding="utf-8"))
    found = demo.results(tmp_path)
    for variant, then in kept["runs"].items():
        now = found[variant]
        assert now["images"] == then["images"]
        # Another processor adds in another order; from there on only the figures can be compared.
        assert now["scores"] == pytest.approx(then["scores"], abs=CLOSE)
        assert now["val_loss"] == pytest.approx(then["val_loss"], abs=CLOSE)
        if kept["processor"] == demo.processor():
            assert now == then
