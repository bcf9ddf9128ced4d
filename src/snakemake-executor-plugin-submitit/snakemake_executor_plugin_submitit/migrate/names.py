"""What the flags and resources of snakemake-executor-plugin-slurm 2.8 are called here."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Counterpart:
    """Our name of one of theirs: `logdir` for `--submitit-logdir`, empty where there is none."""

    ours: str = ""
    note: str = ""  # what differs, or why there is none


FLAGS: dict[str, Counterpart] = {
    "array-jobs": Counterpart(note="all ready jobs of equal resources are arrays by themselves"),
    "array-limit": Counterpart("array-size"),
    "disable-memory-fudge": Counterpart(note="nothing is added to what a job asks for"),
    "logdir": Counterpart("logdir"),
    "keep-successful-logs": Counterpart(
        "keep-successful-logs",
        "all logs are kept unless --submitit-clean or a number of days is set",
    ),
    "delete-logfiles-older-than": Counterpart(
        "delete-logfiles-older-than", "0, never, unless it is set; there it is 10 days"
    ),
    "init-seconds-before-status-checks": Counterpart(
        note="results are noticed by files within seconds; submitit-poll and submitit-ask set the pace"
    ),
    "requeue": Counterpart("requeue", "what happens anyway"),
    "no-requeue": Counterpart("no-requeue"),
    "exclude-failed-nodes": Counterpart("exclude-failed-nodes"),
    "no-account": Counterpart(
        note="no account is guessed: only slurm_account or SBATCH_ACCOUNT name one"
    ),
    "partition-config": Counterpart(
        "partition-config", "the same file, or auto; a job that no partition takes is refused"
    ),
    "efficiency-report": Counterpart("efficiency", "takes the name of the CSV file"),
    "efficiency-report-path": Counterpart("efficiency", "the file, where theirs takes a folder"),
    "efficiency-threshold": Counterpart("efficiency-threshold", "0.5 by default; there it is 0.8"),
    "jobname-prefix": Counterpart("jobname-prefix"),
    "status-command": Counterpart(
        note="squeue is asked first, and sacct, where there is one, about what squeue has forgotten"
    ),
    "status-attempts": Counterpart(note="SLURM is asked again until it answers"),
    "qos": Counterpart("qos", "a rule's own wins; there the flag does"),
    "reservation": Counterpart("reservation"),
    "pass-command-as-script": Counterpart(note="every job is a script of a few lines"),
}

# Resources, by their names there; those with an empty note are the same here.
RESOURCES: dict[str, Counterpart] = {
    "cluster": Counterpart("clusters"),
    "clusters": Counterpart("clusters"),
    "constraint": Counterpart("constraint"),
    "cpus_per_gpu": Counterpart("cpus_per_gpu"),
    "cpus_per_task": Counterpart("cpus_per_task"),
    "gpu": Counterpart("gpu"),
    "gpu_model": Counterpart("gpu_model"),
    "gres": Counterpart("gres"),
    "mem": Counterpart("mem"),
    "mem_mb": Counterpart("mem_mb"),
    "mem_mb_per_cpu": Counterpart("mem_mb_per_cpu"),
    "mpi": Counterpart("mpi"),
    "nodes": Counterpart("nodes"),
    "qos": Counterpart("qos"),
    "runtime": Counterpart("runtime"),
    "slurm_account": Counterpart("slurm_account", "one account, not a list"),
    "slurm_cluster": Counterpart("clusters"),
    "slurm_extra": Counterpart(
        "slurm_extra", "options that a resource has may stand here as well, and count as that"
    ),
    "slurm_partition": Counterpart("slurm_partition"),
    "slurm_requeue": Counterpart("slurm_requeue", "theirs is in the manual only"),
    "tasks": Counterpart("tasks", "those of the job; there, with GPUs, those of each GPU"),
    "tasks_per_gpu": Counterpart("tasks_per_gpu"),
    "tasks_per_node": Counterpart("tasks_per_node"),
    "threads": Counterpart("threads"),
}


def in_words(flag: str) -> str:
    """What to write instead of `slurm-<flag>`, in one line.

    >>> in_words("logdir")
    'submitit-logdir'
    """
    found = FLAGS.get(flag)
    if found is None:
        return "not known here: later than version 2.8 of that plugin, or misspelt"
    if not found.ours:
        return f"leave it out: {found.note}"
    return f"submitit-{found.ours}" + (f" ({found.note})" if found.note else "")
