"""Instance regrouping: images cut into squares that change places across the batch (seed D4:356-372)."""

import torch
from torch import Tensor


def cut(images: Tensor, side: int) -> Tensor:
    """Images (B, C, H, W) to their squares (B, N, C, side, side), row by row from the top left."""
    b, c, height, width = images.shape
    rows, columns = height // side, width // side
    squares = images.view(b, c, rows, side, columns, side).permute(0, 2, 4, 1, 3, 5)
    return squares.reshape(b, rows * columns, c, side, side)


def compose(instances: Tensor, columns: int) -> Tensor:
    """Squares (B, N, C, side, side) to images (B, C, H, W), `columns` to a row: what `cut` took apart."""
    b, n, c, side, _ = instances.shape
    rows = n // columns
    squares = instances.view(b, rows, columns, c, side, side).permute(0, 3, 1, 4, 2, 5)
    return squares.reshape(b, c, rows * side, columns * side)


def regroup(instances: Tensor, order: Tensor) -> Tensor:
    """Deal the instances (B, N, ...) of a batch out anew: place i gets instance order[i], int64 (B N,)."""
    return instances.flatten(0, 1)[order].view_as(instances)


def draw_order(instances: Tensor) -> Tensor:
    """A random order of all instances (B, N, ...) of a batch, int64 (B N,), drawn where they are.

    Drawn elsewhere it would have to be copied in every step, and a GPU's queue runs empty meanwhile.
    """
    return torch.randperm(instances.shape[0] * instances.shape[1], device=instances.device)


def instance_labels(labels: Tensor, classes: int, count: int) -> Tensor:
    """Soft labels of `count` instances per image, (B, count, classes): 1 / count of the image's class.

    The paper weighs an instance by the part of it that a pixel mask marks. Where there are no masks, as
    with NIH's images, every instance carries the same part of its image's label instead.
    """
    one_hot = torch.nn.functional.one_hot(labels, classes).float()
    return (one_hot / count).unsqueeze(1).expand(-1, count, -1)


def bag_labels(labels: Tensor) -> Tensor:
    """What an image is made of: (B, N, classes) -> (B, 1 + classes), the sum first, then by class."""
    by_class = labels.sum(dim=1)
    return torch.cat([by_class.sum(dim=1, keepdim=True), by_class], dim=1)
