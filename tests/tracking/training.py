"""A real, quick training for the tests of tracking: SGD on scikit-learn's digits, is it a 3 or an 8?"""

import json
import sys
import time
from pathlib import Path

import pandas as pd
from safetensors.numpy import save_file

from bakeoff.evaluation.metrics import evaluate_predictions
from bakeoff.files import replacing, sha256, write_text
from bakeoff.task.measures import measures_of
from bakeoff.tracking.delivery.sender import start_sender
from bakeoff.tracking.journal.journal import Journal
from tests.tracking.questions import BINARY, Learner, Question

SPLITS = BINARY.splits


def write_splits(results: Path) -> None:
    BINARY.write_splits(results)


def train(
    results: Path,
    variant: str = "sgd",
    seed: int = 0,
    lr: float = 0.01,
    epochs: int = 3,
    pause: float = 0.0,
    until: int | None = None,
    uri: str | None = None,
    question: Question = BINARY,
) -> Path:
    """Train, journal and evaluate one run, sending it to `uri` meanwhile if there is one.

    `pause` is spent in every epoch; `until` leaves the run as a kill after that epoch would. A file
    `enough` beside the results folder makes the next epoch the last.
    """
    folder = results / "runs" / variant / f"seed-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    begun_at = time.time()
    learner, measures = Learner(question, lr, seed), measures_of(question.task)
    labels = {name: question.labels[rows] for name, rows in question.splits.items()}
    journal = Journal.start(folder, results.name, variant, seed, f"digest-{lr}")
    journal.status("RUNNING")
    if uri is not None:
        start_sender(folder, uri, results.name)
    training = {"lr": lr, "seeds": [0, 1], "clip": None}
    journal.params({"model": "sgd", "training": training, "seed": seed})
    command = f"bakeoff train --config config/{results.name}.yaml --variant {variant} --seed {seed}"
    facts = {"git_commit": "0" * 40, "command": command}
    journal.tags({**facts, "seconds": "0.0"})  # as earlier versions said at a run's beginning
    for split in ("train", "val"):
        file = results / "splits" / f"{split}.csv"
        journal.dataset(split, file, digest=sha256(file), rows=len(labels[split]))
    longest = best = 0.0  # that a call of the journal took; validation AUROC
    for epoch in range(1, epochs + 1):
        learner.learn("train")
        time.sleep(pause)
        row = {"lr": lr}
        for split in ("train", "val"):
            scores = learner.scores(split)
            row[f"{split}_loss"] = measures.selected(labels[split], scores, "log_loss")
            row[f"{split}_auc"] = measures.epoch(labels[split], scores)["auc"]
        changed = ["checkpoints/last.ckpt"]
        if row["val_auc"] > best:
            best = row["val_auc"]
            changed.append("checkpoints/best.safetensors")
        for file in changed:
            with replacing(folder / file) as temporary:
                save_file(learner.weights(), temporary)
        begun = time.monotonic()
        journal.metrics(epoch, row, files=changed)
        longest = max(longest, time.monotonic() - begun)
        if until == epoch:
            return folder
        if results.with_name("enough").exists():
            break
    write_text(folder / "longest.txt", str(longest))
    for split in ("val", "test"):
        table = pd.read_csv(results / "splits" / f"{split}.csv")
        scores = learner.scores(split).reshape(len(table), -1)
        table[list(question.task.score_columns)] = scores
        write_text(folder / "predictions" / f"{split}.csv", table.to_csv(index=False))
    record = {"variant": variant, "seed": seed, "digest": f"digest-{lr}"}
    ended = {"seconds": round(time.time() - begun_at, 3), "finished": "2026-11-26T17:16:23+00:00"}
    write_text(folder / "run.json", json.dumps({**record, "provenance": {**facts, **ended}}))
    write_text(folder / "train.log", "trained\n")
    evaluate_predictions(folder, question.task)
    journal.status("FINISHED")
    return folder


if __name__ == "__main__":  # RESULTS SEED EPOCHS PAUSE URI
    train(
        Path(sys.argv[1]),
        seed=int(sys.argv[2]),
        epochs=int(sys.argv[3]),
        pause=float(sys.argv[4]),
        uri=sys.argv[5] or None,
    )
    assert not {"mlflow", "torch"} & set(sys.modules)
