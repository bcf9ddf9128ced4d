"""What a forward pass keeps for its backward pass."""

import torch
from torch import Tensor, nn


def saved_bytes(model: nn.Module, images: Tensor) -> int:
    """Bytes that autograd keeps of a forward pass, beside the weights and the images; shared ones once."""
    own = [*model.parameters(), *model.buffers(), images]
    known = {tensor.untyped_storage().data_ptr() for tensor in own}
    kept: list[Tensor] = []  # held, so that no address is given away twice

    def keep(tensor: Tensor) -> Tensor:
        kept.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        model(images)
    storages = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage() for tensor in kept}
    return sum(one.nbytes() for address, one in storages.items() if address not in known)
