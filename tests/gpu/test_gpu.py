"""What `make gpu` checks, as tests where there is a GPU; and the runner itself, where there is none."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.gpu import numerics, stages
from tests.gpu.machine import CHECKS, Machine, Skipped

ROOT = Path(__file__).parents[2]
assert numerics and stages  # which make the checks known


@pytest.mark.gpu
@pytest.mark.slow(seconds=60)
@pytest.mark.parametrize("must_hold", CHECKS)
def test_on_a_gpu(must_hold: str) -> None:
    if not torch.cuda.is_available():
        pytest.skip("torch sees no GPU")
    try:
        CHECKS[must_hold](Machine("cuda"))
    except Skipped as reason:
        pytest.skip(str(reason))


def table(*arguments: str) -> tuple[int, str]:
    """The exit code and what was printed."""
    command = [sys.executable, "-m", "tests.gpu", *arguments]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return ran.returncode, ran.stdout


@pytest.mark.slow(seconds=15)
def test_the_runner_needs_no_test_runner_and_ends_with_a_table() -> None:
    code, said = table("--device", "cpu", "kernels", "NaN")
    rows = [[cell.strip() for cell in line.split("|")[1:4]] for line in said.splitlines()[3:]]
    assert code == 0
    assert [row[:2] for row in rows] == [
        ["torch has kernels for this GPU", "skipped"],
        ["a NaN under any loss is a NaN loss, and the GPU goes on", "ok"],
    ]
    assert "| torch has kernels for this GPU | skipped | 0 | no GPU |" in said


def test_a_check_that_fails_and_a_table_of_nothing_but_what_was_skipped_are_failures(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from tests.gpu.__main__ import main

    def fails(machine: Machine) -> str:
        assert machine.device == "cuda", "it is a CPU"
        return ""

    def skips(machine: Machine) -> str:
        raise Skipped("no time left")

    found = []
    for made in ({"one": fails}, {"one": skips}, {"one": skips, "other": lambda machine: "fine"}):
        monkeypatch.setattr("tests.gpu.__main__.CHECKS", made)
        found.append(main(["--device", "cpu"]))
    assert found == [1, 1, 0]
    assert "| one | FAILED | 0 | AssertionError: it is a CPU" in capsys.readouterr().out


def test_no_time_is_left_for_what_comes_after_it() -> None:
    machine = Machine("cpu", seconds=0.0)
    with pytest.raises(AssertionError, match="no time left after 0"):
        list(machine.while_time_is_left([1, 2], reserve=1.0))
