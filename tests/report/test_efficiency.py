"""What training jobs asked for and used, from journals that the trainer's own classes write."""

import json

import pytest
import yaml

from bakeoff.config.schema import Resources
from bakeoff.report.document import write_report
from bakeoff.report.efficiency import efficiency_table, used
from bakeoff.report.evidence import read_evidence
from bakeoff.tracking.journal.events import Status
from bakeoff.tracking.journal.journal import NAME, Journal
from tests.report.digits import EXPECTED

BEGUN = 1_780_000_000.0
MB = 1024**2 / 1e6  # of SLURM, in those of the samples


def train(results, variant, seed, memory, jobs=(600.0,), cpus=1.5, busy=None, **asked):
    """The journal of a run whose jobs took so many seconds, and what its run.json says that it asked for."""
    folder = results / "runs" / variant / f"seed-{seed}"
    journal = Journal.start(folder, "digits", variant, seed, digest="d")
    at, step = BEGUN, 0
    for number, seconds in enumerate(jobs):
        journal.append(Status(time=at, status="RUNNING"))
        for share in (0.25, 1.0):
            step += 1
            sample = {
                "process_memory_megabytes": share * memory * MB,
                "process_cpu_percentage": 100 * cpus,
            }
            if busy is not None:
                sample |= {
                    "gpu_0_utilization_percentage": busy,
                    "gpu_0_memory_usage_megabytes": 9000 * share,
                }
            journal.metrics(
                step, {f"system/{k}": v for k, v in sample.items()}, at=at + share * seconds
            )
        last = number == len(jobs) - 1
        journal.append(Status(time=at + seconds, status="FINISHED" if last else "SCHEDULED"))
        at += seconds + 100
    path = folder / "run.json"
    record = json.loads(path.read_text())
    record["config"]["resources"] = Resources(**asked).model_dump(mode="json")
    record["config"]["training"]["threads"] = 4
    path.write_text(json.dumps(record))


def rows(results):
    table = efficiency_table(read_evidence(results, EXPECTED))
    return {row.variant: row for row in table.rows}, table.silent


@pytest.mark.slow(seconds=3)
def test_what_was_asked_for_in_vain_is_named_with_the_keys_to_write(bakeoff):
    train(bakeoff, "broad", 0, memory=1900, mem_mb=16_000, runtime=240)
    train(bakeoff, "broad", 1, memory=2150, jobs=(700,), mem_mb=16_000, runtime=240)
    found, silent = rows(bakeoff)
    row = found["broad"]
    assert (row.runs, silent) == (2, 2), "the runs of `narrow` have told nothing"
    assert (row.memory, row.cpus, row.time) == ("2.1 GB of 16 GB", "1.5 of 4", "12 min of 4.0 h")
    assert row.remarks == ["13.8 GB of memory lay idle", "3.8 h were asked for in vain"]
    asked = yaml.safe_load(row.advice)["resources"]
    assert asked == {"mem_mb": 2600, "runtime": 20}
    Resources(**asked)  # as a variant may have it


def test_what_came_near_its_limit_is_named(bakeoff):
    train(bakeoff, "broad", 0, memory=3900, jobs=(3500,), mem_mb=4000, runtime=60)
    (row,) = rows(bakeoff)[0].values()
    assert row.remarks == ["memory was near its limit of 4 GB", "a job took 58 min of 60 min"]
    assert row.advice == "resources: {mem_mb: 4700, runtime: 90}"


def test_what_fits_is_not_spoken_of(bakeoff):
    train(bakeoff, "broad", 0, memory=3000, jobs=(1800,), mem_mb=4000, runtime=60)
    (row,) = rows(bakeoff)[0].values()
    assert (row.remarks, row.advice, row.gpu) == ([], "", "–")


def test_a_run_that_saves_at_its_limit_and_goes_on_is_not_near_it(bakeoff):
    train(bakeoff, "broad", 0, memory=3000, jobs=(3500, 3500, 900), mem_mb=4000, runtime=60)
    evidence = read_evidence(bakeoff, EXPECTED)
    run = evidence.variants["broad"][0]
    found = used(run, [])
    assert (found.jobs, found.longest) == (3, 3500)
    (row,) = rows(bakeoff)[0].values()
    assert row.remarks == []


def test_a_job_that_was_killed_ends_with_what_it_measured_last(bakeoff):
    train(bakeoff, "broad", 0, memory=3000, jobs=(1000,))
    path = bakeoff / "runs" / "broad" / "seed-0" / NAME
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if "FINISHED" not in line))
    found = used(read_evidence(bakeoff, EXPECTED).variants["broad"][0], [])
    assert (found.jobs, found.longest) == (1, 1000)


def test_a_gpu_that_waits_is_named(bakeoff):
    train(bakeoff, "broad", 0, memory=3000, busy=20.0, gpu=1)
    (row,) = rows(bakeoff)[0].values()
    assert row.gpu == "20 %, 9 GB" and "the GPU waits 80 % of the time" in row.remarks


def test_of_several_processes_one_is_seen_and_nothing_is_concluded(bakeoff):
    train(bakeoff, "broad", 0, memory=500, jobs=(1800,), mem_mb=32_000, nodes=2)
    (row,) = rows(bakeoff)[0].values()
    assert row.memory == "500 MB of 32 GB, one of 2 processes" and row.remarks == []


@pytest.mark.slow(seconds=6)
def test_the_page_shows_it_with_the_same_bytes_every_time_and_without_samples_not_at_all(
    bakeoff, tmp_path
):
    def page(name):
        write_report(bakeoff, tmp_path / name, EXPECTED)
        return (tmp_path / name).read_text()

    assert 'id="efficiency"' not in page("none.html")
    train(bakeoff, "broad", 0, memory=1900, mem_mb=16_000)
    html = page("one.html")
    assert "14.1 GB of memory lay idle" in html and "resources: {mem_mb: 2300" in html
    assert html == page("two.html")


@pytest.mark.slow(seconds=2)
@pytest.mark.parametrize("damage", [b'{"v": 99}\n', b"\xff\xfe\n", b"[]\n"])
def test_a_journal_that_cannot_be_read_is_a_remark(bakeoff, tmp_path, damage):
    (bakeoff / "runs" / "broad" / "seed-0" / NAME).write_bytes(damage)
    write_report(bakeoff, tmp_path / "report.html", EXPECTED)
    assert "Some files could not be read" in (tmp_path / "report.html").read_text()
