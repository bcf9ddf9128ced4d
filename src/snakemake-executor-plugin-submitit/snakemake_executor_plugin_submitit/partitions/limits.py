"""What a partition allows: the limit that keeps a job out, and how much of it the job would fill."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf

from snakemake_executor_plugin_submitit.partitions.demand import Demand
from snakemake_executor_plugin_submitit.partitions.features import satisfied


@dataclass(frozen=True)
class NodeKind:
    """Nodes of a partition that are alike, as SLURM describes them."""

    cpus: int
    mem_mb: float
    gpus: tuple[tuple[str, int], ...]  # of each model; the model is empty where it is not named
    features: tuple[str, ...]
    count: int

    def gpus_of(self, model: str = "") -> int:
        """How many GPUs of a model, or of all models, one of them has."""
        return sum(count for name, count in self.gpus if model in ("", name))

    def takes(self, demand: Demand) -> bool:
        """Whether one of them has enough of everything."""
        return (
            self.cpus >= demand.cpus_per_node
            and self.mem_mb >= (demand.mem_mb_per_node or 0)
            and self.gpus_of(demand.gpu_model) >= demand.gpus_per_node
            and satisfied(demand.constraint, self.features)
        )

    def __str__(self) -> str:
        """In words: `2 nodes with 48 CPUs, 180000 MB, 4 rtx8000 GPUs, features rome`."""
        gpus = [_several(count, f"{name} GPU".lstrip()) for name, count in self.gpus]
        features = [f"features {','.join(self.features)}"] if self.features else []
        parts = [_several(self.cpus, "CPU"), f"{self.mem_mb:.0f} MB", *(gpus or ["no GPUs"])]
        return f"{_several(self.count, 'node')} with {', '.join([*parts, *features])}"


@dataclass(frozen=True)
class Partition:
    """A partition's limits; infinite, or None for a list, where there is no limit."""

    name: str
    clusters: tuple[str, ...] = ()  # empty: the one that jobs go to unless they name another
    max_runtime: float = inf  # minutes
    max_mem_mb: float = inf  # of a node
    max_mem_mb_per_cpu: float = inf
    max_cpus_per_task: float = inf
    max_threads: float = inf  # CPUs of a node
    max_nodes: float = inf
    min_nodes: float = 0
    max_tasks: float = inf
    max_tasks_per_node: float = inf
    max_mpi_tasks: float = inf
    max_gpu: float = 0
    max_cpus_per_gpu: float = inf
    available_gpu_models: tuple[str, ...] | None = None
    available_constraints: tuple[str, ...] | None = None
    supports_mpi: bool = True
    kinds: tuple[NodeKind, ...] = ()  # empty: the limits above say it all
    closed: str = ""  # why nobody's jobs are taken now
    accounts: tuple[str, ...] | None = None  # None: every account
    no_accounts: tuple[str, ...] = ()
    qos: tuple[str, ...] | None = None
    no_qos: tuple[str, ...] = ()
    needs_reservation: bool = False
    default: bool = False
    priority: int = 0  # jobs of a higher one come first, and may take away the nodes of a lower

    def obstacle(self, demand: Demand) -> str:
        """The first limit that keeps a job out, with what the job asks for; empty where none does."""
        return next(self._obstacles(demand), "")

    def _obstacles(self, demand: Demand) -> Iterator[str]:
        if self.closed:
            yield self.closed
        for asked, most, name, unit in (
            (demand.minutes, self.max_runtime, "max_runtime", " min"),
            (demand.nodes, self.max_nodes, "max_nodes", ""),
            (demand.tasks, self.max_tasks, "max_tasks", ""),
            (demand.tasks_per_node, self.max_tasks_per_node, "max_tasks_per_node", ""),
            (demand.tasks if demand.mpi else None, self.max_mpi_tasks, "max_mpi_tasks", ""),
            (demand.cpus_per_task, self.max_cpus_per_task, "max_cpus_per_task", ""),
            (demand.cpus_per_node, self.max_threads, "max_threads", " a node"),
            (demand.cpus_per_gpu, self.max_cpus_per_gpu, "max_cpus_per_gpu", ""),
            (demand.mem_mb_per_node, self.max_mem_mb, "max_mem_mb", " MB a node"),
            (demand.mem_mb_per_cpu, self.max_mem_mb_per_cpu, "max_mem_mb_per_cpu", " MB"),
        ):
            if asked is not None and asked > most:
                yield f"{name} is {most:g}{unit}, asked for {asked:g}"
        if demand.nodes < self.min_nodes:
            yield f"at least {self.min_nodes:g} nodes, asked for {demand.nodes}"
        if demand.gpus > self.max_gpu:
            has = f"max_gpu is {self.max_gpu:g}" if self.max_gpu else "no GPUs"
            yield f"{has}, asked for {demand.gpus}"
        models = self.available_gpu_models
        if demand.gpu_model and models is not None and demand.gpu_model not in models:
            yield f"GPUs are {', '.join(models) or 'none'}, asked for {demand.gpu_model}"
        if demand.mpi and not self.supports_mpi:
            yield "supports_mpi is false"
        features = self.available_constraints
        if features is not None and not satisfied(demand.constraint, features):
            offer = ", ".join(features) or "none"
            yield f"features are {offer}, asked for constraint {demand.constraint}"
        yield from self._closed_to(demand)
        if demand.spread and demand.cpus > self.max_threads * self.max_nodes:
            yield (
                f"max_nodes {self.max_nodes:g} with max_threads {self.max_threads:g} are "
                f"{self.max_threads * self.max_nodes:g} CPUs, asked for {demand.cpus}"
            )
        if self.kinds:
            fitting = [kind for kind in self.kinds if kind.takes(demand)]
            cpus = sum(kind.cpus * kind.count for kind in fitting)
            if sum(kind.count for kind in fitting) < demand.nodes or cpus < demand.cpus:
                offer = "; ".join(str(kind) for kind in self.kinds[:4])
                more = f"; and {len(self.kinds) - 4} other kinds" if len(self.kinds) > 4 else ""
                yield f"has {offer}{more}, asked for {asked_for(demand)}"

    def _closed_to(self, demand: Demand) -> Iterator[str]:
        if self.needs_reservation and not demand.reservation:
            yield "takes jobs of a reservation alone"
        for kind, asked, allowed, denied in (
            ("account", demand.account, self.accounts, self.no_accounts),
            ("QOS", demand.qos, self.qos, self.no_qos),
        ):
            if asked in denied:
                yield f"takes no jobs of {kind} {asked}"
            # Who names none has a default, which the site's own default partition surely takes.
            if allowed is not None and asked not in allowed and (asked or not self.default):
                yield f"{kind}s are {', '.join(allowed[:6])}, asked for {asked or 'none by name'}"

    def filled(self, demand: Demand) -> float:
        """The share of its limits that a job would use, 0 to 1: the mean of time, memory, CPUs, GPUs, nodes.

        What is not limited, or not asked for, counts as 0.
        """
        of_a_node = max((kind.gpus_of() for kind in self.kinds), default=0)
        gpus = (demand.gpus_per_node, of_a_node) if self.kinds else (demand.gpus, self.max_gpu)
        pairs = (
            (demand.minutes, self.max_runtime),
            (demand.mem_mb_per_node, self.max_mem_mb),
            (demand.cpus_per_node, min(self.max_threads, self.max_cpus_per_task)),
            gpus,
            (demand.nodes, self.max_nodes),
        )
        return sum((asked or 0) / most for asked, most in pairs if most) / len(pairs)


def asked_for(demand: Demand) -> str:
    """What a job asks for, in words."""
    parts = [_several(demand.cpus if demand.spread else demand.cpus_per_node, "CPU")]
    if demand.mem_mb_per_node:
        parts.append(f"{demand.mem_mb_per_node:.0f} MB")
    if demand.gpus:
        parts.append(_several(demand.gpus_per_node, f"{demand.gpu_model} GPU".lstrip()))
    each = ", ".join(parts) + (f" on each of {demand.nodes} nodes" if demand.nodes > 1 else "")
    return each + (f", constraint {demand.constraint}" if demand.constraint else "")


def _several(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
