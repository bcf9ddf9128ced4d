"""Masking of patches: BERT's 15 % and 80/10/10 (arXiv 1810.04805, section 3.1).

Of the chosen patches, 80 % become the mask token, 10 % another patch, and 10 % stay as they are, so
that the model cannot know which ones it has to predict.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

BY_MASK, BY_OTHER = 0.8, 0.1


@dataclass(frozen=True)
class Corruption:
    """The corruption of each patch of a batch, all (B, N)."""

    chosen: Tensor  # bool: the loss is over these
    by_mask: Tensor  # bool: replaced by the mask token
    by_other: Tensor  # bool: replaced by the patch `other` points to
    other: Tensor  # int64: a patch of the batch, 0 .. B N - 1

    def apply(self, patches: Tensor, mask_token: Tensor) -> Tensor:
        """Embedded patches (B, N, D) as the encoder gets them; mask_token (D,)."""
        others = patches.flatten(0, 1)[self.other]  # (B, N, D)
        corrupted = torch.where(self.by_other[..., None], others, patches)
        return torch.where(self.by_mask[..., None], mask_token.to(patches.dtype), corrupted)


def draw(images: int, patches: int, share: float, device: torch.device) -> Corruption:
    """Choose the same number of patches in each image, at least one, by torch's own generator."""
    count = max(1, round(share * patches))
    shape = (images, patches)
    rank = torch.rand(shape, device=device).argsort(dim=1).argsort(dim=1)
    chosen = rank < count
    kind = torch.rand(shape, device=device)
    return Corruption(
        chosen=chosen,
        by_mask=chosen & (kind < BY_MASK),
        by_other=chosen & (kind >= BY_MASK) & (kind < BY_MASK + BY_OTHER),
        other=torch.randint(images * patches, shape, device=device),
    )
