"""The rule: which of the partitions that take a job fit it best."""

from collections.abc import Sequence
from dataclasses import dataclass

from snakemake_executor_plugin_submitit.partitions.demand import Demand
from snakemake_executor_plugin_submitit.partitions.limits import Partition

# Shares that differ by less are the same.
EQUAL = 1e-9


@dataclass(frozen=True)
class Best:
    """The partitions that fit a job best, all that tie, and the clusters that have all of them."""

    partitions: tuple[Partition, ...]
    clusters: tuple[str, ...]  # empty where the job names none
    filled: float

    @property
    def names(self) -> str:
        """As sbatch takes them."""
        return ",".join(partition.name for partition in self.partitions)


def best(known: Sequence[Partition], demand: Demand) -> Best | None:
    """The partitions that fit a job best, None where none takes it.

    Jobs without GPUs keep off partitions with GPUs where another takes them. Then the partition counts
    whose limits the job fills most. Where SLURM's default is among those that tie, so do only those of
    its priority: nobody's nodes are taken, and nobody takes ours, without being asked for.
    """
    found = [
        Best(tuple(ties), (cluster,) if cluster else (), ties[0].filled(demand))
        for cluster in demand.clusters or ("",)
        if (ties := _ties([each for each in known if _is_on(each, cluster)], demand))
    ]
    if not found:
        return None
    top = min(found, key=lambda one: (wastes_gpus(one.partitions[0], demand), -one.filled))
    same = [one for one in found if one.names == top.names]
    return Best(top.partitions, tuple(name for one in same for name in one.clusters), top.filled)


def obstacle(partition: Partition, demand: Demand) -> str:
    """Why a partition does not take a job; empty where it does."""
    if not any(_is_on(partition, cluster) for cluster in demand.clusters or ("",)):
        where = (
            f"on cluster {','.join(partition.clusters)}" if partition.clusters else "of no cluster"
        )
        asked = ",".join(demand.clusters)
        return f"is {where}, " + (f"asked for {asked}" if asked else "and the job names none")
    return partition.obstacle(demand)


def _ties(known: Sequence[Partition], demand: Demand) -> list[Partition]:
    fitting = [partition for partition in known if not partition.obstacle(demand)]
    fitting = [each for each in fitting if not wastes_gpus(each, demand)] or fitting
    most = max((partition.filled(demand) for partition in fitting), default=0.0)
    ties = [partition for partition in fitting if partition.filled(demand) >= most - EQUAL]
    default = next((partition for partition in ties if partition.default), None)
    return [each for each in ties if default is None or each.priority == default.priority]


def _is_on(partition: Partition, cluster: str) -> bool:
    return cluster in partition.clusters if cluster else not partition.clusters


def wastes_gpus(partition: Partition, demand: Demand) -> bool:
    """Whether a job without GPUs would keep those of a partition from the jobs that need them."""
    return bool(partition.max_gpu and not demand.gpus)
