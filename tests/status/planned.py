"""A configuration with every kind of stage in it, of which nothing was started."""

import json
from pathlib import Path
from typing import Any

import yaml
from click.testing import CliRunner, Result

from bakeoff.cli import cli
from bakeoff.config.experiment import Experiment
from bakeoff.layout import Layout
from bakeoff.status.stages import Stage, of_experiment, of_pretraining, of_run
from tests.config.test_experiment import config

TAG = "resnet18.a1_in1k"
SOURCES: dict[str, dict[str, Any]] = {
    "synthetic": {"labels": "x/labels.csv", "images": "x/images"},
    "nih-sample": {"labels": "nih/sample_labels.csv", "images": "nih/images"},
}


class Planned:
    """It in a folder, and what status says of it."""

    def __init__(self, folder: Path, source: str = "synthetic") -> None:
        own = {"model": "vit_b16", "images": "unlabelled"}
        values = config(
            results=str(folder / "results"),
            weights_folder=str(folder / "weights"),
            data={key: str(folder / path) for key, path in SOURCES[source].items()}
            | {"source": source},
            training={"epochs": 3, "seeds": [0]},
            pretraining={"own": own, "idle": own},
            variants={
                "vit": {"model": "vit_b16", "weights": "pretraining/own"},
                "resnet": {"model": "timm/resnet18", "weights": f"timm/{TAG}"},
            },
        )
        self.config = folder / "config.yaml"
        self.config.write_text(yaml.safe_dump(values))
        self.experiment = Experiment.parse(values)
        self.layout = Layout(self.experiment.results / "test")

    def stages(self) -> list[Stage]:
        layout = self.layout
        return [
            *of_experiment(self.experiment, layout),
            *of_pretraining(layout.pretraining("own")),
            *of_run(layout.run("vit", 0)),
        ]

    def status(self, *options: str) -> Result:
        return CliRunner().invoke(cli, ["status", "--config", str(self.config), *options])

    def rows(self) -> dict[str, dict[str, Any]]:
        return {row["variant"]: row for row in json.loads(self.status("--json").output)}
