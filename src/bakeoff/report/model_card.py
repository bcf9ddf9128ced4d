"""The model card of the variant to take, in Markdown: what is known of it from the results, and nothing else.

Its sections are those of Mitchell et al. (Model Cards for Model Reporting, FAccT 2019). What a bake-off
cannot know, such as what the model is meant for, is said to be for whoever publishes it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bakeoff.config.schema import NIH_FINDINGS
from bakeoff.report.evidence import Evidence, RunEvidence
from bakeoff.report.metric_intervals import Intervals
from bakeoff.report.numbers import number
from bakeoff.report.reading import dig, part
from bakeoff.report.standings import finished_rows

MINED = "nih-sample"
"""The source whose labels were mined from reports."""

NONE = "# Model card\n\nThere is none yet: no variant has a result to conclude from.\n"
"""The card of a bake-off without a conclusion."""


@dataclass(frozen=True)
class ModelCard:
    """What the card says of one variant.

    figures: title, mean over seeds and interval, as the page has them; None where it has none.
    """

    variant: str
    chosen_by: str
    model: str
    settings: tuple[tuple[str, str], ...]
    parameters: int | None
    seeds: tuple[int, ...]
    kept: RunEvidence
    figures: tuple[tuple[str, float, float | None, float | None], ...]
    caveats: tuple[str, ...]


def model_card(evidence: Evidence, contents: Mapping[str, Any]) -> ModelCard | None:
    """The card of the variant that validation chooses; None where no variant has a conclusion.

    `contents` are the sections of the page, whose remarks are its caveats.
    """
    conclusion = evidence.conclusion
    if conclusion is None or conclusion.choice is None:
        return None
    variant = conclusion.choice.validation or conclusion.choice.leader
    runs = [run for run in evidence.variants.get(variant, []) if run.finished]
    if not runs:
        return None
    kept = evidence.best_run(runs)
    config = kept.config
    image, training = part(config, "image"), part(config, "training")
    settings = {
        "image": f"{image.get('size')} pixels, {'colour' if image.get('channels') == 3 else 'grey'}",
        "training": ", ".join(
            f"{training[key]} {word}"
            for key, word in (("epochs", "epochs"), ("optimizer", ""), ("loss", ""))
            if key in training
        ).replace(" ,", ","),
        "starts from": str(dig(config, "weights") or "random weights"),
        "commit": str(dig(kept.record, "provenance", "git_commit") or "not known"),
    }
    parameters = dig(kept.record, "parameters", "total")
    return ModelCard(
        variant=variant,
        chosen_by="validation" if conclusion.choice.validation else "its figure on test",
        model=str(config.get("model", "not known")),
        settings=tuple((key, value.strip(" ,")) for key, value in settings.items()),
        parameters=int(parameters) if isinstance(parameters, int) else None,
        seeds=tuple(run.seed for run in runs),
        kept=kept,
        figures=tuple(_figures(evidence, variant, contents["comparison"].intervals)),
        caveats=tuple(_caveats(evidence, contents, variant)),
    )


def _figures(
    evidence: Evidence, variant: str, others: Intervals
) -> list[tuple[str, float, float | None, float | None]]:
    rows = finished_rows(evidence)
    row = rows[rows["variant"] == variant].iloc[0]
    found = []
    for metric in evidence.task.metrics:
        value = row.get(f"test_{metric.name}_mean", float("nan"))
        if value == value:
            low, high = (row.get(f"test_{metric.name}_{end}") for end in ("low", "high"))
            ends = others.get((variant, metric.name), (low, high))
            found.append((metric.head, float(value), number(ends[0]), number(ends[1])))
    return found


def _names(text: str, variant: str) -> bool:
    """Whether a text names the variant, not one whose name has it as a part."""
    return bool(re.search(rf"(?<![\w.-]){re.escape(variant)}(?![\w-]|\.\w)", text))


def _caveats(evidence: Evidence, contents: Mapping[str, Any], variant: str) -> list[str]:
    """What the report asks about, where it names this variant or the data."""
    said = []
    if evidence.synthetic:
        said.append("A program drew the images: its figures say nothing about any photograph.")
    if evidence.data.get("source") == MINED or set(evidence.task.classes) & set(NIH_FINDINGS):
        said.append(
            "The labels were mined from radiologists' reports: against labels by eye about a third of "
            "the films without a finding show one."
        )
    if leaks := (contents["split_audit"].leaks if contents["split_audit"] else []):
        said.append(f"The split leaks: {'; '.join(leaks)}.")
    if contents["looked"] and contents["looked"].sentence:
        said.append(contents["looked"].sentence)
    said += [one.seen for one in contents["diagnostics"].found if _names(one.seen, variant)]
    return said
