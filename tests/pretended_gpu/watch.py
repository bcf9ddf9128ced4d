"""Tensors on a GPU that is not there: fakes of torch's, with what would hold a real one up counted.

On the CPU everything is computed as ever. What is on `cuda` has a shape, a dtype and a device and no values:
where the host reads one, it is told something and the read is counted, with the line of bakeoff that asked.
"""

import ctypes
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

NOT_DETERMINISTIC = (
    *(
        f"{pool}_backward"
        for pool in ("avg_pool3d", "_adaptive_avg_pool2d", "_adaptive_avg_pool3d")
    ),
    *(f"{pool}_backward" for pool in ("adaptive_max_pool2d", "fractional_max_pool2d")),
    *("fractional_max_pool3d_backward", "max_unpool2d", "max_unpool3d"),
    *(f"upsample_{how}_backward" for how in ("linear1d", "bilinear2d", "bicubic2d", "trilinear3d")),
    *(f"_upsample_{how}_aa_backward" for how in ("bilinear2d", "bicubic2d")),
    *(f"reflection_pad{dimensions}d_backward" for dimensions in (1, 2, 3)),
    *("grid_sampler_2d_backward", "grid_sampler_3d_backward"),
    *("nll_loss2d_forward", "nll_loss2d_backward", "_ctc_loss_backward"),
    *("put_", "histc", "median.dim", "scatter_reduce", "scatter_reduce_"),
)
"""Operators that torch refuses on CUDA in deterministic mode (`torch.use_deterministic_algorithms`)."""

FUSED = ("_fused_adam_", "_fused_adamw_", "_fused_sgd_")

SOME = 0.3
"""Of a mask, what is taken to be true: nobody knows of a fake."""


class Watch(TorchDispatchMode):
    """While it is entered, `cuda` is pretended; `counted` has what was seen since it was last cleared.

    Its keys are words and places: "read", "copy in", "copy out", "mask" and "wait" hold the host up,
    "not deterministic" is what torch would refuse. What mixes devices is torch's own error.
    """

    def __init__(self) -> None:
        super().__init__()
        self.fake = FakeTensorMode(allow_non_fake_inputs=True)
        self.counted: Counter[tuple[str, str]] = Counter()
        self._waits = ctypes.c_int.in_dll(ctypes.CDLL(None), "waits")

    def __enter__(self) -> "Watch":
        # Of `torch.tensor(..., device="cuda")` the copy would otherwise be made where nobody sees it.
        torch._C._set_only_lift_cpu_tensors(True)
        torch.__future__.set_overwrite_module_params_on_conversion(True)
        return super().__enter__()

    def __exit__(self, *raised: Any) -> None:
        torch._C._set_only_lift_cpu_tensors(False)
        torch.__future__.set_overwrite_module_params_on_conversion(False)
        super().__exit__(*raised)

    @contextmanager
    def counting(self) -> Iterator[Counter[str]]:
        """What holds the host up in here, by kind and place, is in the counter afterwards."""
        self.counted.clear()
        self._waits.value = 0
        found: Counter[str] = Counter()
        yield found
        found.update({f"{kind} {place}".strip(): n for (kind, place), n in self.counted.items()})
        if self._waits.value:
            found["wait"] = self._waits.value

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        device = kwargs.get("device")
        if not any(map(_is_fake, tensors)) and torch.device(device or "cpu").type == "cpu":
            return func(*args, **kwargs)
        name = func.overloadpacket.__name__
        if name in NOT_DETERMINISTIC or f"{name}.{func._overloadname}" in NOT_DETERMINISTIC:
            self._count("not deterministic", name)
        if name == "_local_scalar_dense":
            return self._read(tensors[0])
        if name in ("nonzero", "masked_select"):
            return self._masked(func, args)
        if name in ("_to_copy", "copy_"):
            return self._copied(func, args, kwargs)
        if name in FUSED:
            return self._fused(tensors)
        if name in ("index", "index_put", "index_put_", "_index_put_impl_", "_unsafe_index_put"):
            args = self._indexed(args)
        return self._faked(func, args, kwargs)

    def _faked(self, func: Any, args: Any, kwargs: Any) -> Any:
        """What torch says of shapes and devices; whatever is real becomes a fake before."""
        args, kwargs = tree_map(
            lambda x: self.fake.from_tensor(x) if isinstance(x, Tensor) and not _is_fake(x) else x,
            (args, kwargs),
        )
        with self.fake:
            return func(*args, **kwargs)

    def _read(self, tensor: Tensor) -> Any:
        if tensor.device.type == "cuda":
            self._count("read")
        if tensor.dtype == torch.bool:
            return True
        return 0.5 if tensor.is_floating_point() else 1

    def _masked(self, func: Any, args: Any) -> Tensor:
        mask: Tensor = args[0] if func.overloadpacket.__name__ == "nonzero" else args[1]
        if mask.device.type == "cuda":
            self._count("mask")
        some = _some(mask.numel())
        if mask is args[0]:
            return mask.new_zeros((some, mask.ndim), dtype=torch.int64)
        return args[0].new_zeros(some)

    def _copied(self, func: Any, args: Any, kwargs: Any) -> Any:
        """A copy holds the host up unless it may lag behind and what the host has of it is pinned."""
        in_place = func.overloadpacket.__name__ == "copy_"
        source = args[1] if in_place else args[0]
        given = kwargs.get("device")
        target = args[0].device if in_place else torch.device(given or source.device)
        if source.device.type == target.type:
            return self._faked(func, args, kwargs)
        lags = args[2:3] == (True,) or kwargs.get("non_blocking", False)
        if target.type == "cuda":
            free = lags and not _is_fake(source) and source.is_pinned()
        else:  # of a copy that may lag, torch pins what comes out itself
            free = lags and (not in_place or (not _is_fake(args[0]) and args[0].is_pinned()))
        if not free:
            self._count("copy in" if target.type == "cuda" else "copy out")
        if in_place and not _is_fake(args[0]):
            return args[0]  # a real tensor, into which nobody knows what is copied
        out = self._faked(func, args, kwargs)
        return out if out.device.type == "cuda" else torch.zeros(out.shape, dtype=out.dtype)

    def _indexed(self, args: Any) -> Any:
        """Masks become as many indices; indices of the host are copied."""
        at = []
        for index in args[1]:
            if index is None or index.dtype not in (torch.bool, torch.uint8):
                if index is not None and index.device.type != args[0].device.type:
                    self._count("copy in")
                at.append(index)
            else:
                self._count("mask")
                zeros = index.new_zeros(_some(index.numel()), dtype=torch.int64)
                at.extend([zeros] * index.ndim)
        return (args[0], at, *args[2:])

    def _fused(self, tensors: list[Tensor]) -> None:
        """An optimizer's one kernel over all parameters, in place: torch has no rule of shapes for it."""
        if elsewhere := {t.device.type for t in tensors} - {"cuda"}:
            raise RuntimeError(f"a fused optimizer got tensors that are on {elsewhere}")

    def _count(self, kind: str, what: str = "") -> None:
        self.counted[kind, " ".join(filter(None, (what, _place())))] += 1


def _is_fake(tensor: Tensor) -> bool:
    return isinstance(tensor, FakeTensor)


def _some(count: int) -> int:
    return max(1, round(SOME * count))


def _place() -> str:
    """The line of bakeoff that is running; none in a backward pass."""
    for frame, line in traceback.walk_stack(None):
        _, inside, file = frame.f_code.co_filename.rpartition("/src/bakeoff/")
        if inside:
            return f"{file}:{line}"
    return ""
