"""Nobody breaks the way to the GPU unseen: every model and loss takes a step on a pretended one."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.gpu.trials import WAITS
from tests.pretended_gpu.build import build, does_not_start, run, why_not

MORE = {"augmented": 2}
"""What the host waits for beside what it waits for in every step: torchvision's change of hue, per image."""
FAULT = "fault: "

pytestmark = pytest.mark.slow(seconds=60)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pretended GPU, or why there is none."""
    if reason := why_not():
        pytest.skip(reason)
    library = build(tmp_path_factory.mktemp("pretended"))
    if reason := does_not_start(library):
        pytest.skip(reason)
    return library


@pytest.fixture(scope="module")
def audited(library: Path) -> dict[str, dict[str, Any]]:
    """What is said of each model, by its name."""
    ran = run(library, "-m", "tests.pretended_gpu.audit")
    assert ran.returncode == 0, ran.stderr
    lines = [json.loads(line) for line in ran.stdout.splitlines()]
    return {line.pop("name"): line for line in lines}


@pytest.fixture(scope="module")
def sound(audited: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Those of the product, none of which failed."""
    return {k: v for k, v in audited.items() if not k.startswith(FAULT) and "error" not in v}


def waits(found: dict[str, int]) -> int:
    return sum(count for what, count in found.items() if not what.startswith("not determin"))


def test_every_model_trains_and_is_evaluated_and_drawn_without_a_mixing_of_devices(
    audited: dict[str, dict[str, Any]],
) -> None:
    failed = {k: v["error"] for k, v in audited.items() if "error" in v and FAULT not in k}
    assert not failed
    assert {"last-attention", "rollout", "first-alignment", "grad-cam"} == {
        kind for one in audited.values() for kind in one.get("drawn", [])
    }


def test_a_step_waits_for_the_gpu_no_more_often_than_is_known(
    sound: dict[str, dict[str, Any]],
) -> None:
    others = {
        name: one["step"]
        for name, one in sound.items()
        if waits(one["step"]) != WAITS + MORE.get(name, 0)
    }
    assert not others


def test_every_operator_has_a_deterministic_form(sound: dict[str, dict[str, Any]]) -> None:
    others = {
        (name, stage, what)
        for name, one in sound.items()
        for stage in ("step", "evaluation", "pictures")
        for what in one[stage]
        if what.startswith("not determin")
    }
    assert not others


def test_every_parameter_gets_a_gradient(sound: dict[str, dict[str, Any]]) -> None:
    assert not {k: one["without gradient"] for k, one in sound.items() if one["without gradient"]}


def test_what_a_model_does_wrong_is_found(audited: dict[str, dict[str, Any]]) -> None:
    found = {k.removeprefix(FAULT): v for k, v in audited.items() if k.startswith(FAULT)}
    step = {name: one["step"] for name, one in found.items() if name != "mixes"}
    assert waits(step["idle"]) == WAITS
    assert {name: waits(one) - WAITS for name, one in step.items()} == {
        "reads": 1,
        "masks": 2,  # and a tensor that is made on the host
        "reflects": 0,
        "waits": 1,
        "idle": 0,
    }
    assert step["waits"]["wait"] == 1
    assert "on the same device" in found["mixes"]["error"]
    assert step["reflects"]["not deterministic reflection_pad2d_backward"] == 1
    assert found["idle"]["without gradient"] == ["model.unused.weight", "model.unused.bias"]


def test_a_step_that_cannot_be_captured_goes_on_kernel_by_kernel(library: Path) -> None:
    """The pretended GPU has no graphs: the fourth step tries, says so once, and is taken all the same."""
    ran = run(library, "-m", "tests.pretended_gpu.captured")
    assert ran.returncode == 0, ran.stderr
    first, *others = [json.loads(line) for line in ran.stdout.splitlines()]
    assert others == [{}, {}, {"wait": 1}, {}, {}], first
    assert ran.stderr.count("launched kernel by kernel") == 1
