"""How a run computes: the precision of its products, the layout of its images, whether it is compiled."""

import platform
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from bakeoff.config.schema.training import MEASURED, Layout, Precision, Training


@dataclass(frozen=True)
class Numerics:
    """One way to compute; the defaults are plain torch in IEEE single precision.

    precision: "fp32" is exact; "tf32" rounds the factors of products on a GPU to 10 bits of mantissa, sums
    stay in fp32; "bf16" computes by autocast (weights, optimizer and losses stay in fp32).
    """

    precision: Precision = "fp32"
    layout: Layout = "contiguous"
    compiled: bool = False

    @classmethod
    def of(cls, training: Training, device: torch.device) -> "Numerics | None":
        """What the configuration says, on that device; None where a key is `auto`."""
        if "auto" in [getattr(training, key) for key in MEASURED]:
            return None
        return cls.named(training.precision, training.layout, training.compile is True, device)

    @classmethod
    def named(cls, precision: str, layout: str, compiled: bool, device: torch.device) -> "Numerics":
        """The same with what the device has: TF32 is a mode of GPUs, elsewhere fp32 is exact."""
        if precision == "tf32" and device.type != "cuda":
            precision = "fp32"
        return cls(cast(Precision, precision), cast(Layout, layout), compiled)

    @classmethod
    def recorded(cls, record: Mapping[str, Any], device: torch.device) -> "Numerics":
        """As it stands in run.json, on that device; runs of earlier versions have nothing there: defaults."""
        values = asdict(cls()) | {key: record[key] for key in asdict(cls()) if key in record}
        return cls.named(values["precision"], values["layout"], values["compiled"], device)

    def record(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)

    def set_products(self) -> None:
        """Allow TF32 to the products of this process, or forbid it; torch allows it to convolutions."""
        torch.backends.cuda.matmul.allow_tf32 = self.precision == "tf32"
        torch.backends.cudnn.allow_tf32 = self.precision == "tf32"

    def prepare(self, model: nn.Module) -> None:
        """Give the weights of a model, in place, the layout of the images."""
        if self.layout == "channels_last":
            model.to(memory_format=torch.channels_last)

    def lay_out(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W) in the layout."""
        if self.layout == "channels_last":
            return images.contiguous(memory_format=torch.channels_last)
        return images

    def computing(self, device: torch.device) -> AbstractContextManager[object]:
        """The context of a forward pass."""
        if self.precision != "bf16":
            return nullcontext()
        # Without its cache: a CUDA graph would keep casts of weights that have changed since.
        return torch.autocast(device.type, torch.bfloat16, cache_enabled=False)

    def slowness(self, device: torch.device) -> str:
        """Why this is slow on that device, and what to do; empty where it is not known to be."""
        if self.precision != "bf16" or device.type != "cpu" or platform.machine() != "x86_64":
            return ""
        if torch.backends.cpu.get_cpu_capability().startswith("AVX512"):
            return ""
        return (
            "training.precision: bf16 on a processor without AVX-512, which has to emulate it: a step can "
            "take several times as long as in fp32. Set training.precision: fp32, or auto, which is measured"
        )

    def describe(self) -> str:
        """In a few words."""
        return ", ".join([self.precision, self.layout] + ["compiled"] * self.compiled)
