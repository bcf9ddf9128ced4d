"""Batch normalisation over several processes: the same model, by the statistics of the same images."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from timm.layers import norm_act
from torch import Tensor, nn

from bakeoff.config.schema import Image
from bakeoff.errors import TrainingError
from bakeoff.models.catalogue import entries
from bakeoff.models.registry import Task, build
from bakeoff.training.batch_norm import synchronised
from bakeoff.training.distributed import World
from tests.models.computed import FAMILIES, cases

IMAGES = torch.rand(3, 1, 64, 64, generator=torch.Generator().manual_seed(0))
PROCESSES = 3
# The smallest with batch normalisation of each of timm's modules that has any and takes 64 pixels.
FAMILIES_OF_TIMM = """
    cpubone_nano cs3darknet_focus_s cspnext_tiny densenet121 dla46x_c dpn48b efficientformerv2_s0
    efficientvim_m1 efficientvit_b0 efficientvit_m0 ese_vovnet19b_slim_dw fasternet_t0 fastvit_t8
    ghostnet_050 hardcorenas_b hgnetv2_b0 hrnet_w18_small iformer_t inception_next_atto lcnetv2_small
    legacy_seresnet18 levit_128s lowformer_b0 mobilenetv3_small_050 mobilevit_xxs regnetx_002
    repghostnet_050 repvit_m1 resnest14d resnetv2_18 rexnet_100 selecsls42 skresnet18 starnet_s050
    swiftformer_xs test_byobnet test_coatnet test_efficientnet test_resnet visformer_tiny
""".split()  # noqa: SIM905


def built(name: str, size: int = 64) -> nn.Module:
    torch.manual_seed(0)
    return build(name, Task(channels=1, size=size, outputs=2), {})


def shared(model: nn.Module, size: int = 64) -> nn.Module:
    """The model of a run as one of two processes with GPUs makes it, before it is on its own."""
    return World(0, 2).synchronise_batch_norm(model, torch.device("cuda"), Image(size=size))


@pytest.mark.parametrize("name", ["test_efficientnet", "test_resnet", "test_byobnet"])
def test_a_timm_model_of_several_processes_gives_the_logits_of_one(name: str) -> None:
    """torch's own conversion loses the activations of timm's BatchNormAct2d, in silence."""
    one = built(f"timm/{name}").eval()
    before = {key: value.clone() for key, value in one.state_dict().items()}
    expected = one(IMAGES)
    several = shared(built(f"timm/{name}"))
    assert any(isinstance(module, nn.SyncBatchNorm) for module in several.modules())
    assert all(module.training for module in several.modules())
    assert dict.fromkeys(before, True) == {
        key: torch.equal(value, before[key]) for key, value in several.state_dict().items()
    }
    assert torch.equal(several.eval()(IMAGES), expected)


def test_a_conversion_that_makes_another_network_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    torchs = nn.SyncBatchNorm.convert_sync_batchnorm
    monkeypatch.setattr(norm_act, "convert_sync_batchnorm", torchs)
    with pytest.raises(TrainingError, match=r"gives other logits in evaluation.* in one process"):
        shared(built("timm/test_efficientnet"))
    monkeypatch.setattr(norm_act, "convert_sync_batchnorm", lambda model: model)
    with pytest.raises(TrainingError, match=r"normalisation 'network\.conv1\.1' is left as it is"):
        shared(built("timm/test_resnet"))


def test_a_layer_that_is_lost_behind_a_scale_of_zero_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Residual branches often begin with one: the logits of a fresh model do not depend on them."""

    class Branch(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm, self.scale = norm_act.BatchNormAct2d(1), nn.Parameter(torch.zeros(1))

        def forward(self, images: Tensor) -> Tensor:
            return (images + self.scale * self.norm(images - 0.5)).mean(dim=(2, 3))

    model = Branch()
    torchs = nn.SyncBatchNorm.convert_sync_batchnorm
    monkeypatch.setattr(norm_act, "convert_sync_batchnorm", torchs)
    with pytest.raises(TrainingError, match="gives other logits"):
        synchronised(model, IMAGES)
    assert model.scale.item() == 0


def test_a_batch_normalisation_of_a_kind_of_its_own_is_refused() -> None:
    class Doubled(nn.BatchNorm2d):
        def forward(self, input: Tensor) -> Tensor:
            return 2 * super().forward(input)

    model = nn.Sequential(nn.Conv2d(1, 2, 3), Doubled(2), nn.Flatten(), nn.LazyLinear(2))
    model(IMAGES)
    with pytest.raises(TrainingError, match="normalisation '1' is a Doubled, which several"):
        shared(model)


def test_a_layer_that_mixes_the_images_of_a_process_is_refused() -> None:
    class Mixing(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return images - images.mean(dim=0) if self.training else images

    model = nn.Sequential(nn.Conv2d(1, 2, 3), Mixing(), nn.Flatten(), nn.LazyLinear(2))
    model(IMAGES)
    with pytest.raises(TrainingError, match=r"mixes the images of a batch.* in one process"):
        shared(model)


@pytest.mark.parametrize("name", ["timm/test_vit", "timm/resnet10t", "poolformer_s12"])
def test_a_model_that_draws_in_training_is_none_that_mixes(name: str) -> None:
    shared(built(name))


@pytest.mark.slow(seconds=60)
@pytest.mark.parametrize("name", FAMILIES_OF_TIMM)
def test_a_family_of_timm_can_be_shared(name: str) -> None:
    model = shared(built(f"timm/{name}"))
    norms = [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    assert norms and all(isinstance(norm, nn.SyncBatchNorm) for norm in norms)


@pytest.mark.slow(seconds=20)
@pytest.mark.parametrize(
    "name", [each for name in entries() for each in FAMILIES.get(name, (name,))]
)
def test_every_model_of_the_zoo_can_be_shared(name: str) -> None:
    _, task, options = next(iter(cases(name)))
    torch.manual_seed(0)
    model = World(0, 2).synchronise_batch_norm(
        build(name, task, options),
        torch.device("cuda"),
        Image(size=task.size, channels=task.channels),
    )
    norms = [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    assert all(isinstance(norm, nn.SyncBatchNorm) for norm in norms)


@pytest.mark.slow(seconds=25)
@pytest.mark.parametrize("model", ["conv_bn", "timm/test_efficientnet"])
def test_processes_without_an_image_count_in_no_statistics(model: str, tmp_path: Path) -> None:
    """Three processes, two batches of two images, on CPUs by the formulas of the GPU's kernels."""
    one, *several = train(model, tmp_path, 1) + train(model, tmp_path, PROCESSES)
    for found in several:
        for name, expected in one.items():
            torch.testing.assert_close(found[name], expected, atol=1e-8, rtol=0, msg=name)


def train(model: str, folder: Path, size: int) -> list[dict[str, Tensor]]:
    """What each of so many processes has after some steps: weights, buffers and losses."""
    files = [folder / f"{size}.{rank}.pt" for rank in range(size)]
    unset = {"MASTER_ADDR", "MASTER_PORT"}
    kept = {key: value for key, value in os.environ.items() if key not in unset}
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.training.sharing", model, str(file)],
            env=kept | {"RANK": str(rank), "WORLD_SIZE": str(size), "LOCAL_RANK": str(rank)},
        )
        for rank, file in enumerate(files)
    ]
    try:
        assert [process.wait(timeout=240) for process in running] == [0] * size
    finally:
        for process in running:
            process.kill()
            process.wait()
    return [torch.load(file) for file in files]
