"""The logit lens: after the last block it reads the model's own score, of our models and of timm's."""

from collections.abc import Callable

import pytest
import timm
import torch
from torch import nn

from bakeoff.models.registry import Task, build
from bakeoff.models.vision_transformer import VisionTransformer
from bakeoff.pictures.logit_lens import draw_logit_lens, logit_lens
from bakeoff.task.losses import loss_of
from bakeoff.task.multiclass import MulticlassTask
from tests.pictures.conftest import BINARY, LOSSES, TRANSFORMER, VIT, built, subject_of

IMAGES = torch.rand(2, 1, 32, 32, generator=torch.Generator().manual_seed(1))
LOSS = LOSSES["cross_entropy"]


def timms(**options: str) -> nn.Module:
    torch.manual_seed(0)
    model = timm.create_model(
        "vit_tiny_patch16_224", img_size=32, patch_size=8, in_chans=1, num_classes=2, **options
    )
    return model.eval()


MODELS: dict[str, Callable[[], nn.Module]] = {
    "vit": lambda: built("vit_b16", **VIT),
    "vpt": lambda: built("vpt_deep", **{k: v for k, v in VIT.items() if k != "patch"}),
    "si_vit": lambda: built("si_vit", instance=16, **VIT),
    "timm": timms,
    "conv": lambda: built("conv", size=80),
    "transformer": lambda: built("transformer", **TRANSFORMER),
    "no class token": lambda: timms(global_pool="avg", class_token=""),
}


@pytest.mark.parametrize(
    ("name", "blocks", "grid"),
    [("vit", 3, (4, 4)), ("vpt", 3, (2, 2)), ("si_vit", 3, (4, 4)), ("timm", 12, (4, 4))],
)
def test_its_last_score_is_the_models(name: str, blocks: int, grid: tuple[int, int]) -> None:
    model = MODELS[name]()
    found = logit_lens(model, IMAGES, BINARY, LOSS)
    assert found is not None
    assert found.similarity.shape == (blocks + 1, 2, *grid)
    with torch.no_grad():
        torch.testing.assert_close(found.scores[-1], LOSS.scores(model(IMAGES)))
    assert (found.scores[0] - found.scores[-1]).abs().min() > 1e-6
    assert not any(module._forward_hooks for module in model.modules()), "nothing stays behind"


def test_a_model_that_ignores_the_loss_is_read_by_its_own() -> None:
    model = MODELS["si_vit"]()
    found, other = (
        logit_lens(model, IMAGES, BINARY, LOSSES[name]) for name in ("cross_entropy", "bce")
    )
    assert found is not None and other is not None
    assert torch.equal(found.scores, other.scores)


@pytest.mark.parametrize("name", ["vit_b16", "si_vit"])
def test_of_several_classes_it_reads_the_score_of_each(name: str) -> None:
    task = MulticlassTask(("pizza", "steak", "sushi"))
    loss = loss_of(task, "nll")
    options = {**VIT, "instance": 16} if name == "si_vit" else VIT
    torch.manual_seed(0)
    model = build(name, Task(1, 32, 3, task.vocabulary, scored="exclusive"), options).eval()
    found = logit_lens(model, IMAGES, task, loss)
    assert found is not None and found.scores.shape == (4, 2, 3)
    with torch.no_grad():
        torch.testing.assert_close(found.scores[-1], loss.scores(model(IMAGES)))


def test_between_the_blocks_it_sees_what_the_vit_says_of_itself() -> None:
    model = built("vit_b16", **VIT)
    assert isinstance(model, VisionTransformer)
    found = logit_lens(model, IMAGES, BINARY, LOSS)
    assert found is not None
    for z, verdict, similarity in zip(
        model.walk(IMAGES), found.scores, found.similarity, strict=True
    ):
        torch.testing.assert_close(verdict, LOSS.scores(model.head(model.norm(z)[:, 0])))
        x, e = z[:, 0], z[:, 1:]
        cosine = (e @ x[:, :, None])[..., 0] / (e.norm(dim=-1) * x.norm(dim=-1, keepdim=True))
        torch.testing.assert_close(similarity.flatten(1), cosine)


@pytest.mark.parametrize("name", ["conv", "transformer", "no class token"])
def test_a_model_whose_head_reads_no_class_token_has_none(name: str) -> None:
    size = 80 if name == "conv" else 32
    images = torch.rand(1, 1, size, size)
    assert logit_lens(MODELS[name](), images, BINARY, LOSS) is None


@pytest.mark.parametrize(("depth", "maps"), [(3, 4), (31, 11)])
def test_a_deep_model_shows_some_of_its_maps_and_every_score(depth: int, maps: int) -> None:
    picture = draw_logit_lens(subject_of(built("vit_b16", **{**VIT, "depth": depth})))
    assert picture is not None
    assert f"each of {depth} blocks" in picture.caption
    assert ("One block in 3" in picture.caption) == (depth == 31)
    for row in range(4):
        _, mosaic, line = picture.figure.axes[3 * row : 3 * row + 3]
        labels = [label.get_text() for label in mosaic.get_xticklabels()]
        assert len(labels) == maps and labels[-1] == str(depth)
        assert len(line.lines[0].get_ydata()) == depth + 1
