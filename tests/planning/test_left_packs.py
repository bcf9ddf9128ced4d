"""The input that a run has which left its pack."""

import os
from pathlib import Path

from bakeoff.files import write_json
from bakeoff.layout import Layout
from bakeoff.planning.left_packs import left_pack

LONG_AGO = 1_600_000_000
LATER = 4_000_000_000


def stands(layout: Layout, digest: str, at: int) -> None:
    """The run as it was trained under a digest."""
    file = layout.run("conv", 0).run_json
    write_json(file, {"provenance": {"planned_digest": digest}})
    os.utime(file, (at, at))


def test_a_run_has_it_once_it_stands_under_another_digest_and_keeps_it(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    assert left_pack(layout, "conv", 0, "a") == [], "it was never trained"
    stands(layout, "a", LONG_AGO)
    assert left_pack(layout, "conv", 0, "a") == []
    assert left_pack(layout, "conv", 0, None) == []
    first = left_pack(layout, "conv", 0, "b")
    assert first == [tmp_path / "train_packs/left/conv/seed-0-1"]
    assert first[0].stat().st_mtime > LONG_AGO
    assert left_pack(layout, "conv", 0, "b") == first, "it is about to be trained"
    assert left_pack(layout, "conv", 0, "a") == [], "it is what it was, after all"
    layout.run("conv", 0).run_json.unlink()
    assert left_pack(layout, "conv", 0, "b") == first, "it is being trained"
    stands(layout, "b", LATER)
    assert left_pack(layout, "conv", 0, "b") == first, "an input that goes would train it again"
    assert left_pack(layout, "conv", 0, None) == first
    assert left_pack(layout, "conv", 10, "b") == []


def test_a_run_that_leaves_again_has_another_one(tmp_path: Path) -> None:
    """Snakemake may know the digest of now from before the pack."""
    layout = Layout(tmp_path)
    folder = tmp_path / "train_packs/left/conv"
    folder.mkdir(parents=True)
    for number in (9, 10):
        (folder / f"seed-0-{number}").touch()
        os.utime(folder / f"seed-0-{number}", (LONG_AGO, LONG_AGO))
    stands(layout, "c", LONG_AGO + 10)
    assert left_pack(layout, "conv", 0, "b") == [folder / "seed-0-11"]
