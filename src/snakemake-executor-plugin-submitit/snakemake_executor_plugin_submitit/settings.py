"""The flags `--submitit-…`, each with its default and the reason to change it."""

from dataclasses import dataclass, field
from typing import Literal, cast

from snakemake_interface_common.exceptions import WorkflowError
from snakemake_interface_executor_plugins.settings import (  # type: ignore[import-untyped]
    CommonSettings,
    ExecutorSettingsBase,
)

Cluster = Literal["slurm", "local", "debug"]
CLUSTERS: tuple[Cluster, ...] = ("slurm", "local", "debug")

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

    def __post_init__(self) -> None:
        """Refuse values that would only fail in the first job."""
        if self.cluster not in CLUSTERS:
            raise WorkflowError(
                f"--submitit-cluster {self.cluster}: expected one of {', '.join(CLUSTERS)}."
            )
        if self.step not in ("auto", "always", "never"):
            raise WorkflowError(f"--submitit-step {self.step}: expected auto, always or never.")
        if self.direct not in ("auto", "never"):
            raise WorkflowError(f"--submitit-direct {self.direct}: expected auto or never.")
        for name in ("notice", "timeouts", "resubmissions"):
            if getattr(self, name) < 0:
                raise WorkflowError(f"--submitit-{name} {getattr(self, name)}: expected 0 or more.")
        for name in ("array_size", "poll", "ask", "silence"):
            if getattr(self, name) <= 0:
                flag = name.replace("_", "-")
                raise WorkflowError(
                    f"--submitit-{flag} {getattr(self, name)}: expected more than 0."
                )

    @property
    def beat(self) -> float:
        """Seconds between two signs of life of a running job."""
        return max(0.5, self.silence / 6)

    @property
    def backend(self) -> Cluster:
        """The validated `cluster`."""
        return cast(Cluster, self.cluster)
