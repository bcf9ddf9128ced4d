"""What the doctor says of GPUs that torch does not see, or has no kernels for."""

import pytest

from bakeoff.doctor import cards, machine, probe
from bakeoff.doctor.requests import JobRequest, job_requests
from bakeoff.doctor.site import Node, Site
from bakeoff.gpu_cards import has_kernels

TORCH = {"torch": "2.15.0", "cuda": "13.2", "count": 1, "built_for": ["sm_75", "sm_80", "sm_90"]}


def greene(*gres: str) -> Site:
    nodes = tuple(
        Node(f"gr{number}", "main", True, "idle", "48", "180000", kind, "(null)")
        for number, kind in enumerate(gres)
    )
    return Site({}, {}, nodes, (), "", {})


def request(**resources: object) -> list[JobRequest]:
    return job_requests(None, resources, "", "")


@pytest.mark.parametrize(
    ("capability", "built_for", "runs"),
    [
        ((7, 0), "sm_75 sm_80", False),
        ((7, 5), "sm_70", True),
        ((8, 9), "sm_80", True),
        ((8, 0), "sm_86", False),
        ((10, 3), "sm_100", True),
        ((12, 0), "sm_90 sm_100", False),
        ((12, 0), "compute_90", True),
        ((9, 0), "sm_90a", True),
        ((12, 0), "compute_90a", False),
        ((10, 3), "sm_100a", False),
        ((10, 3), "sm_100f", True),
        ((9, 0), "gfx942", False),
    ],
)
def test_a_card_runs_what_its_capability_allows(
    capability: tuple[int, int], built_for: str, runs: bool
) -> None:
    assert has_kernels(capability, built_for.split()) is runs


def test_a_request_that_may_be_given_a_card_without_kernels_is_told_which() -> None:
    """Greene gives a job without a gpu_model a V100 or an RTX8000."""
    site = greene("gpu:v100:4", "gpu:rtx8000:4")
    (either,) = cards.may_get_unusable(site, request(gpu=1), TORCH)
    assert either.level == "warning" and "has no kernels for v100" in either.what
    assert "make setup CUDA=12" in either.way_out and "gpu_model: rtx8000" in either.way_out
    for asked in ({"gpu": 2, "gpu_model": "v100"}, {"gpu": 1, "constraint": "v100"}):
        (named,) = cards.may_get_unusable(site, request(**asked), TORCH)
        assert named.level == "problem" and "asks for a GPU that it cannot use" in named.what
    fine = ({"gpu": 1, "gpu_model": "rtx8000"}, {"gpu": 1, "constraint": "a100|h100"}, {})
    assert not [
        said for one in fine for said in cards.may_get_unusable(site, request(**one), TORCH)
    ]
    older = {**TORCH, "cuda": "12.8", "built_for": ["sm_70", "sm_75"]}
    assert not list(cards.may_get_unusable(site, request(gpu=1), older))
    unnamed = greene("gpu:4")
    assert not list(cards.may_get_unusable(unnamed, request(gpu=1), TORCH))


def test_this_machines_cards_are_held_against_its_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_driver", lambda: (["Tesla V100"], ""))
    found = {**TORCH, "cards": [["Tesla V100", [7, 0]], ["NVIDIA A100", [8, 0]]]}
    monkeypatch.setattr(probe, "cuda", lambda: found)
    (old,) = (each for each in machine.capacity(None) if each.level != "ok")
    assert old.level == "problem" and "no kernels for the Tesla V100" in old.what
    assert "make setup CUDA=12" in old.way_out
    blind = {
        **TORCH,
        "count": 0,
        "why": "The NVIDIA driver on your system is too old (found 12020)",
    }
    monkeypatch.setattr(probe, "cuda", lambda: blind)
    (none,) = (each for each in machine.capacity(None) if each.level != "ok")
    assert "torch sees none: torch 2.15.0 for CUDA 13.2: The NVIDIA driver" in none.what
    assert "make setup CUDA=12" in none.way_out
    monkeypatch.setattr(probe, "cuda", lambda: {"torch": "2.15.0", "cuda": None, "count": 0})
    (built,) = (each for each in machine.capacity(None) if each.level != "ok")
    assert "built without it" in built.what


def test_torch_says_itself_what_it_was_built_for() -> None:
    """In a process of its own, as in the doctor's job; here it may have a GPU or none."""
    found = probe.cuda()
    assert found["torch"] and isinstance(found["count"], int)
    assert ("cards" in found) if found["count"] else found["why"]
    if found["cuda"]:
        assert all(name.startswith(("sm_", "compute_")) for name in found["built_for"])
