"""The content of run.json: the run's resolved configuration, its size, its best epoch, its provenance."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import nn

from bakeoff.config.accepted import last_acceptance
from bakeoff.config.digest import CODE_LETTERS
from bakeoff.config.experiment import Experiment, Run
from bakeoff.layout import RunFolder
from bakeoff.models.weights_header import header
from bakeoff.training.checkpoint import Progress
from bakeoff.training.commit import commit_of
from bakeoff.training.provenance import provenance
from bakeoff.training.reproduce import commands, given_files
from bakeoff.weights.source import Weights

ORIGIN = ("source", "revision", "sha256", "license")
"""Keys that `bakeoff weights` writes about a published file into the header of its own."""

VERSIONS = ("trainer", "pretrainer")
"""Of the code that trains, beside the model's: parts of the digest."""


def run_record(
    experiment: Experiment,
    run: Run,
    model: nn.Module,
    progress: Progress,
    device: torch.device,
    folder: RunFolder,
    planned: str,
    parts: Mapping[str, Any],
) -> dict[str, Any]:
    """The content of run.json in `folder`, as plain JSON values; times are ISO 8601 in UTC.

    `planned` is the digest that the run was planned with, of these `parts`: by them a later version tells
    why it would train the run again.
    """
    parameters = list(model.parameters())
    return {
        "experiment": experiment.name,
        "variant": run.variant.name,
        "seed": run.seed,
        "config": experiment.settings(run.variant),
        "digest": progress.digest,
        "weights": _origin(run.variant.weights),
        "parameters": {
            "total": sum(p.numel() for p in parameters),
            "trainable": sum(p.numel() for p in parameters if p.requires_grad),
        },
        "best": {
            "epoch": progress.best_epoch,
            "criterion": run.variant.training.select_on,
            "value": progress.best_value,
        },
        "attempts": progress.attempts,
        "provenance": _as_accepted(progress.provenance, folder)
        or {
            **(
                commit := _commit(
                    Path.cwd(), experiment.files, tuple(given_files(experiment, run.variant))
                )
            ),
            **provenance(device),
            "reproduce": commands(experiment, folder, commit["git_commit"]),
            "planned_digest": planned,
            "code_digest": parts["code"][:CODE_LETTERS],
            **{key: parts[key] for key in VERSIONS if key in parts},
            "started": progress.started,
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            "seconds": round(progress.seconds, 3),
        },
    }


@cache
def _commit(
    checkout: Path, configuration: tuple[Path, ...], given: tuple[Path, ...]
) -> dict[str, Any]:
    """What `commit_of` says when it is first asked: later, git may have another, and this process has not."""
    assert checkout == Path.cwd()
    return commit_of(configuration, given)


def _as_accepted(provenance: dict[str, Any], folder: RunFolder) -> dict[str, Any]:
    """The provenance of a run that had finished before, with its acceptance where it has one."""
    if not provenance or (accepted := last_acceptance(folder)) is None:
        return provenance
    return {**provenance, "accepted": str(accepted)}


def _origin(weights: Weights | None) -> dict[str, Any] | None:
    """The origin of the weights that a run starts from; None where they are drawn at random."""
    if weights is None:
        return None
    stated = header(weights.file)
    return {
        "name": weights.name,
        "file": str(weights.file),
        "sha256": weights.content(),
        "published": {key: stated[key] for key in ORIGIN if key in stated},
    }
