"""A step's kernels captured once per shape as a CUDA graph, and launched together from then on."""

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor

log = logging.getLogger(__name__)

EAGER_STEPS = 3
"""Of each shape, before it is captured: libraries choose kernels, and the optimizer makes its state."""

Work = Callable[[Sequence[Tensor]], tuple[Tensor, Tensor]]
"""From tensors on the device to the loss and the scores; it may call nothing that waits for the device."""


def own_stream(device: torch.device) -> AbstractContextManager[object]:
    """A stream of a GPU on which graphs can be captured, as the context of work; of a CPU there is none."""
    if device.type != "cuda":
        return nullcontext()
    own = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    own.wait_stream(torch.cuda.current_stream(device))  # where what it works on was made
    return torch.cuda.StreamContext(own)


@dataclass
class _Shape:
    """What is known of a step over inputs of one shape."""

    eager: int = 0  # steps that were taken kernel by kernel
    graph: torch.cuda.CUDAGraph | None = None
    inputs: tuple[Tensor, ...] = ()
    outputs: tuple[Tensor, Tensor] | None = None


class CapturedSteps:
    """Takes a step over tensors on a GPU: kernel by kernel at first, then as a graph of the same kernels.

    Every step is a step of the run: what is captured is not executed while it is. A step that cannot be
    captured goes on kernel by kernel, after a warning. The current stream must not be the default one.
    """

    def __init__(self) -> None:
        self._shapes: dict[tuple[object, ...], _Shape] = {}
        self._refused = False

    def take(
        self, work: Work, inputs: Sequence[Tensor], prepare: Callable[[], None]
    ) -> tuple[Tensor, Tensor]:
        """The outputs of `work` over the inputs; they are valid until the next step is taken.

        `prepare` is called on the host just before: it seeds the generators, whose state a graph reads.
        """
        shape = self._shapes.setdefault(tuple((i.shape, i.dtype) for i in inputs), _Shape())
        if self._refused or (shape.graph is None and shape.eager < EAGER_STEPS):
            shape.eager += 1
            prepare()
            return work(inputs)
        if shape.graph is None and not self._capture(shape, work, inputs):
            prepare()
            return work(inputs)
        for static, given in zip(shape.inputs, inputs, strict=True):
            static.copy_(given, non_blocking=True)
        prepare()
        assert shape.graph is not None and shape.outputs is not None
        shape.graph.replay()
        return shape.outputs

    def _capture(self, shape: _Shape, work: Work, inputs: Sequence[Tensor]) -> bool:
        shape.inputs = tuple(given.clone() for given in inputs)
        graph = torch.cuda.CUDAGraph()
        stream = torch.cuda.current_stream()
        try:
            # Of this thread only: another one writes checkpoints meanwhile.
            with torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
                shape.outputs = work(shape.inputs)
        except RuntimeError as error:  # what a capture forbids, torch reports as that
            self._refused = True
            log.warning(
                "A step of this model is launched kernel by kernel: it cannot be a CUDA graph (%s).",
                str(error).partition("\n")[0],
            )
            return False
        shape.graph = graph
        return True
