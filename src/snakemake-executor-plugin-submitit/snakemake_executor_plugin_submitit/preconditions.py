"""What must hold before anything is submitted or written; WorkflowError says what does not."""

from typing import Any

from snakemake_interface_common.exceptions import WorkflowError

from snakemake_executor_plugin_submitit.backends.slurm import absent
from snakemake_executor_plugin_submitit.resources import conflicts
from snakemake_executor_plugin_submitit.resources.sbatch_options import ContradictionError


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


def refuse_contradictions(dag: Any, workflow: Any) -> None:
    """WorkflowError naming every rule whose resources contradict each other, whatever its job."""
    problems = []
    for rule in {job.rule for job in dag.needrun_jobs() if not job.is_local}:
        try:
            conflicts.check(rule, workflow)
        except ContradictionError as error:
            problems.append(f"  rule {rule.name}: {error}")
    if problems:
        raise WorkflowError("Resources that contradict each other:\n" + "\n".join(sorted(problems)))
