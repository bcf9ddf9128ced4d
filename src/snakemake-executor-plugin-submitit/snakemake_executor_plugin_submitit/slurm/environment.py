"""The environment of SLURM's commands: nothing in it changes what they answer behind our back.

People set `SQUEUE_PARTITION`, `SACCT_FORMAT` or `SCANCEL_USER` for their own use of the commands. To
ours they would hide jobs that run, and a job that is not seen would be started a second time.
"""

import os
from collections.abc import Iterable

# Every command of SLURM reads variables of its own name, and those that begin with SLURM_.
PREFIXES = (
    "SLURM_", "SQUEUE_", "SACCT_", "SACCTMGR_", "SCONTROL_", "SCANCEL_", "SINFO_", "SPRIO_",
    "SLURMD_", "SSHARE_", "SSTAT_", "SDIAG_", "SREPORT_", "SBATCH_", "SALLOC_", "SRUN_",
)  # fmt: skip
# What is needed to reach the controller and to be believed by it.
KEPT = ("SLURM_CONF", "SLURM_CONF_SERVER", "SLURM_JWT")

# Of another job, or for another srun; but where jobs are submitted to is meant.
FOREIGN = ("SLURM_", "SLURMD_", "SRUN_")
MEANT = (*KEPT, "SLURM_CLUSTERS")

# Options that a submission must have as they are: sbatch prefers a variable to its script. Without them
# the log lies elsewhere, the array is another one, a notice comes as another signal, or sbatch waits.
OURS = (
    "SBATCH_ARRAY_INX", "SBATCH_DEBUG", "SBATCH_ERROR", "SBATCH_INPUT", "SBATCH_JOB_NAME",
    "SBATCH_NO_REQUEUE", "SBATCH_OPEN_MODE", "SBATCH_OUTPUT", "SBATCH_REQUEUE", "SBATCH_SIGNAL",
    "SBATCH_WAIT",
)  # fmt: skip
# Variables that are not called like their option.
NAMES = {
    "clusters": ("SBATCH_CLUSTERS", "SLURM_CLUSTERS"),
    "switches": ("SBATCH_REQ_SWITCH", "SBATCH_WAIT4SWITCH"),
    "time": ("SBATCH_TIMELIMIT",),
    "mem": ("SBATCH_MEM_PER_NODE", "SBATCH_MEM_PER_CPU", "SBATCH_MEM_PER_GPU"),
    "mem-per-cpu": ("SBATCH_MEM_PER_NODE", "SBATCH_MEM_PER_CPU", "SBATCH_MEM_PER_GPU"),
    "mem-per-gpu": ("SBATCH_MEM_PER_NODE", "SBATCH_MEM_PER_CPU", "SBATCH_MEM_PER_GPU"),
}


def place() -> str:
    """The clusters that jobs are submitted to by name, as a multi-cluster site's users set them."""
    return os.environ.get("SBATCH_CLUSTERS") or os.environ.get("SLURM_CLUSTERS") or ""


def of_questions(clusters: str = "") -> dict[str, str]:
    """What squeue, sacct, scontrol, scancel and sinfo are called with.

    `clusters` are those to ask, where that is not the one that SLURM_CONF stands for.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in KEPT or not name.startswith(PREFIXES)
    }
    if clusters:
        kept["SLURM_CLUSTERS"] = clusters
    # The members of an array in full, however many they are.
    return kept | {"SLURM_BITSTR_LEN": "0"}


def of_submissions(options: Iterable[str] = ()) -> dict[str, str]:
    """What sbatch is called with, and what jobs inherit.

    Variables of sbatch are defaults for what a rule leaves open; `options` are those that it asks for,
    without their dashes: `time`, `partition`. Those of the job that Snakemake itself may run in, and of
    the user's own srun, would make our job believe that it is another one, or keep its step from starting.
    """
    given = set(OURS)
    for option in options:
        usual = f"SBATCH_{option.replace('-', '_').upper()}"
        given.update(NAMES.get(option, (usual,)))
    return {
        name: value
        for name, value in os.environ.items()
        if name not in given and (name in MEANT or not name.startswith(FOREIGN))
    }
