"""Plain shell rules without a nested Snakemake: when that is sound, and what to run instead.

A nested Snakemake spends about two seconds of CPU to do five things: it waits for inputs, removes
old outputs, makes folders, sets a few environment variables and calls the shell. Everything else
(checking outputs, touch, protected, temp, metadata, retries) the controlling Snakemake does after
the job anyway. For rules that need more than the five, the nested Snakemake stays.
"""

import os
import tempfile
from pathlib import Path
from typing import Any

# Longer commands go through a script file in Snakemake; they are rare, so it may handle them.
LONGEST_COMMAND = 100_000
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


def objection(job: Any, workflow: Any) -> str:
    """Why a job needs a nested Snakemake; empty where the direct way does the same."""
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
    }
    found = [name for name, applies in cases.items() if applies]
    if found:
        return found[0]
    if _temporary_folder(job) is None:
        return "a tmpdir of its own"
    command = job.shellcmd
    if "<TBD>" in command or len(command) > LONGEST_COMMAND:
        return "a command that is only known inside the job"
    return ""


def describe(job: Any, workflow: Any) -> dict[str, Any]:
    """The fields of a JobSpec for a job to which `objection` has none."""
    from snakemake.shell import shell  # type: ignore[import-untyped]

    executable = job.resources.get("shell_exec") or shell.get_executable() or "/bin/sh"
    prefix = shell._get_process_prefix(executable)
    command = " ".join((prefix, job.shellcmd, shell._process_suffix)).strip()
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


def _flagged(file: Any) -> bool:
    flags = getattr(file, "flags", None) or {}
    return any(flags.get(flag) for flag in SPECIAL_FLAGS)


def _temporary_folder(job: Any) -> bool | None:
    """Whether TMPDIR is set to the node's own; None for a tmpdir that the rule chooses."""
    declared = job.rule.resources.get("tmpdir")
    if declared is None:
        return False
    raw = getattr(declared, "raw", declared)
    here = (tempfile.gettempdir(), os.environ.get("TMPDIR"))
    return True if raw == "system_tmpdir" or raw in here else None
