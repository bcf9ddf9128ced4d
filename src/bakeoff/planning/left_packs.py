"""Runs that were trained in a pack and have left it: what tells Snakemake that they are of another plan.

Of what a pack made Snakemake knows no job, and so no parameters that could have changed. A run that is to be
trained by itself, and was under another digest, is given one more input: a file newer than its results.
"""

from pathlib import Path

from bakeoff.files import read_json
from bakeoff.layout import Layout, RunFolder


def had_packs(layout: Layout) -> bool:
    """Whether a pack was ever trained: else no run can have left one."""
    return _folder(layout).is_dir()


def left_pack(layout: Layout, variant: str, seed: int, planned: str | None) -> list[Path]:
    """The input of a run's own training beside its images; none for one that never left a pack.

    `planned` is the digest that the run is to be trained under; None while a pack trains it. The file is made
    here, also in a dry run: a missing one Snakemake would only make for a training that is due anyway. It
    stays an input once the run is trained, as a training whose inputs change is done again.
    """
    folder = _folder(layout) / "left" / variant
    there = sorted(folder.glob(f"seed-{seed}-*"), key=_number)
    run = layout.run(variant, seed)
    stated = _planned(run)
    if stated is None:  # it is being trained, or never was
        return there[-1:]
    trained = run.run_json.stat().st_mtime
    before = [file for file in there if file.stat().st_mtime <= trained]
    if planned in (None, stated):
        return before[-1:]
    if before == there:
        folder.mkdir(parents=True, exist_ok=True)
        there.append(folder / f"seed-{seed}-{_number(there[-1]) + 1 if there else 1}")
        there[-1].touch()
    return there[-1:]


def _folder(layout: Layout) -> Path:
    """Where packs say how their runs ended."""
    return layout.train_pack(1).parent


def _number(file: Path) -> int:
    return int(file.name.rpartition("-")[2])


def _planned(folder: RunFolder) -> str | None:
    """The digest that a run was planned with; None where it was not trained, or does not say it."""
    try:
        found = read_json(folder.run_json)["provenance"]["planned_digest"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return str(found) if found else None
