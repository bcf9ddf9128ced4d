"""The page shows what the audit noted, and audits of before it noted anything."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bakeoff.config.schema import Data, Split
from bakeoff.data.audit import audit_splits
from bakeoff.data.decoding import ImageFacts
from bakeoff.data.tables import LabelledRows
from bakeoff.report.audit_table import audit_table

TASK = Data(labels=Path("labels.csv"), images=Path("images")).classification


@pytest.fixture
def audit() -> dict[str, Any]:
    columns = ["Image Index", "Patient ID", "Disease"]
    rows = {"train": ("1", "1.0"), "val": ("2", "3"), "test": ("P4", "p4")}
    parts = {
        name: pd.DataFrame([(f"{one}.png", one, at) for at, one in enumerate(ids)], columns=columns)
        for name, ids in rows.items()
    }
    facts = [
        ImageFacts(image, "L", 8, 8, image, False, bytes([at % 5] * 72))
        for at, image in enumerate(
            image for part in parts.values() for image in part["Image Index"]
        )
    ]
    data = Data(labels=Path("labels.csv"), images=Path("images"))
    labelled = {
        name: LabelledRows(part, part["Disease"].to_numpy(), data.classification)
        for name, part in parts.items()
    }
    return audit_splits(
        labelled, facts, data, Split(), 6, ["the table has a split of its own"]
    ).as_json()


def test_merged_ids_unsure_ones_and_likenesses_are_on_the_page(audit: dict[str, Any]) -> None:
    shown = audit_table(audit, TASK)
    assert shown is not None
    assert any("each taken as one: '1' = '1.0'" in fact for fact in shown.facts)
    assert any("'P4' = 'p4'" in warning for warning in shown.warnings)
    assert shown.warnings[0] == "the table has a split of its own"
    assert any("look the same" in line for line in [*shown.facts, *shown.warnings])
    assert "No two images are pixel-identical." in shown.facts
    assert shown.facts[0].startswith("Split by Patient ID, stratified by label, seed 0, from 6")


def test_a_given_split_says_whose_it_is(audit: dict[str, Any]) -> None:
    audit["split"]["given"] = "subset"
    audit["near"] = []
    shown = audit_table(audit, TASK)
    assert shown is not None
    assert shown.facts[0] == "Split as given by the table's column 'subset', of 6 labelled rows."
    assert "No two images are pixel-identical or near-identical." in shown.facts


def test_an_audit_of_before_is_shown(audit: dict[str, Any]) -> None:
    for key in ("ids", "near", "notes"):
        del audit[key]
    del audit["split"]["given"]
    shown = audit_table(audit, TASK)
    assert shown is not None
    assert "No two images are pixel-identical." in shown.facts


@pytest.mark.parametrize(
    ("patients", "said"), [(3, "by rows, groups ignored,"), (None, "by rows, stratified")]
)
def test_a_split_by_rows_says_what_it_ignored(
    audit: dict[str, Any], patients: int | None, said: str
) -> None:
    audit["split"]["group_by"] = None
    for part in audit["splits"].values():
        part["patients"] = patients
    shown = audit_table(audit, TASK, "group")
    assert shown is not None and f"Split {said}" in shown.facts[0]
