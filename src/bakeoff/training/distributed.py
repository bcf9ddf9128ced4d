"""Several processes that train one run: each takes its share of every batch, one of them writes.

The batch stays the same in the mathematical sense. A process weighs its mean loss by its share of
the images, so that the gradient that DistributedDataParallel averages is the gradient of the whole
batch. The images and random numbers of each process are a function of the whole batch.
"""

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, nn

from bakeoff.config.schema import Image
from bakeoff.errors import TrainingError
from bakeoff.files import write_json
from bakeoff.training.batch_norm import (
    has_batch_norm,
    require_independent,
    standing_in,
    synchronised,
)
from bakeoff.training.gathered import Gathered

AHEAD = 32
"""Batches that are launched on a GPU before one is waited for: it never idles, and an error is not far."""

TIMEOUT = timedelta(minutes=10)  # for all processes to start, and for an answer of each
IMAGES_TO_TRY = (
    3  # where a layer ends in one pixel, one has no variance, and of two only signs are left
)


@dataclass(frozen=True)
class World:
    """One process among those that train the run: `rank` of `size`, `local_rank` on its node."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0

    @classmethod
    def from_environment(cls) -> "World":
        """Read torchrun's variables, else those of srun; one process where there are neither."""
        for rank, size, local in (
            ("RANK", "WORLD_SIZE", "LOCAL_RANK"),
            ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID"),
        ):
            if rank in os.environ and size in os.environ:
                values = (os.environ[key] for key in (rank, size, local) if key in os.environ)
                return cls(*map(int, values))
        return cls()

    @property
    def writes(self) -> bool:
        """Whether this process prints, saves and journals."""
        return self.rank == 0

    def device(self, device: torch.device) -> torch.device:
        """The GPU of this process: by its local rank, among those that it sees."""
        if device.type != "cuda" or self.size == 1:
            return device
        chosen = torch.device("cuda", self.local_rank % torch.cuda.device_count())
        torch.cuda.set_device(chosen)
        return chosen

    @contextmanager
    def joined(self, folder: Path, device: torch.device) -> Iterator[None]:
        """Hold the process group; the first process writes its address into `folder` for the others.

        NCCL between GPUs, gloo between CPUs. Raises TrainingError when the others do not start.
        """
        if self.size == 1:
            yield
            return
        address = self._rendezvous(folder)
        dist.init_process_group(
            "nccl" if device.type == "cuda" else "gloo",
            init_method=f"tcp://{address}",
            rank=self.rank,
            world_size=self.size,
            timeout=TIMEOUT,
        )
        try:
            yield
        finally:
            dist.destroy_process_group()

    def share(self, rows: int) -> slice:
        """The positions in a batch of `rows` that are this process's: every size-th one."""
        return slice(self.rank, rows, self.size)

    def parallel(self, module: nn.Module, device: torch.device) -> nn.Module:
        """`module` with its gradients averaged over all processes after each backward pass."""
        if self.size == 1:
            return module
        ids = [device.index] if device.type == "cuda" else None
        return nn.parallel.DistributedDataParallel(module, device_ids=ids)

    def synchronise_batch_norm(
        self, model: nn.Module, device: torch.device, image: Image
    ) -> nn.Module:
        """Let batch normalisation see the whole batch.

        Raises TrainingError where torch cannot, and for a model that would compute something else than in one
        process: it is tried on random images of the size and colours of `image`.
        """
        if self.size == 1:
            return model
        shared = has_batch_norm(model)
        if shared and device.type != "cuda":
            raise TrainingError(
                f"{self.size} processes on CPUs cannot share a batch normalisation: torch does it "
                "on GPUs only. Ask for resources.gpu, or for one process (tasks: 1, nodes: 1)."
            )
        shape = (IMAGES_TO_TRY, image.channels, image.size, image.size)
        images = torch.rand(shape, generator=torch.Generator().manual_seed(0))
        require_independent(model, images)
        return synchronised(model, images) if shared else model

    def counting(self, module: nn.Module, images: int) -> AbstractContextManager[None]:
        """While a step computes: a process whose share is no image counts in no batch normalisation."""
        return nullcontext() if images else standing_in(module)

    def gather(self, loss: Tensor, scores: Tensor, rows: int, *, stop: bool) -> Gathered:
        """The outputs of a batch of `rows` images from every process, which all of them get.

        `loss` () is the mean over this process's images and `scores` theirs; `stop` whether it must.
        """
        if self.size == 1:
            return Gathered.own(loss, scores, stop=stop)
        return Gathered.reduced(loss, scores, self.share(rows), rows, stop=stop)

    def ahead(self, device: torch.device) -> int:
        """How many batches may be launched on a device before the outputs of the first are waited for."""
        return AHEAD if device.type == "cuda" else 0

    def wait(self) -> None:
        """Return when every process has called this (a barrier)."""
        if self.size > 1:
            dist.barrier()

    def _rendezvous(self, folder: Path) -> str:
        """The address of the first process, shared through a file: a free port is known only at the start."""
        if "MASTER_ADDR" in os.environ and "MASTER_PORT" in os.environ:
            return f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}"
        file = folder / "rendezvous.json"
        keys = ("SLURM_JOB_ID", "SLURM_STEP_ID", "SLURM_RESTART_COUNT")
        job = "/".join(os.environ.get(key, "-") for key in keys)
        if self.rank == 0:
            with socket.socket() as free:
                free.bind(("", 0))
                port = free.getsockname()[1]
            address = f"{socket.gethostname()}:{port}"
            write_json(file, {"job": job, "address": address})
            return address
        deadline = time.monotonic() + TIMEOUT.total_seconds()
        while time.monotonic() < deadline:
            if file.exists():
                found = json.loads(file.read_text(encoding="utf-8"))
                if found["job"] == job:
                    return str(found["address"])
            time.sleep(0.1)
        raise TrainingError(
            f"process {self.rank} of {self.size} waited {TIMEOUT} for the first one to write {file}. "
            "Is the results folder shared between the nodes?"
        )
