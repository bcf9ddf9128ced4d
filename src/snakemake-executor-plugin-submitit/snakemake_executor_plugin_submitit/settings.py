"""The flags `--submitit-…`, each with its default and the reason to change it."""

from dataclasses import dataclass, field
from typing import Literal, cast

from snakemake_interface_executor_plugins.settings import (  # type: ignore[import-untyped]
    CommonSettings,
    ExecutorSettingsBase,
)

from snakemake_executor_plugin_submitit.flag_conflicts import check
from snakemake_executor_plugin_submitit.migrate.given import listen

Cluster = Literal["slurm", "local", "debug"]

common_settings = CommonSettings(
    non_local_exec=True,
    implies_no_shared_fs=False,
    job_deploy_sources=False,
    pass_default_storage_provider_args=True,
    pass_default_resources_args=True,
    # Commands stand in process lists and specifications; declared variables may be passwords.
    pass_envvar_declarations_to_cmd=False,
    auto_deploy_default_storage_provider=False,
    pass_group_args=True,
)


@dataclass
class ExecutorSettings(ExecutorSettingsBase):  # type: ignore[misc]
    """What a user may set; every field has a default that works on a plain SLURM."""

    cluster: str = field(
        default="slurm",
        metadata={
            "help": "Where jobs run: slurm, local (processes on this machine) or debug "
            "(one after the other, inside Snakemake).",
        },
    )
    folder: str = field(
        default=".snakemake/submitit",
        metadata={
            "help": "Folder of job logs, results and the registry of running jobs, below the "
            "working directory or absolute. It must be visible on the compute nodes.",
        },
    )
    python: str = field(
        default="",
        metadata={
            "help": "Command that starts Python inside a job, for example 'singularity exec --nv "
            "image.sif python'. Default: the Python that runs Snakemake."
        },
    )
    direct: str = field(
        default="auto",
        metadata={
            "help": "auto: plain shell rules run without a nested Snakemake, which saves about two "
            "seconds of CPU a job; never: every job runs a nested Snakemake.",
        },
    )
    step: str = field(
        default="auto",
        metadata={
            "help": "Run jobs in an srun step, which alone hears of a preemption when its grace "
            "time begins instead of when it ends. auto: jobs with GPUs, without a time limit or "
            "with one of 10 minutes or more; always; never: fewer requests to SLURM.",
        },
    )
    partition_config: str = field(
        default="",
        metadata={
            "help": "How jobs that name no partition get one. A YAML file of partitions and their "
            "limits, as for the slurm executor; auto: by what SLURM says of its partitions; none: "
            "SLURM's default. Default: the file in $SNAKEMAKE_SLURM_PARTITIONS, else none.",
        },
    )
    notice: int = field(
        default=90,
        metadata={"help": "Seconds before the time limit at which a job is told to save."},
    )
    timeouts: int = field(
        default=10,
        metadata={
            "help": "How often a job that saved at its time limit is requeued before it fails."
        },
    )
    resubmissions: int = field(
        default=10,
        metadata={
            "help": "How often a job that SLURM lost or cancelled by preemption, without "
            "requeueing it, is submitted again before it fails."
        },
    )
    array_size: int = field(
        default=1000,
        metadata={"help": "Most jobs in one array; the site's MaxArraySize is kept as well."},
    )
    poll: float = field(
        default=0.5,
        metadata={"help": "Seconds between two looks at the result files; asks SLURM nothing."},
    )
    ask: int = field(
        default=30,
        metadata={"help": "Seconds between two questions to SLURM about all jobs, in one call."},
    )
    silence: float = field(
        default=60,
        metadata={
            "help": "Seconds without a sign of life, from SLURM and from the job itself, after which "
            "a job counts as lost. A running job gives one every sixth of it."
        },
    )
    setup: str = field(
        default="",
        metadata={
            "help": "Shell command to run in every job before Python, such as a module load."
        },
    )
    qos: str = field(
        default="",
        metadata={"help": "Quality of service of jobs whose rule names none."},
    )
    reservation: str = field(
        default="",
        metadata={"help": "Reservation of jobs whose rule names none."},
    )
    requeue: bool = field(
        default=False,
        metadata={
            "help": "Jobs that are preempted or lost are requeued: what happens anyway, unless their "
            "rule says --no-requeue."
        },
    )
    no_requeue: bool = field(
        default=False,
        metadata={
            "help": "Neither SLURM nor this executor runs a job again that is preempted, lost or saved: "
            "it fails, and Snakemake's retries decide. A rule's own --requeue (slurm_extra) wins."
        },
    )
    exclude_failed_nodes: str = field(
        default="auto",
        metadata={
            "help": "auto: nodes on which a job was lost are left out of the next attempts, unless no "
            "node would be left; never; or names such as gr001,gr[003-004], which are left out as well."
        },
    )
    jobname_prefix: str = field(
        default="",
        metadata={
            "help": "What the names of jobs in the queue begin with: up to 50 letters, digits, _ and -."
        },
    )
    logdir: str = field(
        default="",
        metadata={
            "help": "Folder of job logs, if not --submitit-folder. Visible on the compute nodes, too."
        },
    )
    delete_logfiles_older_than: int = field(
        default=0,
        metadata={
            "help": "Days after which logs and other files of jobs are deleted, at the end of a run of "
            "the workflow; what a job still needs is kept. 0: never."
        },
    )
    keep_successful_logs: bool = field(
        default=False,
        metadata={
            "help": "Keep all logs, whatever --submitit-clean and a number of days would delete."
        },
    )
    detach: bool = field(
        default=False,
        metadata={
            "help": "On Ctrl-C leave the jobs in the queue; the next Snakemake adopts them. "
            "Without it Ctrl-C cancels them."
        },
    )
    fresh: bool = field(
        default=False,
        metadata={
            "help": "Cancel jobs that an earlier Snakemake left behind instead of adopting them."
        },
    )
    clean: bool = field(
        default=False,
        metadata={"help": "Delete the folder and log of a job after it succeeded."},
    )
    efficiency: str = field(
        default="",
        metadata={
            "metavar": "FILE",
            "help": "Tell at the end what jobs used of what they asked for, rule by rule, with the "
            "lines for a profile that would ask for less, and write a CSV with a row per job to FILE, "
            "after those of earlier runs; - is the log alone. Default: one line, if very much was wasted.",
        },
    )
    efficiency_threshold: float = field(
        default=0.5,
        metadata={
            "help": "Share of what was asked for below which the use of memory, CPUs, GPUs and time "
            "is called waste, from 0 (nothing is) to 1."
        },
    )

    def __post_init__(self) -> None:
        """Refuse values that would only fail in the first job."""
        check(self)

    @property
    def beat(self) -> float:
        """Seconds between two signs of life of a running job."""
        return max(0.5, self.silence / 6)

    @property
    def backend(self) -> Cluster:
        """The validated `cluster`."""
        return cast(Cluster, self.cluster)

    @property
    def days(self) -> int:
        """After how many days logs are deleted; 0 where they are kept."""
        return 0 if self.keep_successful_logs else max(0, self.delete_logfiles_older_than)

    @property
    def usual(self) -> dict[str, str | bool]:
        """Options of sbatch for rules that leave them open, by their long names."""
        options: dict[str, str | bool] = {"qos": self.qos, "reservation": self.reservation}
        options |= {"no-requeue": True} if self.no_requeue else {}
        return {name: value for name, value in options.items() if value}


# Where the slurm executor is missing, Snakemake ends over its keys before it asks a plugin.
listen()
