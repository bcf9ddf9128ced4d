"""The zoo's tests run on one thread: several, on a busy machine, wait for each other more than they work."""

import torch

torch.set_num_threads(1)
