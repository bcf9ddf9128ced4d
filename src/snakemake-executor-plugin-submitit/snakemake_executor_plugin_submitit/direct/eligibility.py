"""Plain shell rules without a nested Snakemake: when that is sound, and what to run instead.

A nested Snakemake spends about two seconds of CPU to do five things: it waits for inputs, removes
old outputs, makes folders, sets a few environment variables and calls the shell. Everything else
(checking outputs, touch, protected, temp, metadata, retries) the controlling Snakemake does after
the job anyway. For rules that need more than the five, the nested Snakemake stays.
"""

from pathlib import Path
from typing import Any

from snakemake_executor_plugin_submitit.direct.command import UncertainError, command_of
from snakemake_executor_plugin_submitit.resources.sbatch_options import Request

# Snakemake's `shell()` sets these to the rule's threads.
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "GOTO_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)
SPECIAL_FLAGS = ("pipe", "service", "update", "template")


class NestedError(ValueError):
    """A job that needs a nested Snakemake; the message says why."""


def _objection(job: Any, workflow: Any, request: Request) -> str:
    if job.is_group():
        return "a group job"
    rule = job.rule
    files = [*job.input, *job.output, *job.log]
    deployment = {method.name for method in workflow.deployment_settings.deployment_method}
    remote = workflow.remote_execution_settings
    cases = {
        "not a shell rule": not job.is_shell,
        "a checkpoint": rule.is_checkpoint,
        "a handover rule": getattr(rule, "is_handover", False),
        "shadow": job.is_shadow,
        "benchmark": job.benchmark is not None,
        "conda": "CONDA" in deployment and bool(job.conda_env_spec),
        "a container": "APPTAINER" in deployment and bool(job.container_img_url),
        "environment modules": "ENV_MODULES" in deployment and bool(job.env_modules),
        "a containerized workflow": job.is_containerized,
        "cache": bool(rule.cache) and workflow.workflow_settings.cache is not None,
        "storage": any(getattr(file, "is_storage", False) for file in files),
        "pipe, service or update": any(_flagged(file) for file in files),
        "no fully shared file system": len(workflow.storage_settings.shared_fs_usage) < 7,
        "a precommand": bool(remote.precommand),
        "debug": workflow.execution_settings.debug,
        "a tmpdir of its own": _temporary_folder(job) is None,
        # Without a number of CPUs Snakemake takes what it finds on the node, and no more threads.
        "threads that the node decides": request.cpus is None and job.threads > 1,
    }
    return next((name for name, applies in cases.items() if applies), "")


def describe(job: Any, workflow: Any, request: Request) -> dict[str, Any]:
    """The fields of a JobSpec that does what a nested Snakemake would do.

    Raises NestedError for a job of which that cannot be said.
    """
    from snakemake.shell import shell  # type: ignore[import-untyped]

    try:
        if objection := _objection(job, workflow, request):
            raise NestedError(objection)
        formatted = command_of(job)
    except UncertainError as error:
        raise NestedError(str(error)) from None
    executable = job.resources.get("shell_exec") or shell.get_executable() or "/bin/sh"
    prefix = shell._get_process_prefix(executable)
    command = " ".join((prefix, formatted, shell._process_suffix)).strip()
    products = [str(file) for file in (*job.output, *job.log)]
    return {
        "command": command,
        "nested": False,
        "shell": executable,
        "environment": dict.fromkeys(THREAD_VARIABLES, str(job.threads)),
        "inputs": [str(file) for file in job.input],
        "remove": [str(file) for file in (*job.output, *job.log) if not file.is_directory],
        "remove_folders": [str(file) for file in job.output if file.is_directory],
        "folders": sorted({str(Path(name).parent) for name in products}),
        "latency": float(workflow.execution_settings.latency_wait),
        "temporary_folder": bool(_temporary_folder(job)),
    }


def is_updated(file: Any) -> bool:
    """Whether a rule changes this output instead of making it anew."""
    return bool((getattr(file, "flags", None) or {}).get("update"))


def _flagged(file: Any) -> bool:
    flags = getattr(file, "flags", None) or {}
    return any(flags.get(flag) for flag in SPECIAL_FLAGS)


def _temporary_folder(job: Any) -> bool | None:
    """Whether TMPDIR is set to the node's own; None for a tmpdir that the rule chooses."""
    declared = job.rule.resources.get("tmpdir")
    if declared is None:
        return False
    return True if getattr(declared, "raw", declared) == "system_tmpdir" else None
