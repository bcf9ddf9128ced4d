"""The CSV: a row per job, after those of earlier runs."""

import csv
import socket
from pathlib import Path

import pytest

from ended_jobs import asking, ended, rows
from snakemake_executor_plugin_submitit.efficiency import sheet
from snakemake_executor_plugin_submitit.efficiency.sheet import SheetError


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_job_is_a_row_with_units_in_the_names(tmp_path: Path) -> None:
    path = tmp_path / "made" / "efficiency.csv"
    job = ended(memory=2000, busy=1.5, seconds=600, asked=asking(memory=16_000, cpus=4, minutes=30))
    assert sheet.write(path, rows(job)) == 0
    (row,) = read(path)
    assert tuple(row) == sheet.COLUMNS
    told = {
        name: row[name] for name in ("rule", "job_id", "state", "source", "elapsed_s", "cpus_busy")
    }
    assert told == {
        "rule": "train", "job_id": "7", "state": "done", "source": "job", "elapsed_s": "600",
        "cpus_busy": "1.5",
    }  # fmt: skip
    assert (row["mem_asked_mb_per_node"], row["mem_used_mb_per_node"]) == ("16000", "2000")
    assert (row["mem_efficiency"], row["cpu_efficiency"]) == ("0.125", "0.375")
    assert row["time_asked_s"] == "1800"


def test_what_is_not_known_is_empty_and_not_zero(tmp_path: Path) -> None:
    path = tmp_path / "efficiency.csv"
    sheet.write(path, rows(ended(memory=0, busy=0, asked=asking(minutes=None))))
    (row,) = read(path)
    for name in ("mem_used_mb_per_node", "mem_efficiency", "cpu_s", "cpus_busy", "cpu_efficiency",
                 "time_asked_s", "gpu_busy_max_percent"):  # fmt: skip
        assert row[name] == "", name


def test_rows_of_earlier_runs_stay_and_a_job_is_there_once(tmp_path: Path) -> None:
    path = tmp_path / "efficiency.csv"
    sheet.write(path, rows(ended("split", address="1"), ended("train", address="2", memory=1)))
    kept = sheet.write(
        path, rows(ended("train", address="2", memory=2), ended("report", address="3"))
    )
    assert kept == 1
    assert [(row["rule"], row["mem_used_mb_per_node"]) for row in read(path)] == [
        ("split", "500"), ("train", "2"), ("report", "500"),
    ]  # fmt: skip


def test_a_sheet_of_another_version_keeps_what_both_have(tmp_path: Path) -> None:
    path = tmp_path / "efficiency.csv"
    path.write_text("rule,job,job_id,submitted,weight\nold,rule old,1,2026-01-01T00:00:00+0000,7\n")
    sheet.write(path, rows(ended()))
    old, _ = read(path)
    assert (old["rule"], old["state"]) == ("old", "") and "weight" not in old


def test_another_table_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "samples.csv"
    path.write_text("sample,fastq\na,a.fq\n")
    with pytest.raises(SheetError, match=r"samples\.csv is there and is no efficiency report"):
        sheet.check(path)
    with pytest.raises(SheetError):
        sheet.write(path, rows(ended()))
    assert path.read_text().startswith("sample,fastq")
    sheet.check(tmp_path / "none.csv")


def test_in_a_folder_the_sheet_has_a_name_of_its_own(tmp_path: Path) -> None:
    assert sheet.place(tmp_path) == tmp_path / "efficiency.csv"
    assert sheet.place(tmp_path / "mine.csv") == tmp_path / "mine.csv"
    (tmp_path / "efficiency.csv").write_text("sample\n")
    with pytest.raises(SheetError, match="no efficiency report"):
        sheet.check(tmp_path)


def test_a_write_that_fails_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "efficiency.csv"
    sheet.write(path, rows(ended()))
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        sheet.write(path, rows(ended("other", address="9")))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_no_file_is_neither_read_nor_replaced(tmp_path: Path) -> None:
    """A Snakemake of root would put a file in the place of /dev/null."""
    address = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(address))
        for path in (address, Path("/dev/null")):
            with pytest.raises(SheetError, match=rf"{path} is no file: .* - is the log alone"):
                sheet.check(path)
        with pytest.raises(SheetError, match="is no file"):
            sheet.write(address, rows(ended()))
    assert address.is_socket()


def test_where_nothing_can_be_written_is_told_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(SheetError, match=r"/proc/reports/all\.csv cannot be written"):
        sheet.check(Path("/proc/reports/all.csv"))
    sheet.check(tmp_path / "not" / "there" / "yet.csv")
    assert not list(tmp_path.iterdir()), "nothing is made before there is something to tell"


def test_a_link_to_a_sheet_elsewhere_stays(tmp_path: Path) -> None:
    link, real = tmp_path / "efficiency.csv", tmp_path / "shared.csv"
    link.symlink_to(real)
    sheet.write(link, rows(ended()))
    assert link.is_symlink() and len(read(real)) == 1
