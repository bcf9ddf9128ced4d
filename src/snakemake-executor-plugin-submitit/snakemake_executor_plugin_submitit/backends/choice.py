"""Which backend `--submitit-cluster` names."""

from snakemake_executor_plugin_submitit.backends.backend import Backend
from snakemake_executor_plugin_submitit.backends.debug import DebugBackend
from snakemake_executor_plugin_submitit.backends.local import LocalBackend
from snakemake_executor_plugin_submitit.backends.slurm import SlurmBackend
from snakemake_executor_plugin_submitit.settings import ExecutorSettings


def choose(settings: ExecutorSettings) -> Backend:
    """The backend that `--submitit-cluster` names."""
    backends: dict[str, type[SlurmBackend] | type[LocalBackend] | type[DebugBackend]] = {
        "slurm": SlurmBackend,
        "local": LocalBackend,
        "debug": DebugBackend,
    }
    return backends[settings.cluster](settings)
