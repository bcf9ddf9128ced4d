"""Exchanges the executor of every Snakemake that starts in the suite's environment.

A `.pth` file of that environment calls `install` in each of its Pythons, those that tests start as
well. Only what a test asks of Snakemake is changed: `local` (and `cluster-generic`, for which the suite
brings commands) becomes the executor that CONFORMANCE_EXECUTOR names. Nothing of Snakemake is imported here
before somebody else does: this runs whenever a Python starts.
"""

import os
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

VARIABLE = "CONFORMANCE_EXECUTOR"
# Submits a job script as a process of this machine, for the generic executor.
SUBMIT = "CONFORMANCE_SUBMIT"
EXECUTORS = ("control", "direct", "nested", "slurm", "generic")


def install() -> None:
    """Exchange the executor as soon as Snakemake's API is loaded."""
    if os.environ.get(VARIABLE, "control") != "control":
        sys.meta_path.insert(0, Finder())


class Finder(MetaPathFinder):
    """Finds `snakemake.api` where it is, and has it patched once it is there."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """The specification of Snakemake's API with a loader that patches."""
        if name != "snakemake.api":
            return None
        sys.meta_path.remove(self)
        found = PathFinder.find_spec(name, path)
        if found is not None and found.loader is not None:
            found.loader = Patching(found.loader)
        return found


class Patching(Loader):
    """Loads a module as its own loader does, and patches it."""

    def __init__(self, loader: Any) -> None:
        self.loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """As the module's own loader."""
        made: ModuleType | None = self.loader.create_module(spec)
        return made

    def exec_module(self, module: ModuleType) -> None:
        """As the module's own loader, and then the patch."""
        self.loader.exec_module(module)
        patch(module)


def patch(api: Any) -> None:
    """Exchange the executor where Snakemake begins to run a workflow."""
    original = api.DAGApi.execute_workflow

    def execute_workflow(self: Any, executor: str = "local", *args: Any, **kwargs: Any) -> Any:
        workflow = self.workflow_api
        default = workflow.workflow_settings.exec_mode == api.ExecMode.DEFAULT
        inert = args or kwargs.get("pseudo_executor")
        if default and not inert and executor in ("local", "cluster-generic"):
            executor, kwargs["executor_settings"] = chosen(os.environ[VARIABLE])
            limits = workflow.resource_settings
            # A suite's `-j N` was N cores of the local executor.
            limits.nodes = limits.nodes or min(limits.cores or 3, 4)
            workflow._workflow.global_resources["_nodes"] = limits.nodes
        return original(self, executor, **kwargs)

    api.DAGApi.execute_workflow = execute_workflow


def chosen(name: str) -> tuple[str, Any]:
    """The executor and its settings."""
    if name == "generic":
        from snakemake_executor_plugin_cluster_generic import (  # type: ignore[import-not-found]
            ExecutorSettings as GenericSettings,
        )

        return "cluster-generic", GenericSettings(submit_cmd=os.environ[SUBMIT])
    from snakemake_executor_plugin_submitit import ExecutorSettings

    return "submitit", ExecutorSettings(
        cluster="slurm" if name == "slurm" else "local",
        direct="never" if name == "nested" else "auto",
        poll=0.1,
        ask=5,
    )
