"""How many tasks a job has, and how they lie on its nodes and GPUs."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from snakemake_executor_plugin_submitit.resources.contradiction import ContradictionError, count


@dataclass(frozen=True)
class TaskLayout:
    """Numbers of 1 or more; None for what is left to SLURM."""

    nodes: int | None  # None: as many as SLURM gives the tasks
    tasks: int
    per_node: int | None
    per_gpu: int | None
    mpi: bool

    @property
    def options(self) -> dict[str, str | int | bool]:
        """As sbatch takes them."""
        given = {
            "nodes": self.nodes,
            "ntasks": self.tasks,
            "ntasks-per-node": self.per_node,
            "ntasks-per-gpu": self.per_gpu,
        }
        return {name: number for name, number in given.items() if number is not None}


def nodes_of(resources: Mapping[str, Any]) -> int | None:
    """The nodes of a job; None where SLURM is to spread the ranks of MPI over as many as it likes.

    Other tasks stay on one node unless more are asked for: they may need to see each other.
    """
    asked = count(resources, "nodes")
    spread = resources.get("mpi") and not count(resources, "tasks_per_node")
    return asked or (None if spread else 1)


def lay_out(resources: Mapping[str, Any], nodes: int | None, gpus: int) -> TaskLayout:
    """The tasks of a job with so many nodes and GPUs in all.

    Raises ContradictionError, naming the resources, where they exclude each other.
    """
    tasks, per_node = count(resources, "tasks"), count(resources, "tasks_per_node")
    per_gpu = _per_gpu(resources, gpus)
    if per_gpu and per_node:
        raise ContradictionError("tasks_per_gpu and tasks_per_node are both set: keep one")
    if tasks and per_gpu and tasks != gpus * per_gpu:
        raise ContradictionError(
            f"tasks={tasks}, but gpu={gpus} times tasks_per_gpu={per_gpu} is {gpus * per_gpu}"
        )
    if tasks and per_node and nodes and tasks != nodes * per_node:
        raise ContradictionError(
            f"tasks={tasks}, but nodes={nodes} times tasks_per_node={per_node} is {nodes * per_node}"
        )
    total = tasks or gpus * (per_gpu or 0) or (nodes or 1) * (per_node or 1)
    if total < (nodes or 1):
        raise ContradictionError(f"tasks={total} cannot use nodes={nodes}: ask for fewer nodes")
    mpi = str(resources.get("mpi") or "")
    if mpi and total == 1:
        raise ContradictionError(
            f"mpi={mpi} starts several tasks, and the job has one: set tasks or tasks_per_node"
        )
    return TaskLayout(nodes, total, per_node, per_gpu, bool(mpi))


def _per_gpu(resources: Mapping[str, Any], gpus: int) -> int | None:
    value = str(resources.get("tasks_per_gpu", ""))
    if re.fullmatch(r"0|-\d+", value):  # as in the slurm plugin: no such option
        return None
    per_gpu = count(resources, "tasks_per_gpu")
    if per_gpu and not gpus:
        raise ContradictionError(
            f"tasks_per_gpu={per_gpu}, but the job has no number of GPUs: set gpu or gres"
        )
    return per_gpu
