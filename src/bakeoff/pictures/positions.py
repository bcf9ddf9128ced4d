"""The similarities of a model's position embeddings, which show neighbourhood (seed D3:348-372)."""

import torch.nn.functional as F
from torch import Tensor, nn

from bakeoff.models.transformer import FindingsTransformer, sinusoids
from bakeoff.models.vision_transformer import Embedding
from bakeoff.pictures.drawing import Picture, label_mosaic, mosaic
from bakeoff.pictures.tokens import timm_vit
from bakeoff.plotting import new_figure, style

MOST_CELLS = 16


def positions_of(model: nn.Module) -> tuple[Tensor, tuple[int, int]] | None:
    """The patches' position embeddings (N, D) and their grid; None for a model that has none."""
    for module in model.modules():
        if isinstance(module, Embedding):
            rows, columns = module.grid
            return module.positions.detach()[0, -rows * columns :], (rows, columns)
        if isinstance(module, FindingsTransformer):
            rows, columns = module.grid
            return sinusoids(rows * columns, module.token.embedding_dim), (rows, columns)
        if isinstance(module, timm_vit()) and module.pos_embed is not None:
            rows, columns = module.patch_embed.grid_size
            return module.pos_embed.detach()[0, -rows * columns :], (int(rows), int(columns))
    return None


def similarities(positions: Tensor, grid: tuple[int, int]) -> Tensor:
    """Cosine similarity of every position to every other: (N, D) -> (rows, columns, rows, columns)."""
    unit = F.normalize(positions.float(), dim=1)
    return (unit @ unit.T).reshape(*grid, *grid)


def draw_positions(model: nn.Module) -> Picture | None:
    """A mosaic on the patch grid: each cell is one position's similarity to all; None without any."""
    found = positions_of(model)
    if found is None:
        return None
    positions, grid = found
    maps = similarities(positions, grid).cpu().numpy()
    step = max(1, -(-max(grid) // MOST_CELLS))  # a cell must stay large enough to be seen
    shown = maps[::step, ::step]
    with style():
        figure = new_figure(5.2, 4.8)
        axes = figure.subplots()
        drawn = axes.imshow(mosaic(shown), cmap="viridis", vmin=-1, vmax=1, interpolation="none")
        label_mosaic(axes, shown, "row of the patch", "column of the patch", step)
        figure.colorbar(drawn, ax=axes, shrink=0.7, label="cosine similarity")
    which = {1: "", 2: " Every second position in each direction is shown."}
    every = which.get(step, f" Every {step}th position in each direction is shown.")
    return Picture(
        kind="position-similarity",
        file="position-similarity.png",
        title="Similarity of position embeddings",
        caption="Each cell belongs to one patch and shows how similar its position embedding is to that "
        f"of every patch. A bright spot at its own place means that neighbours are told by it.{every}",
        figure=figure,
    )
