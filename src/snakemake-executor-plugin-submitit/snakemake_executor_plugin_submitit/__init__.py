"""Run Snakemake jobs on SLURM through submitit: arrays, preemption, adoption of running jobs."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from snakemake_executor_plugin_submitit.executor import Executor
    from snakemake_executor_plugin_submitit.settings import ExecutorSettings, common_settings

__all__ = ["Executor", "ExecutorSettings", "common_settings"]


def __getattr__(name: str) -> Any:
    """Load what Snakemake asks for; inside a job only the worker is imported, which is quicker."""
    if name == "Executor":
        from snakemake_executor_plugin_submitit import executor as module
    elif name in ("ExecutorSettings", "common_settings"):
        from snakemake_executor_plugin_submitit import settings as module  # type: ignore[no-redef]
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(module, name)
