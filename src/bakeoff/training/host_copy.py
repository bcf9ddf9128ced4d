"""Copies of tensors in host memory that is used again: what a training is at one moment, while it goes on."""

from collections.abc import Mapping

import torch
from torch import Tensor

Event = torch.cuda.Event


class HostCopy(dict[str, Tensor]):
    """Tensors on the CPU, by name; of tensors on a GPU they are whole when `wait` has returned."""

    copied: Event | None = None

    def wait(self) -> None:
        """Return when the copy is whole; any thread may wait, and holds up no other."""
        if self.copied is not None:
            self.copied.synchronize()


class HostMemory:
    """Makes copies, in the memory of copies that were given back: a gigabyte of new pages takes a second.

    On a GPU a copy is one stretch of work on a stream of its own, into pinned memory: the process does not
    wait for it, and the kernels that come after it only where they might change what it reads.
    """

    def __init__(self) -> None:
        self._free: list[HostCopy] = []
        self._streams: dict[torch.device, torch.cuda.Stream] = {}

    def copy(self, tensors: Mapping[str, Tensor]) -> HostCopy:
        """A copy of tensors on the CPU or on one GPU, which may change when this has returned."""
        taken = self._free.pop() if self._free else HostCopy()
        made = HostCopy({name: _like(value, taken.get(name)) for name, value in tensors.items()})
        on_gpu = {name: value for name, value in tensors.items() if value.is_cuda}
        for name, value in tensors.items():
            if name not in on_gpu:
                made[name].copy_(value)
        if on_gpu:
            made.copied = self._from_gpu(on_gpu, made)
        return made

    def give_back(self, copy: HostCopy) -> None:
        """Let later copies use the memory of one that nobody reads any more; any thread may."""
        self._free.append(copy)

    def _from_gpu(self, tensors: Mapping[str, Tensor], into: HostCopy) -> Event:
        device = next(iter(tensors.values())).device
        if device not in self._streams:
            self._streams[device] = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        stream, training = self._streams[device], torch.cuda.current_stream(device)
        stream.wait_stream(training)  # the step before has to be done
        with torch.cuda.stream(stream):
            for name, value in tensors.items():
                into[name].copy_(value, non_blocking=True)
            copied: Event = stream.record_event()
        training.wait_event(copied)  # on the GPU: the next step changes what is copied
        return copied


def _like(tensor: Tensor, memory: Tensor | None) -> Tensor:
    """Host memory for a tensor: `memory` if that has its shape and type."""
    if memory is not None and memory.shape == tensor.shape and memory.dtype == tensor.dtype:
        return memory
    return torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=tensor.is_cuda)
