"""Which partitions a job goes to, and why: the flag `--submitit-partition-config`."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from snakemake_executor_plugin_submitit.partitions import partition_file, query
from snakemake_executor_plugin_submitit.partitions.demand import Demand
from snakemake_executor_plugin_submitit.partitions.limits import Partition
from snakemake_executor_plugin_submitit.partitions.ranking import (
    EQUAL,
    Best,
    best,
    obstacle,
    wastes_gpus,
)
from snakemake_executor_plugin_submitit.slurm import environment
from snakemake_executor_plugin_submitit.slurm.commands import UnreachableError

# Where users of the slurm plugin and their sites keep the file's name.
VARIABLE = "SNAKEMAKE_SLURM_PARTITIONS"
FLAG = "--submitit-partition-config"
# Seconds before a SLURM that gave no answer is asked again about its partitions.
LATER = 300.0
# How many partitions a message tells about.
TOLD = 12

Options = Mapping[str, str | int | bool]


class NoPartitionError(ValueError):
    """No partition takes a job; the message says which limit of which partition forbids it."""


class Choice:
    """Chooses partitions for jobs that name none; `config` is a file, `auto` or `none`.

    A file is read at once: WorkflowError says what is wrong in it. SLURM is asked when the first job
    needs it, once about each cluster.
    """

    def __init__(self, config: str, log: Callable[[str], None]) -> None:
        config = config or os.environ.get(VARIABLE) or "none"
        self.auto = config == "auto"
        self.path = None if config in ("auto", "none") else Path(config).expanduser()
        self.log = log
        self._file = partition_file.read(self.path) if self.path else []
        self._asked: dict[str, list[Partition]] = {}  # by cluster
        self._accounts: dict[str, str] = {}  # the user's default, by cluster
        self._ask_at = 0.0  # monotonic
        self._logged: set[tuple[str, ...]] = set()

    def by_file(self, name: str, options: Options, mpi: bool = False) -> Options:
        """The options, with the partition that the file gives a job; as they are without a file.

        Raises NoPartitionError. `name` is the job's, for the log; empty: nothing is told.
        """
        if self.path is None or _named(options):
            return options
        return self._chosen(name, options, self._file, Demand.of(options, mpi))

    def by_slurm(self, name: str, options: Options, mpi: bool = False) -> Options:
        """The options, with the partition that SLURM's own limits give a job, where the flag says `auto`.

        As they are where SLURM gives no answer. Raises NoPartitionError.
        """
        if not self.auto or _named(options):
            return options
        demand = self._as_submitted(Demand.of(options, mpi))
        try:
            known = self._known(demand)
        except UnreachableError as error:
            self._ask_at = time.monotonic() + LATER
            self.log(f"SLURM does not say what its partitions allow; it chooses itself: {error}")
            return options
        if not known:
            return options
        return self._chosen(name, options, known, self._with_account(known, demand))

    def advice(self, options: Options, mpi: bool = False) -> str:
        """Which partition would take a job that SLURM has refused; empty where that is not known."""
        if self.auto or self.path or _named(options):
            return ""
        demand = self._as_submitted(Demand.of(options, mpi))
        try:
            known = self._known(demand)
            demand = self._with_account(known, demand)
            found = best(known, demand)
        except UnreachableError:
            self._ask_at = time.monotonic() + LATER
            return ""
        usual = [f"{each.name}: {obstacle(each, demand)}" for each in known if each.default]
        if found is None or any(each.default and not obstacle(each, demand) for each in known):
            return ""
        why = f"SLURM's default partition {'; '.join(usual)}" if usual else "SLURM has no default"
        return f"{why}. Partition {found.names} allows it: set slurm_partition, or {FLAG} auto"

    def _chosen(
        self, name: str, options: Options, known: Sequence[Partition], demand: Demand
    ) -> Options:
        found = best(known, demand)
        if found is None:
            raise NoPartitionError(self._refusal(known, demand))
        if name:
            self._say(name, known, found, demand)
        chosen = {**options, "partition": found.names}
        if found.clusters != demand.clusters:
            chosen["clusters"] = ",".join(found.clusters)
        return chosen

    def _as_submitted(self, demand: Demand) -> Demand:
        """The demand with what sbatch's environment adds to it."""
        place = tuple(name for name in environment.place().split(",") if name)
        return replace(
            demand,
            account=demand.account or os.environ.get("SBATCH_ACCOUNT", ""),
            qos=demand.qos or os.environ.get("SBATCH_QOS", ""),
            clusters=demand.clusters or place,
        )

    def _known(self, demand: Demand) -> list[Partition]:
        """What SLURM says of the clusters that a job may go to; empty while it is not to be asked."""
        found: list[Partition] = []
        for cluster in demand.clusters or ("",):
            if cluster not in self._asked:
                if time.monotonic() < self._ask_at:
                    return []
                self._asked[cluster] = query.partitions(cluster)
            found += self._asked[cluster]
        return found

    def _with_account(self, known: Sequence[Partition], demand: Demand) -> Demand:
        """The demand with the account that SLURM books it on, where partitions ask for one."""
        if demand.account or not any(each.accounts or each.no_accounts for each in known):
            return demand
        cluster = next(iter(demand.clusters), "")
        if cluster not in self._accounts:
            self._accounts[cluster] = query.default_account(cluster)
        return replace(demand, account=self._accounts[cluster])

    def _refusal(self, known: Sequence[Partition], demand: Demand) -> str:
        reasons = [f"{_label(each, demand)}: {obstacle(each, demand)}" for each in known[:TOLD]]
        if len(known) > TOLD:
            reasons.append(f"and {len(known) - TOLD} others")
        whose = f"of {self.path}" if self.path else "of this SLURM"
        remedy = f"correct {self.path}, " if self.path else ""
        return (
            f"no partition {whose} takes the job ({'; '.join(reasons)}). "
            f"Ask for less, {remedy}or name a partition: slurm_partition"
        )

    def _say(self, name: str, known: Sequence[Partition], found: Best, demand: Demand) -> None:
        others = [
            f"{_label(each, demand)}: {obstacle(each, demand) or _behind(each, found, demand)}"
            for each in known
            if each not in found.partitions
        ]
        if (kind := (found.names, *others)) in self._logged:
            return
        self._logged.add(kind)
        if len(others) > TOLD:
            others[TOLD:] = [f"and {len(others) - TOLD} others"]
        where = f" of cluster {','.join(found.clusters)}" if found.clusters else ""
        reasons = "; ".join([f"{100 * found.filled:.0f}% of its limits filled", *others])
        self.log(f"Jobs such as {name} go to partition {found.names}{where} ({reasons}).")


def _label(partition: Partition, demand: Demand) -> str:
    where = ",".join(partition.clusters)
    return f"{partition.name} on {where}" if len(demand.clusters) > 1 and where else partition.name


def _behind(partition: Partition, found: Best, demand: Demand) -> str:
    """Why another one comes before a partition that would take the job as well."""
    if wastes_gpus(partition, demand) and not wastes_gpus(found.partitions[0], demand):
        return "has GPUs"
    if partition.filled(demand) >= found.filled - EQUAL:
        return "is of another priority"
    return f"{100 * partition.filled(demand):.0f}%"


def _named(options: Options) -> bool:
    """Whether a job says itself where it goes, or the user says so for all of them."""
    return bool({"partition", "nodelist"} & set(options) or os.environ.get("SBATCH_PARTITION"))
