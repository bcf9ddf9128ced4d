"""The report's figures as files of their own, for Snakemake's report and for MLflow."""

from collections.abc import Sequence
from pathlib import Path

from bakeoff.plotting import save
from bakeoff.report import dot_plot, learning_curves, roc
from bakeoff.report.evidence import read_evidence
from bakeoff.report.samples import choose_samples, draw_samples

FIGURES = ("auroc.svg", "learning_curves.svg", "roc.svg", "samples.png")


def write_figures(
    results: Path, expected: Sequence[tuple[str, Sequence[int]]], metric: str | None = None
) -> list[Path]:
    """Write FIGURES to `figures/` of a results folder and return their paths.

    All four are always written; one without data has a note. `metric` is what variants are to be
    compared by, where no comparison.csv says it.
    """
    evidence = read_evidence(results, expected, metric=metric)
    drawn = (
        dot_plot.draw_both(evidence),
        learning_curves.draw_all(evidence),
        roc.draw_all(evidence),
        draw_samples(choose_samples(evidence)),
    )
    paths = [results / "figures" / name for name in FIGURES]
    for path, figure in zip(paths, drawn, strict=True):
        save(figure, path)
    return paths
