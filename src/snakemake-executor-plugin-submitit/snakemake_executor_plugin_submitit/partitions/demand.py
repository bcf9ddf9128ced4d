"""What a job asks for, in the numbers that a partition limits."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

# --mem and its like: 2000M, 2G, 2000 (megabytes).
MEGABYTES = {"": 1.0, "K": 1 / 1024, "M": 1.0, "G": 1024.0, "T": 1024.0**2}


@dataclass(frozen=True)
class Demand:
    """One job's demand; None where it leaves a number to the partition."""

    minutes: float | None
    nodes: int  # at least, where SLURM is to choose how many
    spread: bool  # SLURM chooses how many nodes the tasks get
    tasks: int
    cpus_per_task: int | None
    cpus_per_gpu: int | None
    mem_mb: float | None  # of each node
    mem_mb_per_cpu: float | None
    gpus: int  # of all nodes together
    gpu_model: str
    constraint: str  # as sbatch understands it: `rome&(ib|opa)`
    mpi: bool
    account: str
    qos: str
    reservation: str
    clusters: tuple[str, ...]

    @classmethod
    def of(cls, options: Mapping[str, str | int | bool], mpi: bool = False) -> "Demand":
        """The demand of a job with these options of sbatch, by their long names.

        >>> Demand.of({"nodes": 2, "ntasks": 4, "cpus-per-task": 8, "gres": "gpu:v100:2"}).gpus
        4
        """
        given = {name: str(value) for name, value in options.items()}
        nodes, tasks = int(given.get("nodes", 1)), int(given.get("ntasks", 1))
        gpus, model = gpus_of(options, nodes, tasks)
        time = given.get("time")
        per_gpu = _megabytes(given.get("mem-per-gpu"))
        return cls(
            minutes=float(time) if time else None,
            nodes=nodes,
            spread="nodes" not in given,
            tasks=tasks,
            cpus_per_task=_number(given.get("cpus-per-task")),
            cpus_per_gpu=_number(given.get("cpus-per-gpu")),
            mem_mb=per_gpu * -(-gpus // nodes) if per_gpu else _megabytes(given.get("mem")),
            mem_mb_per_cpu=_megabytes(given.get("mem-per-cpu")),
            gpus=gpus,
            gpu_model=model,
            constraint=given.get("constraint", ""),
            mpi=mpi,
            account=given.get("account", ""),
            qos=given.get("qos", ""),
            reservation=given.get("reservation", ""),
            clusters=tuple(name for name in given.get("clusters", "").split(",") if name),
        )

    @property
    def tasks_per_node(self) -> int:
        """The most tasks on one node where they are spread evenly; 1 where SLURM spreads them."""
        return 1 if self.spread else -(-self.tasks // self.nodes)

    @property
    def gpus_per_node(self) -> int:
        """The most GPUs on one node where they are spread evenly; 0 or 1 where SLURM spreads them."""
        return min(1, self.gpus) if self.spread else -(-self.gpus // self.nodes)

    @property
    def cpus_per_node(self) -> int:
        """CPUs that one node has to have; at least one for every task."""
        if self.cpus_per_gpu:
            return self.gpus_per_node * self.cpus_per_gpu
        return self.tasks_per_node * (self.cpus_per_task or 1)

    @property
    def cpus(self) -> int:
        """CPUs of all tasks together."""
        return max(self.tasks * (self.cpus_per_task or 1), self.gpus * (self.cpus_per_gpu or 0))

    @property
    def mem_mb_per_node(self) -> float | None:
        """Memory that one node has to have."""
        if self.mem_mb_per_cpu is not None:
            return self.mem_mb_per_cpu * self.cpus_per_node
        return self.mem_mb


def gpus_of(options: Mapping[str, str | int | bool], nodes: int, tasks: int = 0) -> tuple[int, str]:
    """How many GPUs of which model options of sbatch ask for; the model is empty where any will do."""
    given = {name: str(value) for name, value in options.items()}
    of_gres = [part.split(":") for part in given.get("gres", "").split(",")]
    wanted = [(parts[1:], nodes) for parts in of_gres if parts[0] == "gpu"]
    for option, times in (
        ("gpus", 1),
        ("gpus-per-node", nodes),
        ("gpus-per-task", tasks),
        ("gpus-per-socket", nodes),  # one socket at least
    ):
        if option in given:
            wanted.append((given[option].split(":"), times))
    total, model = 0, ""
    for parts, times in wanted:
        count = next((part for part in parts if part.isdigit()), "1")
        total += int(count) * times
        model = model or next((part for part in parts if part and not part.isdigit()), "")
    return total, model


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdigit() else None


def _megabytes(text: str | None) -> float | None:
    """Megabytes, None where no number is given; sbatch takes `--mem=0` for the whole node."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([KMGT]?)B?", (text or "").upper())
    value = float(found[1]) * MEGABYTES[found[2]] if found else 0.0
    return value or None
