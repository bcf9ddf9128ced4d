"""Weights are built and loaded on one thread: several wait for each other more than they work."""

import torch

torch.set_num_threads(1)
