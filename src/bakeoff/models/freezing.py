"""Freezing: what does not train gets no gradient, and stays as it is in evaluation."""

from typing import Self

from torch import nn


class StillWhereFrozen(nn.Module):
    """A module whose frozen parts stay in evaluation mode while the rest trains.

    A frozen layer that still drops units, or still moves its running statistics, is not frozen.
    """

    def train(self, mode: bool = True) -> Self:
        """Training mode for the parts that train; evaluation mode for those of which nothing does."""
        super().train(mode)
        for module in self.modules():
            parameters = list(module.parameters())
            if parameters and not any(parameter.requires_grad for parameter in parameters):
                module.train(False)
        return self

    def freeze_except(self, *parts: nn.Module | nn.Parameter) -> None:
        """Train the weights of `parts` and no others."""
        self.requires_grad_(False)
        for part in parts:
            part.requires_grad_(True)
        self.train(self.training)
