"""Checks of the GPUs against torch: whether it sees them, and has kernels for those that jobs may get."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from bakeoff.doctor.findings import Finding, problem, warning
from bakeoff.doctor.requests import JobRequest
from bakeoff.doctor.site import Site
from bakeoff.gpu_cards import (
    OLDER_DRIVER,
    capability_of,
    has_kernels,
    way_out,
    without_kernels,
)


def torch_sees_none(cuda: Mapping[str, Any], ask_driver: str) -> Finding | None:
    """The problem where `probe.cuda` found none; the command `ask_driver` shows what the driver sees."""
    if "error" not in cuda and int(cuda["count"]) > 0:
        return None
    why = cuda.get("error") or cuda.get("why") or "no reason given"
    build = f"torch {cuda['torch']} for CUDA {cuda['cuda']}" if "torch" in cuda else "torch"
    if "torch" in cuda and cuda["cuda"] in (None, "None"):
        return problem(
            f"torch sees none: {build}, which is built without it",
            "install a torch with CUDA: `make setup`",
        )
    driver = OLDER_DRIVER if "too old" in why else "in a container, singularity needs --nv"
    return problem(
        f"torch sees none: {build}: {why}", f"compare with the driver: {ask_driver}; {driver}"
    )


def unusable_cards(cuda: Mapping[str, Any]) -> Iterator[Finding]:
    """A problem for each kind of GPU that torch sees and has no kernels for."""
    built_for = cuda.get("built_for") or ()
    found = {name: (major, minor) for name, (major, minor) in cuda.get("cards", ())}
    for name, capability in found.items():
        # Without a list it is a torch for other makers' cards.
        if built_for and not has_kernels(capability, built_for):
            yield problem(
                f"torch {cuda['torch']} has no kernels for the {name}, of compute capability "
                f"{capability[0]}.{capability[1]}: it was built for {', '.join(built_for)}",
                way_out(capability, cuda["torch"], cuda["cuda"]),
            )


def may_get_unusable(
    site: Site, requests: Iterable[JobRequest], cuda: Mapping[str, Any]
) -> Iterator[Finding]:
    """Requests that ask for, or may be given, a kind of GPU that torch has no kernels for."""
    built_for = cuda.get("built_for") or ()
    if not built_for:
        return
    for job in requests:
        if not job.request.gpus:
            continue
        there = site.gpus(job.option("partition") or site.default_partition)
        named = _named(job)
        barred = without_kernels(named or there, built_for)
        if not barred:
            continue
        capability = capability_of(barred[0]) or (0, 0)
        torch = (
            f"torch {cuda['torch']} (CUDA {cuda['cuda']}) has no kernels for {', '.join(barred)}"
        )
        out = way_out(capability, cuda["torch"], cuda["cuda"])
        if named:
            yield problem(f"{job} asks for a GPU that it cannot use: {torch}", out)
        else:
            usable = next((kind for kind in there if kind not in barred), None)
            other = f", or name another: resources: {{gpu_model: {usable}}}" if usable else ""
            yield warning(f"{job} may be given a GPU that it cannot use: {torch}", f"{out}{other}")


def _named(job: JobRequest) -> list[str]:
    """The cards that a request names, as in gres=gpu:v100:2 or constraint=v100; none where any will do."""
    typed = [part.split(":")[1] for part in job.option("gres").split(",") if part.count(":") == 2]
    features = re.split(r"[^\w-]+", job.option("constraint"))
    return typed or [feature for feature in features if capability_of(feature)]
