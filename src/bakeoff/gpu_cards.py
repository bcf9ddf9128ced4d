"""Which GPUs a build of torch has kernels for: their compute capability against what it was built for."""

import re
from collections.abc import Iterable, Sequence

NEWER_AND_OLDER = "`make setup CUDA=12` installs a torch that has kernels from V100 (7.0) on"
OLDER_DRIVER = "`make setup CUDA=12` installs a torch for drivers from 525 on"
EARLIEST = (7, 0)  # of requirements-cuda12.lock
# By the words of gres types, as sites name their cards.
CAPABILITIES = {
    "k40": (3, 5), "k80": (3, 7), "m40": (5, 2), "m60": (5, 2), "p100": (6, 0), "p40": (6, 1),
    "p4": (6, 1), "1080ti": (6, 1), "v100": (7, 0), "v100s": (7, 0), "t4": (7, 5), "rtx8000": (7, 5),
    "2080ti": (7, 5), "a100": (8, 0), "a30": (8, 0), "a10": (8, 6), "a40": (8, 6), "a5000": (8, 6),
    "a6000": (8, 6), "3090": (8, 6), "l4": (8, 9), "l40": (8, 9), "l40s": (8, 9), "4090": (8, 9),
    "h100": (9, 0), "h200": (9, 0), "gh200": (9, 0), "b200": (10, 0), "gb200": (10, 0),
}  # fmt: skip


def has_kernels(capability: tuple[int, int], built_for: Iterable[str]) -> bool:
    """Whether a card of that compute capability runs what torch.cuda.get_arch_list() names.

    `sm_86` is machine code: for the same major version and this minor one or a later. `compute_90` is PTX,
    which the driver translates for any later card. With an `a` either is for this very card, with an `f`
    machine code is as without.

    >>> has_kernels((8, 9), ["sm_75", "sm_86"]), has_kernels((7, 0), ["sm_75", "sm_80"])
    (True, False)
    >>> has_kernels((12, 1), ["compute_90"]), has_kernels((9, 0), ["sm_100", "sm_90a"])
    (True, True)
    """
    for name in built_for:
        match = re.fullmatch(r"(sm|compute)_(\d+)(\d)([af]?)", name)
        if match is None:
            continue
        kind, major, minor, only = match.groups()
        built = (int(major), int(minor))
        if only == "a":
            fits = capability == built
        elif kind == "sm":
            fits = capability[0] == built[0] and capability[1] >= built[1]
        else:
            fits = capability >= built
        if fits:
            return True
    return False


def capability_of(kind: str) -> tuple[int, int] | None:
    """The compute capability of a gres type; None where its name says nothing.

    >>> capability_of("v100"), capability_of("nvidia_a100_80gb_pcie"), capability_of("gpu")
    ((7, 0), (8, 0), None)
    """
    words = re.split(r"[^a-z0-9]+", kind.lower())
    return next((CAPABILITIES[word] for word in words if word in CAPABILITIES), None)


def without_kernels(kinds: Iterable[str], built_for: Sequence[str]) -> list[str]:
    """Those gres types that are known to be cards that torch was not built for."""
    known = {kind: capability_of(kind) for kind in kinds}
    return [kind for kind, found in known.items() if found and not has_kernels(found, built_for)]


def way_out(capability: tuple[int, int], torch: str, cuda: str | None) -> str:
    """What to do about a card for which torch, of version `torch` for CUDA `cuda`, has no kernels."""
    if capability >= EARLIEST and int((cuda or "0").partition(".")[0]) > 12:
        return NEWER_AND_OLDER
    newer = "a newer torch" if capability > (9, 0) else "an older torch"
    return f"ask for another card (resources.gpu_model), or install {newer} than {torch}"
