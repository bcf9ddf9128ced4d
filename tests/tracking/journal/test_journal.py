import fcntl
import hashlib
import json
import math
import os
import resource
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from bakeoff.errors import TrackingError
from bakeoff.tracking.delivery.system_metrics import Monitor
from bakeoff.tracking.journal.events import Artifact, Metrics, Params, RunStarted, Status, Tags
from bakeoff.tracking.journal.journal import Journal, Tail, read


def start(folder: Path, digest: str = "d1", resumed: bool = False) -> Journal:
    return Journal.start(folder, "demo", "conv", seed=0, digest=digest, resumed=resumed)


def curve(folder: Path, key: str = "loss") -> dict[int, float]:
    return {
        event.step: event.values[key]
        for event in read(folder / "journal.jsonl")
        if isinstance(event, Metrics) and key in event.values
    }


def statuses(folder: Path) -> list[tuple[str, str]]:
    events = read(folder / "journal.jsonl")
    return [(event.status, event.error) for event in events if isinstance(event, Status)]


def test_everything_that_was_written_is_read_back(tmp_path: Path) -> None:
    (tmp_path / "best.safetensors").write_bytes(b"weights")
    with start(tmp_path) as journal:
        journal.params({"model": "conv", "training": {"lr": 1e-4, "seeds": [0, 1]}})
        journal.tags({"git.commit": "374264a"})
        journal.metrics(1, {"loss": 0.5, "auc": math.nan, "worst": -math.inf}, at=1e9 + 0.25)
        journal.artifact("best.safetensors")
    run, _, params, tags, metrics, artifact, _ = read(tmp_path / "journal.jsonl")
    assert isinstance(run, RunStarted) and (run.variant, run.seed, run.digest) == ("conv", 0, "d1")
    assert isinstance(params, Params) and params.values == {
        "model": "conv",
        "training.lr": 1e-4,
        "training.seeds": "0, 1",
    }
    assert isinstance(tags, Tags) and tags.values == {"git.commit": "374264a"}
    assert isinstance(metrics, Metrics) and metrics.time == 1e9 + 0.25
    assert metrics.values["loss"] == 0.5 and metrics.values["worst"] == -math.inf
    assert math.isnan(metrics.values["auc"])
    assert isinstance(artifact, Artifact) and (artifact.path, artifact.bytes) == (
        "best.safetensors",
        7,
    )
    assert artifact.sha256 == hashlib.sha256(b"weights").hexdigest()


def test_a_resumed_run_goes_on_without_overlapping_or_missing_steps(tmp_path: Path) -> None:
    first = start(tmp_path)
    for epoch in (1, 2, 3):
        first.metrics(epoch, {"loss": 1 / epoch, "auc": 0.5})
    resumed = start(tmp_path, resumed=True)  # the checkpoint of epoch 3 was lost
    for epoch in (1, 2, 3, 4):
        resumed.metrics(epoch, {"loss": 1 / epoch, "auc": 0.5})
    assert curve(tmp_path) == {1: 1.0, 2: 1 / 2, 3: 1 / 3, 4: 1 / 4}
    lines = (tmp_path / "journal.jsonl").read_text().splitlines()
    assert sum('"metrics"' in line for line in lines) == 4
    assert sum('"event":"run"' in line for line in lines) == 1


def test_another_configuration_or_a_training_from_the_start_is_another_run(tmp_path: Path) -> None:
    start(tmp_path).metrics(1, {"loss": 1.0})
    start(tmp_path, digest="d2", resumed=True).metrics(1, {"loss": 2.0})
    assert curve(tmp_path) == {1: 2.0}
    start(tmp_path, digest="d2").metrics(1, {"loss": 3.0})
    assert curve(tmp_path) == {1: 3.0}
    kept = [read(path) for path in tmp_path.glob("journal-*.jsonl")]
    assert sorted(e.values["loss"] for run in kept for e in run if isinstance(e, Metrics)) == [1, 2]


def test_a_job_killed_before_its_first_epoch_is_the_same_run(tmp_path: Path) -> None:
    for sample in (1, 2):
        journal = start(tmp_path)
        journal.status("RUNNING")
        journal.metrics(sample, Monitor(os.getpid()).sample())  # as the sender does
    assert len(statuses(tmp_path)) == 2
    assert list(tmp_path.glob("journal-*")) == []


def test_a_file_that_returns_to_an_earlier_content_is_journalled_again(tmp_path: Path) -> None:
    journal = start(tmp_path)
    for content in ("a", "a", "b", "a"):
        (tmp_path / "last.ckpt").write_text(content)
        journal.artifact("last.ckpt")
    events = read(tmp_path / "journal.jsonl")
    assert len([event for event in events if isinstance(event, Artifact)]) == 3


def test_the_status_says_how_the_run_ended(tmp_path: Path) -> None:
    endings: list[tuple[Callable[[Journal], object], tuple[str, str]]] = [
        (lambda journal: None, ("FINISHED", "")),
        (lambda journal: int("x"), ("FAILED", "ValueError: invalid literal")),
        (lambda journal: sys.exit(3), ("KILLED", "SystemExit: 3")),
        (lambda journal: journal.status("SCHEDULED"), ("SCHEDULED", "")),
    ]
    for number, (body, (status, error)) in enumerate(endings):
        try:
            with start(tmp_path / str(number)) as journal:
                body(journal)
        except (ValueError, SystemExit):
            pass
        begun, ended = statuses(tmp_path / str(number))
        assert begun == ("RUNNING", "")
        assert ended[0] == status and ended[1].startswith(error)


def test_a_journal_cut_at_every_byte_of_its_last_record_is_read_and_goes_on(tmp_path: Path) -> None:
    journal = start(tmp_path)
    journal.metrics(1, {"loss": 1.0})
    path = tmp_path / "journal.jsonl"
    before = path.stat().st_size
    journal.metrics(2, {"loss": 0.5})
    whole = path.read_bytes()
    assert len(whole) > before
    for cut in range(before, len(whole)):
        path.write_bytes(whole[:cut])
        assert curve(tmp_path) == {1: 1.0}
        resumed = start(tmp_path, resumed=True)
        resumed.metrics(2, {"loss": 0.5})
        resumed.metrics(3, {"loss": 0.25})
        assert curve(tmp_path) == {1: 1.0, 2: 0.5, 3: 0.25}, cut
        for line in path.read_bytes().splitlines():
            json.loads(line)


def test_a_reader_that_follows_sees_each_event_once_whatever_piece_is_written(
    tmp_path: Path,
) -> None:
    journal = start(tmp_path / "whole")
    for epoch in range(1, 4):
        journal.metrics(epoch, {"loss": 1 / epoch})
    whole = (tmp_path / "whole/journal.jsonl").read_bytes()
    growing = tmp_path / "growing.jsonl"
    growing.touch()
    tail = Tail(growing)
    seen = []
    for byte in whole:
        with growing.open("ab") as stream:
            stream.write(bytes([byte]))
        seen += tail.read()
    assert seen == read(tmp_path / "whole/journal.jsonl")


def test_damage_before_the_last_line_and_a_later_format_are_refused_by_line(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    start(tmp_path).metrics(1, {"loss": 1.0})
    good = path.read_bytes()
    path.write_bytes(good.replace(b'{"v":1,"event":"metrics"', b'{"v":1,"event":"met\0\0'))
    with pytest.raises(TrackingError, match=r"journal.jsonl, line 2: expected a journal event"):
        read(path)
    path.write_bytes(good.replace(b'"v":1,"event":"metrics"', b'"v":2,"event":"metrics"'))
    with pytest.raises(TrackingError, match="line 2: journal format 2"):
        read(path)
    path.write_bytes(good.replace(b'"event":"metrics"', b'"event":"of-the-future"'))
    assert len(read(path)) == 1


def test_a_full_disk_is_named_and_leaves_the_journal_whole(tmp_path: Path) -> None:
    journal = start(tmp_path)
    journal.metrics(1, {"loss": 1.0})
    path = tmp_path / "journal.jsonl"
    before = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:  # the kernel writes what still fits, then refuses: as on a full disk
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 10, hard))
        with pytest.raises(TrackingError, match=r"journal.jsonl: the journal cannot be written"):
            journal.metrics(2, {"loss": 0.5})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_bytes() == before
    journal.metrics(2, {"loss": 0.5})
    assert curve(tmp_path) == {1: 1.0, 2: 0.5}


WRITER = """
    import sys
    from pathlib import Path
    from bakeoff.tracking.journal.journal import Journal
    journal = Journal(Path(sys.argv[1]) / "journal.jsonl")
    for step in range(1, 41):
        journal.metrics(step, {sys.argv[2]: step, "filler": 1.0} | {f"m{i}": 0.5 for i in range(99)})
    assert not {"mlflow", "torch"} & set(sys.modules)
"""


def test_two_processes_that_append_at_once_tear_no_line(tmp_path: Path) -> None:
    start(tmp_path)
    command = [sys.executable, "-c", textwrap.dedent(WRITER), str(tmp_path)]
    writers = [subprocess.Popen([*command, name]) for name in ("a", "b")]
    assert [writer.wait(timeout=180) for writer in writers] == [0, 0]
    expected = {step: float(step) for step in range(1, 41)}
    assert curve(tmp_path, "a") == curve(tmp_path, "b") == expected
    assert set(curve(tmp_path, "filler").values()) == {1.0}


def test_a_writer_waits_for_the_one_that_is_writing(tmp_path: Path) -> None:
    journal = start(tmp_path)
    path = tmp_path / "journal.jsonl"
    before = path.read_bytes()
    with path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        writer = threading.Thread(target=journal.metrics, args=(1, {"loss": 1.0}))
        writer.start()
        writer.join(0.3)
        assert writer.is_alive()
        assert path.read_bytes() == before
    writer.join(10)
    assert curve(tmp_path) == {1: 1.0}
