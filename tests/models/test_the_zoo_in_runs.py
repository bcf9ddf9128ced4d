"""Every variant of config/zoo.yaml in a run of four steps: trained, resumed, evaluated, reported."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from bakeoff.config.experiment import Experiment
from bakeoff.data.pack import pack
from bakeoff.data.splits import write_splits
from bakeoff.evaluation.baselines import write_baselines
from bakeoff.evaluation.comparison import write_comparison
from bakeoff.evaluation.metrics import evaluate_predictions
from bakeoff.evaluation.predictions import read_predictions
from bakeoff.layout import Layout
from bakeoff.pretraining.pretrain import pretrain
from bakeoff.report.document import write_report
from tests.training.conftest import phantoms
from tests.training.test_train import finish, results

__all__ = ["phantoms"]

CONFIG = Path(__file__).parents[2] / "config/zoo.yaml"
VARIANTS = sorted(yaml.safe_load(CONFIG.read_text())["variants"])
SIZE = 96  # whole patches of 8, 16 and 32, and enough for five convolutions


@pytest.fixture(scope="module")
def zoo(phantoms: Path, tmp_path_factory: pytest.TempPathFactory) -> "Zoo":
    """The configuration's variants as they are, on few and small images for two epochs of two steps."""
    folder = tmp_path_factory.mktemp("zoo")
    values = yaml.safe_load(CONFIG.read_text())
    values["data"] = {
        "labels": str(phantoms / "sample_labels.csv"),
        "images": str(phantoms / "images"),
    }
    values["split"] = {"train": 16, "val": 12, "test": 12}
    values["image"]["size"] = SIZE
    values["tracking"] = {"live": False}
    values["training"] |= {"epochs": 2, "batch_size": 8}
    for made in values["pretraining"].values():
        made["training"] = {"epochs": 1}
    return Zoo(values, folder)


class Zoo:
    """Two results folders with the same splits and images: in `whole` nothing is stopped."""

    def __init__(self, values: dict[str, Any], folder: Path) -> None:
        self.experiments = {}
        for name in ("whole", "stopped"):
            experiment = Experiment.parse({**values, "results": str(folder / name)}, "zoo.yaml")
            self.experiments[name] = experiment
            layout = self.layout(name)
            write_splits(experiment.data, experiment.split, layout.splits, workers=1)
            pack(layout.splits, experiment.data, SIZE, layout.packed(SIZE), workers=1)
            for pretraining in experiment.pretrainings:
                pretrain(experiment, pretraining, layout)

    def layout(self, name: str) -> Layout:
        experiment = self.experiments[name]
        return Layout(experiment.results / experiment.name)

    def finish(self, name: str, variant: str, *, stop_after_each_step: bool = False) -> Any:
        experiment, layout = self.experiments[name], self.layout(name)
        return finish(experiment, layout, variant, stop_after_each_step=stop_after_each_step)


@pytest.mark.slow
@pytest.mark.parametrize("variant", VARIANTS)
def test_a_run_stopped_after_every_step_ends_like_one_that_was_not(zoo: Zoo, variant: str) -> None:
    whole = zoo.finish("whole", variant)
    stopped = zoo.finish("stopped", variant, stop_after_each_step=True)
    assert results(stopped) == results(whole)
    test = read_predictions(whole.predictions("test"))
    assert len(test.scores) == 12 and len(set(test.scores)) > 6  # images are told apart
    evaluate_predictions(whole.path)


@pytest.mark.slow
def test_every_variant_that_was_trained_is_compared_and_reported(zoo: Zoo) -> None:
    layout, expected = zoo.layout("whole"), zoo.experiments["whole"].expected_seeds()
    for variant in VARIANTS:
        if not (layout.run(variant, 0).path / "metrics.json").exists():  # this test runs alone
            evaluate_predictions(zoo.finish("whole", variant).path)
    write_baselines(layout.root)
    write_comparison(layout.root, expected)
    write_report(layout.root, layout.report, expected)
    report = layout.report.read_text()
    assert f"{len(VARIANTS)} variants, {len(VARIANTS)} runs, 12 test images" in " ".join(
        report.split()
    )
    assert "Nothing: every run was trained, evaluated and compared." in report
