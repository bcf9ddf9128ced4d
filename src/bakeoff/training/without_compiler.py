"""Optimizers without torch's compiler, which their methods import though nothing is compiled.

That takes as long as the import of all the rest of torch. What is computed is the same.
"""

import inspect

import torch
from torch.optim import Optimizer

METHODS = ("add_param_group", "zero_grad", "state_dict", "load_state_dict")


def spare_the_compiler() -> None:
    """Let optimizers be made, and asked for their state, without the compiler.

    Torch keeps these methods out of what it compiles, which they never are here, so they may be themselves.
    """
    for name in METHODS:
        method = getattr(getattr(Optimizer, name), "__wrapped__", None)
        if method is not None and not hasattr(method, "__dynamo_disable"):
            setattr(method, "__dynamo_disable", method)


def take_step(optimizer: Optimizer) -> None:
    """The optimizer's step, without what torch lays around it for the compiler, profiler and hooks."""
    with torch.no_grad():
        inspect.unwrap(type(optimizer).step)(optimizer)
