"""The sections `resources` and `tracking`: what a job asks of the cluster, and where its figures go."""

from pydantic import Field

from bakeoff.config.schema.section import Section


class Resources(Section):
    """The request of a training job, by the names of Snakemake's SLURM executor."""

    gpu: int = Field(0, ge=0)
    gpu_model: str | None = None
    gres: str | None = None
    constraint: str | None = None
    runtime: int = Field(60, ge=1)  # minutes
    mem_mb: int = Field(4000, ge=100)
    cpus_per_task: int | None = Field(None, ge=1)
    nodes: int | None = Field(None, ge=1)
    tasks: int | None = Field(None, ge=1)
    slurm_account: str | None = None
    slurm_partition: str | None = None
    qos: str | None = None
    reservation: str | None = None
    slurm_extra: str | None = None
    comment: str | None = None

    @property
    def processes(self) -> int:
        """The number of processes that share each batch of a run: `tasks`, else one per GPU or node."""
        return self.tasks or max(self.gpu, self.nodes or 1)

    @property
    def asks_for_gpu(self) -> bool:
        """Whether a run asks SLURM for a GPU, in any of the ways."""
        return self.gpu > 0 or "gpu" in f"{self.gres} {self.slurm_extra}"

    def asked(self) -> dict[str, int | str]:
        """The resources that are set, as Snakemake takes them."""
        asked = self.model_dump(exclude_none=True)
        if self.processes > 1:
            asked["tasks"] = self.processes
        return asked

    def describe(self) -> str:
        """The request of one run, in a few words."""
        gpu = f"{self.gpu} GPU {self.gpu_model or ''}".rstrip() + ", " if self.gpu else ""
        return f"{gpu}{self.mem_mb / 1000:g} GB, {self.runtime} min"


class Tracking(Section):
    """Where MLflow keeps the runs; None is MLFLOW_TRACKING_URI, then the embedded store."""

    uri: str | None = None
    experiment: str | None = None  # MLflow's experiment name, by default the experiment's own
    live: bool = True  # send while a run trains; without it, `track` and `bakeoff sync` send later
    force: bool = False  # allow SQLite on a network file system, where it can lose data
