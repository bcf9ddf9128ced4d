"""The comparison as the report's table: formatted cells, a row per competitor."""

from typing import Any

import pandas as pd

from bakeoff.report import numbers

SHARES = (
    ("accuracy", "Accuracy"),
    ("balanced_accuracy", "Balanced accuracy"),
    ("sensitivity", "Sensitivity"),
    ("specificity", "Specificity"),
    ("pr_auc", "PR-AUC"),
    ("brier", "Brier"),
)


def comparison_rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Every row of comparison.csv, ready to print; `leads` marks the best variants, several in a tie."""
    rows: list[dict[str, Any]] = []
    best = numbers.figure(table["test_auroc_mean"].iloc[0]) if len(table) else ""
    for row in table.to_dict("records"):
        finished, expected = int(row["seeds_finished"]), int(row["seeds_expected"])
        variant = row["kind"] == "variant"
        missing = row["missing"] if isinstance(row["missing"], str) else ""
        rows.append(
            {
                "name": row["variant"],
                "kind": row["kind"],
                "leads": variant
                and finished > 0
                and numbers.figure(row["test_auroc_mean"]) == best,
                "finished": finished > 0,
                "seeds": (f"{finished} of {expected}" if finished < expected else str(expected))
                if variant
                else numbers.NOTHING,
                "missing": _missing(missing, variant),
                "auroc": numbers.figure(row["test_auroc_mean"]),
                "interval": numbers.interval(row["test_auroc_low"], row["test_auroc_high"]),
                "spread": _spread(row["test_auroc_sd"]),
                "to_best": _gap(row, "difference_to_best"),
                "to_baseline": _gap(row, "difference_to_baseline"),
                "shares": [_share(row, name) for name, _ in SHARES],
                "val": (numbers.figure(row["val_auroc_mean"]), _spread(row["val_auroc_sd"])),
                "parameters": numbers.count(row["parameters"]),
            }
        )
    return rows


def _gap(row: dict[Any, Any], name: str) -> tuple[str, str]:
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    return numbers.gap(row[name]), numbers.gap_interval(low, high)


def _share(row: dict[Any, Any], name: str) -> tuple[str, str]:
    return numbers.figure(row[f"test_{name}_mean"]), _spread(row[f"test_{name}_sd"])


def _spread(deviation: Any) -> str:
    return f"± {numbers.figure(deviation)}" if numbers.known(deviation) else ""


def _missing(missing: str, variant: bool) -> str:
    if not variant or not missing:
        return missing
    return f"{'seeds' if ',' in missing else 'seed'} {missing} missing"
