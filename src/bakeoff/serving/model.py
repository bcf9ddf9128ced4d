"""A trained run as a model that MLflow loads: it takes image files and does the preprocessing itself.

MLflow calls `_load_pyfunc` (its "loader module" flavour), so that nothing here imports mlflow.
"""

import io
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import torch
from PIL import Image

from bakeoff.config.experiment import Experiment, Run, Variant
from bakeoff.config.schema import Data, Split, Tracking
from bakeoff.data.colours import as_colours
from bakeoff.data.image_kinds import KINDS
from bakeoff.data.images import decode
from bakeoff.data.resizing import resize
from bakeoff.errors import TrackingError
from bakeoff.files import read_json
from bakeoff.inference.trained_model import load_trained
from bakeoff.models.registry import Targets
from bakeoff.task.kinds import task_of
from bakeoff.task.losses import loss_of
from bakeoff.training.device import device_to_apply
from bakeoff.training.evaluate import EVALUATION_BATCH
from bakeoff.training.images import batches
from bakeoff.training.numerics import Numerics
from bakeoff.training.objective import Objective
from bakeoff.training.scaling import channels_first, normalise

COLUMN = "image"
FILES = ("run.json", "best.safetensors")


def package(run_folder: Path, target: Path) -> None:
    """Copy into the folder `target` what the model needs; TrackingError where the run has not ended."""
    target.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        if not (run_folder / name).exists():
            raise TrackingError(f"{run_folder / name}: missing. Train the run to its end first.")
        shutil.copyfile(run_folder / name, target / name)


def example() -> pd.DataFrame:
    """An input that the model takes: a drawn gradient, because a patient's image must not be stored."""
    pixels = np.add.outer(np.arange(64), np.arange(64)).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return pd.DataFrame({COLUMN: [stream.getvalue()]})


def served_columns(folder: Path) -> tuple[str, ...]:
    """The columns that the model of a packaged run answers with, in their order."""
    return _data(read_json(folder / "run.json")["config"]).classification.score_columns


class ServedModel:
    """The scores of image files, exactly as in a run's `predictions/`."""

    def __init__(self, folder: Path) -> None:
        record = read_json(folder / "run.json")
        config: dict[str, Any] = record["config"]
        variant = Variant(
            name=record["variant"],
            model=config["model"],
            options=config["options"],
            image=config["image"],
            training=config["training"],
            resources=config["resources"],
        )
        experiment = Experiment(
            name=record["experiment"],
            results=Path(),
            weights_folder=Path(),
            data=_data(config),
            split=Split.model_validate(config["split"]),
            tracking=Tracking(),
            variants=(variant,),
        )
        self.variant = variant
        self.packing = variant.image.packing
        if "normalise" not in config["image"]:  # earlier versions trained on grey, repeated
            self.packing = replace(self.packing, colours=False)
        self.task = experiment.task
        # A run that was trained on a GPU is served with or without one.
        self.device = device_to_apply(variant.training.device)
        Numerics().set_products()
        run = Run(variant, record["seed"])
        model, _ = load_trained(experiment, run, folder / "best.safetensors", self.device)
        self.objective = Objective(model, loss_of(self.task, variant.training.loss)).eval()

    def predict(
        self, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """The score columns of `predictions/`, float in 0..1, for the column `image` of whole files as bytes.

        Raises DataError naming the row that is no image.
        """
        image = self.variant.image
        pixels = torch.from_numpy(np.stack([self._pixels(f) for f in _files(model_input)]))
        scores = []
        with _threads(self.variant.training.threads), torch.no_grad():
            # In the batches of `predict`: the last bits of a sum depend on the batch.
            for rows in batches(torch.arange(len(pixels)), EVALUATION_BATCH):
                inputs = normalise(channels_first(pixels[rows].to(self.device)), image)
                scores.append(self.objective(inputs, self._unknown(len(rows)))[1].float().cpu())
        each = torch.cat(scores).double().numpy().reshape(len(pixels), -1)
        return pd.DataFrame(dict(zip(self.task.score_columns, each.T, strict=True)))

    def _unknown(self, count: int) -> Targets:
        """Targets that say nothing, as no score looks at them."""
        nothing = self.task.unlabelled(count)
        findings = np.zeros((count, len(self.task.vocabulary)), dtype=np.float32)
        return Targets(
            torch.tensor(nothing, device=self.device), torch.tensor(findings, device=self.device)
        )

    def _pixels(self, file: Path) -> np.ndarray[Any, np.dtype[np.uint8]]:
        decoded = decode(file.parent, file.name)
        pixels = resize(self.packing, file.name, decoded).pixels
        return as_colours(pixels) if self.packing.colours else pixels


def _data(config: Mapping[str, Any]) -> Data:
    """The data of a run with its task; earlier versions recorded none, and knew binary ones only."""
    recorded = task_of(config["task"]) if "task" in config else None
    return Data.model_validate(config["data"]).recording(recorded)


def _files(model_input: pd.DataFrame) -> Iterator[Path]:
    """Each image as a file of its own, so that the pipeline's reader decodes it."""
    if COLUMN not in model_input or not len(model_input):
        raise TrackingError(
            f"expected a column '{COLUMN}' with {KINDS} files as bytes (base64 in JSON), "
            f"found columns {list(model_input.columns)} and {len(model_input)} rows."
        )
    with TemporaryDirectory() as folder:
        for row, content in enumerate(model_input[COLUMN]):
            file = Path(folder) / f"row {row}"
            file.write_bytes(bytes(content))
            yield file


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Use the run's number of threads, on which the last bits depend, until the block ends."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _load_pyfunc(path: str) -> ServedModel:
    return ServedModel(Path(path))
