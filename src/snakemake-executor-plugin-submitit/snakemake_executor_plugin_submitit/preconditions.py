"""What must hold before anything is submitted or written; WorkflowError says what does not."""

import os
from pathlib import Path
from typing import Any

from snakemake_interface_common.exceptions import WorkflowError

from snakemake_executor_plugin_submitit.backends.slurm import absent
from snakemake_executor_plugin_submitit.layout import Layout, expanded
from snakemake_executor_plugin_submitit.partitions.choice import Choice, NoPartitionError
from snakemake_executor_plugin_submitit.resources import conflicts
from snakemake_executor_plugin_submitit.resources.contradiction import ContradictionError
from snakemake_executor_plugin_submitit.settings import ExecutorSettings


def refuse_immediate_submit(workflow: Any) -> None:
    """WorkflowError where Snakemake would hand over jobs before their inputs are made."""
    if workflow.remote_execution_settings.immediate_submit:
        raise WorkflowError(
            "--immediate-submit: jobs would not wait for those that make their inputs, as this executor "
            "tells SLURM of no dependencies. Leave it out; with --submitit-detach, jobs that were "
            "submitted go on when Snakemake ends, and its next start takes them over."
        )


def refuse_without_slurm(workflow: Any) -> None:
    """WorkflowError where a job is to go to a SLURM whose commands are not here."""
    missing = absent()
    if missing and any(
        not (job.is_local or workflow.is_local(job.rule)) for job in workflow.dag.needrun_jobs()
    ):
        raise WorkflowError(
            f"{missing}. On a cluster make them available first, such as by `module load slurm`; "
            "without one, run the jobs on this machine: --submitit-cluster local"
        )


def refuse_resources(dag: Any, workflow: Any, choice: Choice) -> None:
    """WorkflowError naming every rule whose resources contradict each other, or fit no partition of a file.

    What depends on a single job is not asked about here.
    """
    contradictions, homeless = [], []
    for rule in {job.rule for job in dag.needrun_jobs() if not job.is_local}:
        try:
            request = conflicts.check(rule, workflow)
            if request is not None:
                choice.by_file("", dict(request.options), request.mpi)
        except ContradictionError as error:
            contradictions.append(f"  rule {rule.name}: {error}")
        except NoPartitionError as error:
            homeless.append(f"  rule {rule.name}: {error}")
    for heading, problems in (
        ("Resources that contradict each other:", contradictions),
        ("Jobs that no partition takes:", homeless),
    ):
        if problems:
            raise WorkflowError("\n".join([heading, *sorted(problems)]))


def make_folders(settings: ExecutorSettings) -> Layout:
    """The folders of the executor, made; WorkflowError naming the flag of one that cannot be."""
    for flag, place in (("logdir", settings.logdir), ("folder", settings.folder)):
        try:
            if place:
                folder = Path(place) if flag == "folder" else expanded(place)
                folder.mkdir(parents=True, exist_ok=True)
                if not os.access(folder, os.W_OK | os.X_OK):
                    raise PermissionError(None, "Permission denied")
        except OSError as error:
            raise WorkflowError(
                f"--submitit-{flag} {place}: no folder can be made or written to there "
                f"({error.strerror}). Name one that you may write to and that the nodes see."
            ) from None
    return Layout.create(Path(settings.folder), settings.logdir)
