"""The images of one split as a model takes them: packed uint8 on the device, labels beside them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from bakeoff.config.schema import Data
from bakeoff.data.pack import PackedImages
from bakeoff.data.tables import read_split
from bakeoff.models.registry import Targets
from bakeoff.training.scaling import channels_first
from bakeoff.training.transfer import to_device


@dataclass(frozen=True)
class SplitImages:
    """Rows of one split: `names`, `labels` int64 (N,) or (N, F), pixels uint8 (N, S, S) or (N, S, S, 3)."""

    names: list[str]
    labels: Tensor  # int64 (N,), or (N, F) where an image has several, on the device
    findings: Tensor  # float (N, V), on the device: which labels of the vocabulary each image has
    device: torch.device
    digest: str  # of names, labels and pixels
    _resident: (
        Tensor | None
    )  # uint8, as packed, on the device; None is read from the map, batch by batch
    _packed: npt.NDArray[np.uint8]  # (all, S, S) or (all, S, S, 3), a memory map
    _rows: npt.NDArray[np.int64]  # (N,) rows of the split in the map

    @classmethod
    def open(
        cls, split: Path, packed: PackedImages, data: Data, device: torch.device
    ) -> "SplitImages":
        """Read a split's table and find its images in the packed array."""
        task, column = data.classification, data.label_column
        table, known, _ = read_split(split, task)
        names = list(table[data.image_column])
        rows = np.asarray(packed.rows(names), dtype=np.int64)
        labels = torch.tensor(known, device=device)
        findings = torch.tensor(task.emitted(table, known, column), device=device)
        content = hashlib.sha256()
        identities = task.identities(table, known, column)
        for name, row, labelled in zip(names, rows, identities, strict=True):
            content.update(f"{name}\t{packed.checksums[row]}\t{labelled}\n".encode())
        return cls(names, labels, findings, device, content.hexdigest(), None, packed.images, rows)

    @classmethod
    def unlabelled(
        cls, names: Sequence[str], packed: PackedImages, device: torch.device
    ) -> "SplitImages":
        """The named images of a pack; every label is 0 and means nothing."""
        rows = np.asarray(packed.rows(names), dtype=np.int64)
        content = hashlib.sha256("\n".join(packed.checksums[row] for row in rows).encode())
        return cls(
            names=list(names),
            labels=torch.zeros(len(rows), dtype=torch.int64, device=device),
            findings=torch.zeros(len(rows), 0, device=device),
            device=device,
            digest=content.hexdigest(),
            _resident=None,
            _packed=packed.images,
            _rows=rows,
        )

    @property
    def side(self) -> int:
        """S, pixels per side as packed."""
        return int(self._packed.shape[1])

    def __len__(self) -> int:
        return len(self.names)

    @property
    def packed_bytes(self) -> int:
        """Bytes that the pixels are, as packed."""
        return len(self) * int(self._packed[0].nbytes)

    @property
    def resident_bytes(self) -> int:
        """Bytes of pixels that are on the device."""
        return 0 if self._resident is None else self._resident.nbytes

    def resident(self) -> "SplitImages":
        """The same with its pixels on the device, for those that are seen again and again."""
        pixels = torch.from_numpy(self._packed[self._rows]).to(self.device)
        return replace(self, _resident=pixels)

    def batch(self, rows: Tensor) -> tuple[Tensor, Targets]:
        """Images uint8 (B, 1 or 3, S, S) and targets on the device; rows int64 (B,) on the CPU."""
        at = to_device(rows, self.device)
        labels, findings = self.labels.index_select(0, at), self.findings.index_select(0, at)
        targets = Targets(labels, findings, self._most_findings)
        if self._resident is not None:
            return channels_first(self._resident.index_select(0, at)), targets
        pixels = torch.from_numpy(self._packed[self._rows[rows.numpy()]])
        return channels_first(to_device(pixels, self.device)), targets

    def labels_of(self, rows: Tensor) -> Tensor:
        """The labels of rows int64 (B,), on the CPU: int64 (B,) or (B, F)."""
        return self._labels_here.index_select(0, rows)

    @cached_property
    def _most_findings(self) -> int:
        """Of any image of the split."""
        return int(self.findings.sum(dim=1).max()) if self.findings.numel() else 0

    @cached_property
    def _labels_here(self) -> Tensor:
        return self.labels.cpu()


def batches(order: Tensor, batch_size: int) -> Sequence[Tensor]:
    """Cut an epoch's order into batches; a last batch of one joins the one before.

    Batch normalisation has no variance over a single image.
    """
    parts = list(torch.split(order, batch_size))
    if len(parts) > 1 and batch_size > 1 and len(parts[-1]) == 1:
        parts[-2:] = [torch.cat(parts[-2:])]
    return parts
