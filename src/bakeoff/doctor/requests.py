"""What an experiment's jobs ask of SLURM, in sbatch's options; equal requests once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bakeoff.config.experiment import Experiment
from snakemake_executor_plugin_submitit.resources.sbatch_options import Request, translate


@dataclass(frozen=True)
class Wanted:
    """A request with those who make it."""

    who: str
    request: Request

    def option(self, name: str) -> str:
        """The value of an sbatch option, empty where it is not asked for."""
        return str(dict(self.request.options).get(name, ""))

    def arguments(self, **over: str) -> list[str]:
        """The options of sbatch, `over` on top, with those that the executor always gives."""
        options = dict(self.request.options) | over
        return ["--requeue", "--signal=TERM@0"] + [
            f"--{name}" if value is True else f"--{name}={value}" for name, value in options.items()
        ]

    def __str__(self) -> str:
        usual = (("nodes", 1), ("ntasks", 1), ("time", dict(self.request.options).get("time")))
        words = [
            f"{name}={value}" for name, value in self.request.options if (name, value) not in usual
        ]
        minutes = f", {self.request.runtime:g} min" if self.request.runtime else ""
        return f"{self.who} ({', '.join(words)}{minutes})"


def wanted(
    experiment: Experiment | None, defaults: Mapping[str, Any], account: str, partition: str
) -> list[Wanted]:
    """The requests of the light stages and of every variant and pretraining; `account` and `partition` win.

    Raises the executor's ContradictionError for resources that exclude each other.
    """
    chosen: dict[str, Any] = {}
    if account:
        chosen["slurm_account"] = account
    if partition:
        chosen["slurm_partition"] = partition
    paid = experiment.slurm_account if experiment else None
    light = {**defaults, **({"slurm_account": paid} if paid else {}), **chosen}
    found: dict[Request, list[str]] = {translate(light, 1): ["a light stage"]}
    named = [(variant.name, variant) for variant in experiment.variants] if experiment else []
    if experiment:
        named += [(one.weights, one.variant) for one in experiment.started_from()]
    for name, variant in named:
        # Zeros are left unset, as in the rule.
        asked = {key: value for key, value in variant.resources.asked().items() if value}
        request = translate({**defaults, **asked, **chosen}, variant.training.threads)
        found.setdefault(request, []).append(name)
    return [Wanted(_names(names), request) for request, names in found.items()]


def _names(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
