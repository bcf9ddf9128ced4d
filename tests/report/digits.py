"""A small bake-off of real images: scikit-learn's digits, odd against even, trained in a second.

Images are files, split, audited and packed by bakeoff's own stages; the models are scikit-learn's, so that
these tests need no torch. Three neighbours in the data set count as a patient, and the brightness of an
image as its view position: all the metadata there is.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score

from bakeoff.config.schema import Data, Split
from bakeoff.data.pack import PackedImages, pack
from bakeoff.data.splits import write_splits
from bakeoff.evaluation.baselines import write_baselines
from bakeoff.evaluation.comparison import write_comparison
from bakeoff.evaluation.metrics import evaluate_predictions

SIZE, EPOCHS = 16, 4
COMPONENTS = {"broad": 40, "narrow": 4}
EXPECTED = [("narrow", (0, 1)), ("broad", (0, 1)), ("ghost", (0, 1))]
SPLIT = Split(train=150, val=75, test=75)


def make_bakeoff(folder: Path, name: str = "digits") -> Path:
    """Write `folder`/results/`name`, complete but for the variant `ghost`; return it."""
    results = folder / "results" / name
    data = _write_data(folder / "data")
    write_splits(data, SPLIT, results / "splits", workers=1)
    pack(results / "splits", data, SIZE, results / "packed" / f"size-{SIZE}", workers=1)
    write_baselines(results)
    for variant, components in COMPONENTS.items():
        for seed in (0, 1):
            _train(results, name, variant, components, seed)
    failed = results / "runs" / "ghost" / "seed-0"
    failed.mkdir(parents=True)
    (failed / "train.log").write_text("epoch 1\nout of memory: asked for <2 GiB> & more\n")
    write_comparison(results, EXPECTED)
    return results


def _write_data(folder: Path) -> Data:
    digits = load_digits()
    (folder / "images").mkdir(parents=True)
    rows = []
    for i, (pixels, digit) in enumerate(zip(digits.images[:330], digits.target, strict=False)):
        name = f"digit-{i:04d}.png"
        Image.fromarray((pixels * 255 / 16).astype(np.uint8)).save(folder / "images" / name)
        view = "AP" if pixels.mean() > 4.9 else "PA"
        rows.append((name, "odd" if digit % 2 else "even", str(i // 3), view))
    columns = ["Image Index", "Finding Labels", "Patient ID", "View Position"]
    pd.DataFrame(rows, columns=columns).to_csv(folder / "labels.csv", index=False)
    return data_in(folder)


def data_in(folder: Path) -> Data:
    """The images and labels that `make_bakeoff` has written beside the results."""
    return Data(
        labels=folder / "labels.csv",
        images=folder / "images",
        negative=("even",),
        positive=("odd",),
    )


def _train(results: Path, name: str, variant: str, components: int, seed: int) -> None:
    splits = {
        split: pd.read_csv(results / "splits" / f"{split}.csv", dtype=str)
        for split in ("train", "val", "test")
    }
    packed = PackedImages.open(results / "packed" / f"size-{SIZE}")
    pixels = {
        split: packed.images[packed.rows(rows["Image Index"])].reshape(len(rows), -1) / 255
        for split, rows in splits.items()
    }
    labels = {split: rows["Disease"].to_numpy(dtype=int) for split, rows in splits.items()}
    reduce = PCA(components, random_state=seed).fit(pixels["train"])
    seen = {split: reduce.transform(values) for split, values in pixels.items()}
    model = SGDClassifier(loss="log_loss", learning_rate="constant", eta0=0.01, random_state=seed)
    generator = np.random.default_rng(seed)
    history, best, kept = [], {"value": -1.0}, {}
    for epoch in range(1, EPOCHS + 1):
        for batch in np.array_split(generator.permutation(len(labels["train"])), 8):
            model.partial_fit(seen["train"][batch], labels["train"][batch], classes=[0, 1])
        scores = {split: model.predict_proba(values)[:, 1] for split, values in seen.items()}
        row = {"epoch": epoch}
        for split in ("train", "val"):
            row[f"{split}_loss"] = log_loss(labels[split], scores[split])
            row[f"{split}_acc"] = accuracy_score(labels[split], scores[split] >= 0.5)
            row[f"{split}_auc"] = roc_auc_score(labels[split], scores[split])
        history.append(row | {"lr": 0.01, "seconds": 0.5})
        if row["val_auc"] > best["value"]:
            best = {"epoch": epoch, "criterion": "auc", "value": row["val_auc"]}
            kept = scores
    run = results / "runs" / variant / f"seed-{seed}"
    (run / "predictions").mkdir(parents=True)
    pd.DataFrame(history).to_csv(run / "history.csv", index=False)
    for split in ("val", "test"):
        rows = splits[split][["Image Index", "Patient ID", "Disease"]]
        rows.assign(score=kept[split]).to_csv(run / "predictions" / f"{split}.csv", index=False)
    record = {
        "experiment": name,
        "variant": variant,
        "seed": seed,
        "config": {
            "model": "pca-logistic",
            "options": {"components": components},
            "image": {"size": SIZE},
            "training": {"epochs": EPOCHS, "lr": 0.01},
            "data": {"source": "files", "negative": ["even"], "positive": ["odd"]},
        },
        "parameters": {"total": components + 1, "trainable": components + 1},
        "best": best,
        "provenance": {
            "git_commit": "f6ccff5d2a",
            "git_dirty": True,
            "versions": {"numpy": np.__version__},
            "python": "3.11",
            "host": "laptop",
            "started": "2026-11-26T16:40:00+00:00",
            "finished": f"2026-11-26T17:0{seed}:30+00:00",
            "command": f"bakeoff train --variant {variant} --seed {seed}",
        },
    }
    (run / "run.json").write_text(json.dumps(record))
    evaluate_predictions(run)
