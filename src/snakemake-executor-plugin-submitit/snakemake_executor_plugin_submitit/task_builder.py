"""What a job of Snakemake becomes: its request to SLURM, and the specification that its worker reads."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from snakemake_interface_executor_plugins.settings import (  # type: ignore[import-untyped]
    SharedFSUsage,
)

from snakemake_executor_plugin_submitit.direct import eligibility
from snakemake_executor_plugin_submitit.partitions.choice import Choice
from snakemake_executor_plugin_submitit.registry import registry
from snakemake_executor_plugin_submitit.registry.tasks import Task
from snakemake_executor_plugin_submitit.resources import job_names
from snakemake_executor_plugin_submitit.resources.sbatch_options import Request, translate
from snakemake_executor_plugin_submitit.settings import ExecutorSettings


@dataclass(frozen=True)
class TaskBuilder:
    """Makes tasks of Snakemake's jobs."""

    workflow: Any
    settings: ExecutorSettings
    choice: Choice
    nested_command: Callable[[Any, Request], str]
    envvars: Callable[[], Mapping[str, str]]
    debug: Callable[[str], None]

    def of(self, info: Any) -> Task:
        """The task of a SubmittedJobInfo; ContradictionError where its resources exclude each other."""
        job = info.job
        if job.is_group():
            rules = [part.rule.name for layer in job.toposorted for part in layer]
            name = job_names.group_name(job.groupid, rules)
        else:
            name = job_names.job_name(job.name, job.wildcards_dict)
        request = self._request(job, name)
        return Task(
            info=info,
            name=name,
            title=job_names.title(job),
            identity=registry.identity_of(job),
            digest=registry.digest_of(job, self.workflow),
            request=request,
            spec=_with_srun(self._spec(job, request), request),
            outputs=[str(file) for file in job.output],
            forced=self._forced(job),
        )

    def _request(self, job: Any, name: str) -> Request:
        resources = {
            name: value
            for name, value in job.resources.items()
            # Resources that depend on files which do not exist yet are checked when they do.
            if str(value) != "<TBD>"
        }
        request = translate(resources, int(job.threads), self.settings.usual)
        return request.with_options(self.choice.by_file(name, dict(request.options), request.mpi))

    def _forced(self, job: Any) -> bool:
        # `reason.forced` would not do: --rerun-incomplete sets it for everything left behind.
        asked = self.workflow.dag_settings
        names = {str(name) for name in asked.forcerun}
        return bool(asked.forceall) or any(
            not names.isdisjoint({part.rule.name, *(str(file) for file in part.output)})
            for part in registry.parts_of(job)
        )

    def _spec(self, job: Any, request: Request) -> dict[str, Any]:
        common = {
            "workdir": os.getcwd(),  # noqa: PTH109 - as Snakemake spells it
            "declared": sorted(self.envvars()),
        }
        if self.settings.direct == "auto":
            try:
                return common | eligibility.describe(job, self.workflow, request)
            except eligibility.NestedError as reason:
                self.debug(f"{job_names.title(job)} gets a Snakemake of its own: {reason}")
        shared = SharedFSUsage.INPUT_OUTPUT in self.workflow.storage_settings.shared_fs_usage
        return common | {
            "command": self.nested_command(job, request),
            "nested": True,
            "services": any(part.is_service for part in registry.parts_of(job)),
            # Without a shared file system the job's Snakemake fetches them by itself.
            "inputs": [str(file) for file in job.get_wait_for_files()] if shared else [],
            "latency": float(self.workflow.execution_settings.latency_wait),
        }


def _with_srun(spec: dict[str, Any], request: Request) -> dict[str, Any]:
    """The specification, in which a rule's own srun gives each rank the CPUs that were asked for.

    Since SLURM 22.05 srun does not take the number from its job.
    """
    if not request.mpi or not request.cpus:
        return spec
    more = {"SRUN_CPUS_PER_TASK": str(request.cpus)}
    return spec | {"environment": spec.get("environment", {}) | more}
