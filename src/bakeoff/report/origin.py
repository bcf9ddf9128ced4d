"""The provenance of the results: common and differing configuration, code, versions, machines."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bakeoff.config.schema.training import UNCOUNTED
from bakeoff.layout import RunFolder
from bakeoff.report.evidence import Evidence, RunEvidence
from bakeoff.report.numbers import NOTHING, count, duration, figure
from bakeoff.report.reading import dig, part

PRIVATE = ("resources.", *(f"training.{key}" for key in UNCOUNTED))
"""Keys that do not change a result, as they begin: requests to the cluster, when a run saves itself."""

Flat = dict[str, str]


@dataclass(frozen=True)
class Origin:
    """Configuration, code and machines of the runs, ready to print.

    common: keys that all variants share; differing: key -> a value per variant of `variants`;
    code: each fact with its distinct values; accepted: the runs of earlier code that were kept, and why.
    """

    variants: list[str]
    failed: list[str]  # those of them without a result
    common: Flat
    differing: dict[str, list[str]]
    code: dict[str, list[str]]
    accepted: dict[str, str]
    devices: dict[
        str, str
    ]  # of runs that were trained on several kinds of devices: which, from where on
    runs: list[dict[str, str]]
    one_threshold: bool  # whether runs have a single threshold


def trace(evidence: Evidence) -> Origin:
    """The origin of the runs of the evidence."""
    configs: dict[str, Flat] = {}
    for variant, runs in evidence.variants.items():
        # A run's own configuration comes before the planned one, which may have changed since.
        ordered = sorted(runs, key=lambda run: not run.record)
        config = next((found for run in ordered if (found := run.config)), None)
        if config is not None:
            flat = dict(flatten(config))
            configs[variant] = {k: v for k, v in flat.items() if k not in evidence.task.idle_keys}
    keys = list(dict.fromkeys(key for config in configs.values() for key in config))
    common = {
        key: values.pop()
        for key in keys
        if len(values := {config.get(key, NOTHING) for config in configs.values()}) == 1
    }
    differing = {
        key: [config.get(key, NOTHING) for config in configs.values()]
        for key in keys
        if key not in common and not key.startswith(PRIVATE)
    }
    return Origin(
        variants=list(configs),
        failed=[name for name in configs if not any(r.finished for r in evidence.variants[name])],
        common=common,
        differing=differing,
        code=_code([part(run.record, "provenance") for run in evidence.runs if run.record]),
        accepted={
            f"{run.variant}, seed {run.seed}": str(reason)
            for run in evidence.runs
            # Without that file it was taken back; run.json goes on telling what was.
            if RunFolder(run.folder).accepted.exists()
            if (reason := dig(run.record, "provenance", "accepted"))
        },
        devices={
            f"{run.variant}, seed {run.seed}": said
            for run in evidence.runs
            if run.record and (said := _devices(run.record))
        },
        runs=[_run(run, evidence) for run in evidence.runs if run.finished],
        one_threshold=len(evidence.task.scored) == 1,
    )


def _devices(record: Mapping[str, Any]) -> str:
    """`cpu; NVIDIA H200 from epoch 3, step 12` where the jobs of a run had several kinds, else nothing."""
    found: list[tuple[str, str]] = []
    for one in record.get("attempts") or []:
        if not found or found[-1][0] != one["device"]:
            found.append((one["device"], f"epoch {one['epoch']}, step {one['step']}"))
    first, *later = found or [("", "")]
    return (
        "; ".join([first[0], *(f"{kind} from {where}" for kind, where in later)]) if later else ""
    )


def flatten(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Nested keys as dotted ones, values as JSON."""
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            yield from flatten(value, f"{prefix}{key}.")
        else:
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            yield f"{prefix}{key}", text


def _code(provenances: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Each fact about the code and machines with its distinct values; one each is ideal."""
    facts: dict[str, list[str]] = {}
    for provenance in provenances:
        commit = provenance.get("git_commit")
        if commit and provenance.get("git_dirty"):
            commit = f"{commit} with uncommitted changes"
        found = {
            "git commit": commit or "not in a git checkout",
            "Python": provenance.get("python"),
            "host": provenance.get("host"),
            "GPU": provenance.get("gpu") or "none",
            **part(provenance, "versions"),
        }
        if missing := provenance.get("not_in_commit"):
            found["not in that commit"] = "; ".join(map(str, missing))
        for fact, value in found.items():
            values = facts.setdefault(fact, [])
            if value and str(value) not in values:
                values.append(str(value))
    return facts


def _run(run: RunEvidence, evidence: Evidence) -> dict[str, str]:
    provenance = part(run.record, "provenance")
    thresholds = [*evidence.thresholds_of(run).values()]
    seconds = run.history["seconds"].sum() if "seconds" in run.history else None
    return {
        "variant": run.variant,
        "seed": str(run.seed),
        "epoch": f"{run.best_epoch or NOTHING} of {len(run.history)}",
        "val": figure(run.figure_of("val", evidence.metric.name)),
        "test": figure(run.figure_of("test", evidence.metric.name)),
        "threshold": figure(thresholds[0]) if len(thresholds) == 1 else NOTHING,
        "parameters": count(dig(run.record, "parameters", "total")),
        "time": duration(seconds),
        "where": " ".join(
            str(part)
            for part in (provenance.get("host"), provenance.get("gpu"), _job(provenance))
            if part
        ),
        # Runs of earlier versions have only the command of their stage. One line: a table's cell would show
        # line ends as blanks, and a copy of it would fail.
        "command": " && ".join(
            str(provenance.get("reproduce") or provenance.get("command") or "").splitlines()
        ),
    }


def _job(provenance: Mapping[str, Any]) -> str:
    job = provenance.get("slurm_job_id")
    return f"job {job}" if job else ""
