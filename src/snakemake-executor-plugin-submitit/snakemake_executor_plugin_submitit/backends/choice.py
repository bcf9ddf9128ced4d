"""Which backend `--submitit-cluster` names."""

from snakemake_executor_plugin_submitit.backends.backend import Backend
from snakemake_executor_plugin_submitit.backends.debug import DebugBackend
from snakemake_executor_plugin_submitit.backends.local import LocalBackend
from snakemake_executor_plugin_submitit.backends.slurm import SlurmBackend
from snakemake_executor_plugin_submitit.settings import ExecutorSettings
from snakemake_executor_plugin_submitit.slurm.failed_nodes import FailedNodes


def choose(settings: ExecutorSettings, failed: FailedNodes | None = None) -> Backend:
    """The backend that `--submitit-cluster` names; submissions leave out the nodes that have `failed`."""
    if settings.cluster == "slurm":
        return SlurmBackend(settings, failed)
    return LocalBackend(settings) if settings.cluster == "local" else DebugBackend(settings)
