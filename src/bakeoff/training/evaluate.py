"""One pass over a split in evaluation mode, without gradients."""

import numpy as np
import torch
from numpy.typing import NDArray

from bakeoff.config.schema import Image
from bakeoff.pace import Pace
from bakeoff.training.distributed import World
from bakeoff.training.images import SplitImages, batches
from bakeoff.training.objective import Objective
from bakeoff.training.outputs import EpochOutputs, Launched
from bakeoff.training.scaling import normalise

EVALUATION_BATCH = 64


@torch.no_grad()
def evaluate(
    objective: Objective,
    images: SplitImages,
    image: Image,
    world: World | None = None,
    progress: Pace | None = None,
    *,
    timed: bool = False,
) -> EpochOutputs:
    """The outputs of a split in evaluation mode, in its order; `progress` is called after each batch.

    Where batches are `timed`, their outputs are there by then; else a GPU may be many batches behind.
    """
    world = world or World()
    objective.eval()
    outputs = EpochOutputs()
    ahead = 0 if timed else world.ahead(images.device)
    for rows in batches(torch.arange(len(images)), EVALUATION_BATCH):
        mine = rows[world.share(len(rows))]
        # A process without a share (of a small last batch) computes one image that nobody sees.
        pixels, targets = images.batch(mine if len(mine) else rows[:1])
        loss, scores = objective(normalise(pixels, image), targets)
        gathered = world.gather(loss, scores[: len(mine)], len(rows), stop=False)
        outputs.expect(Launched(gathered, images.labels_of(rows)), ahead)
        if progress is not None:
            progress(int(rows[-1]) + 1, len(images))
    outputs.settle()
    return outputs


def scores_of(outputs: EpochOutputs) -> NDArray[np.float32]:
    """The scores of every image, float32 (N,) or (N, K)."""
    return torch.cat(outputs.scores).numpy()
