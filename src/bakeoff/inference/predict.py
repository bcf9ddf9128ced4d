"""The predictions of a trained run: the scores of each image of the validation and the test split."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pandas as pd

from bakeoff.config.accepted import planned_digest
from bakeoff.config.digest import trained_digest
from bakeoff.config.experiment import Experiment, Run
from bakeoff.data.grouping import patient_cells
from bakeoff.data.pack import open_packed
from bakeoff.data.tables import split_frame
from bakeoff.errors import CheckpointError
from bakeoff.files import read_json, write_csv, write_json
from bakeoff.inference.measuring import Measuring
from bakeoff.inference.trained_model import load_trained
from bakeoff.layout import IMAGE, PATIENT, Layout, SplitName
from bakeoff.task.losses import loss_of
from bakeoff.training.device import device_to_apply
from bakeoff.training.evaluate import evaluate, scores_of
from bakeoff.training.images import SplitImages
from bakeoff.training.numerics import Numerics
from bakeoff.training.objective import Objective
from bakeoff.training.out_of_memory import out_of_memory_told
from bakeoff.training.randomness import make_deterministic
from bakeoff.training.train import SPLITS as TRAINED_ON

SPLITS: tuple[SplitName, ...] = ("val", "test")


def predict(experiment: Experiment, run: Run, layout: Layout) -> None:
    """Write predictions/{val,test}.csv of a run from its best weights: see `predictions_of`.

    What that took is in inference.json beside them.
    """
    folder = layout.run(run.variant.name, run.seed)
    planned = planned_digest(run, experiment.data, folder)
    measured: list[dict[str, Any]] = []
    device = device_to_apply(run.variant.training.device)
    with out_of_memory_told(run, device, evaluates=True):
        for split, table in predictions_of(experiment, run, layout, planned, measured):
            write_csv(folder.predictions(split), table)
    write_json(folder.inference, measured[0])


def predictions_of(
    experiment: Experiment,
    run: Run,
    layout: Layout,
    planned: str,
    measured: list[dict[str, Any]] | None = None,
) -> Iterator[tuple[SplitName, pd.DataFrame]]:
    """The predictions of a run for val and for test, from its best weights, trained under digest `planned`.

    Columns: Image Index, Patient ID (where the data has patients), then the label and score columns of the
    task: for a binary one its 0/1 and P(class 1), else a score for each class or finding.
    Once both are taken, `measured` gets the content of inference.json.
    Raises CheckpointError when the weights cannot be loaded, or are not those of that digest with the
    images and pretrained weights of now; DataError when an image is not packed.
    """
    training, image = run.variant.training, run.variant.image
    make_deterministic(training.threads, deterministic=training.deterministic)
    # A run that was trained on a GPU is evaluated with or without one.
    device = device_to_apply(training.device)
    folder = layout.run(run.variant.name, run.seed)
    model, metadata = load_trained(experiment, run, folder.best, device)
    task = experiment.task
    numerics = Numerics.recorded(read_json(folder.run_json).get("numerics", {}), device)
    numerics.set_products()
    # What was compiled has the same values, as far as rounding goes; compiling takes longer than this.
    objective = Objective(model, loss_of(task, training.loss), replace(numerics, compiled=False))
    packed = open_packed(layout, image)
    data = experiment.data
    trained_on = (
        SplitImages.open(layout.split(name), open_packed(layout, image, name), data, device).digest
        for name in TRAINED_ON
    )
    if metadata["digest"] != trained_digest(planned, *trained_on, weights=run.variant.weights):
        raise CheckpointError(
            f"{folder.best}: was trained with another configuration, other splits or other images "
            "than there are now; its test images may be among those. Run the train stage again."
        )
    tables = {name: split_frame(layout.split(name)) for name in TRAINED_ON + SPLITS[1:]}
    patients = {}
    if data.patient_column is not None and all(data.patient_column in t for t in tables.values()):
        patients = patient_cells(tables, data.patient_column, data.similar_ids)
    measuring = Measuring()
    for split in SPLITS:
        images = SplitImages.open(layout.split(split), packed, data, device)
        outputs = evaluate(objective, images, image, progress=measuring.pace(split), timed=True)
        columns: dict[str, Any] = {IMAGE: images.names}
        if patients:
            columns[PATIENT] = patients[split].tolist()
        columns |= task.columns_of(images.labels.cpu().numpy())
        scores = scores_of(outputs).reshape(len(images), -1)
        columns |= dict(zip(task.score_columns, scores.T, strict=True))
        yield split, pd.DataFrame(columns)
    if measured is not None:
        measured.append(measuring.record(model, image, device, metadata["digest"]))
