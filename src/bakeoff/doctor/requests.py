"""The requests of an experiment's jobs, in sbatch's options; equal requests once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bakeoff.config.experiment import Experiment
from bakeoff.wording import few
from snakemake_executor_plugin_submitit.resources.sbatch_options import Request, translate


@dataclass(frozen=True)
class JobRequest:
    """A request to sbatch with the stages or variants that make it."""

    who: str
    request: Request

    def option(self, name: str) -> str:
        """The value of an sbatch option, empty where it is not set."""
        return str(dict(self.request.options).get(name, ""))

    def arguments(self, **over: str) -> list[str]:
        """The options of sbatch with `over` applied, and with those that the executor always adds."""
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


def job_requests(
    experiment: Experiment | None, defaults: Mapping[str, Any], account: str, partition: str
) -> list[JobRequest]:
    """The requests of the light stages, variants and pretrainings; `account` and `partition` override theirs.

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
    return [JobRequest(few(names), request) for request, names in found.items()]
