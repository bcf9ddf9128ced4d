"""What SLURM itself says of its partitions: `scontrol show partition` for limits, `sinfo` for nodes."""

import os
import pwd
import re
from collections import defaultdict
from dataclasses import replace
from math import inf

from snakemake_executor_plugin_submitit.partitions.durations import minutes
from snakemake_executor_plugin_submitit.partitions.limits import NodeKind, Partition
from snakemake_executor_plugin_submitit.slurm import commands, environment
from snakemake_executor_plugin_submitit.slurm.commands import NonsenseError, UnreachableError

# Not worth as long a wait as a submission: without an answer SLURM chooses the partition.
PATIENCE = 30.0
NODES = "--format=%R|%c|%m|%G|%f|%D"
UNKNOWN = ("", "(null)", "N/A", "NONE")


def partitions(cluster: str = "") -> list[Partition]:
    """The partitions that this user may see, with their limits and kinds of nodes.

    Raises UnreachableError where SLURM does not say.
    """
    asked = environment.of_questions(cluster)
    shown = commands.run("scontrol", "show", "partition", "--oneliner", timeout=PATIENCE, env=asked)
    values = [dict(re.findall(r"(\S+?)=(\S*)", line)) for line in shown.splitlines()]
    known = [each for each in values if each.get("PartitionName")]
    if not known:
        raise NonsenseError(f"scontrol: expected partitions, found {commands.shown(shown)}")
    # Exact: nodes are counted together only where they are alike.
    listed = commands.run("sinfo", "--noheader", "--exact", NODES, timeout=PATIENCE, env=asked)
    kinds = _kinds(listed)
    clusters = (cluster,) if cluster else ()
    return [
        _partition(each, tuple(kinds.get(each["PartitionName"], ())), clusters) for each in known
    ]


def default_account(cluster: str = "") -> str:
    """The account of this user's jobs that name none; empty where that cannot be told."""
    user = pwd.getpwuid(os.getuid()).pw_name  # LOGNAME may be another
    there = ["withassoc", f"cluster={cluster}"] if cluster else []
    try:
        output = commands.run(
            "sacctmgr", "--noheader", "--parsable2", "show", "user", user, *there,
            "format=DefaultAccount", timeout=PATIENCE,
        )  # fmt: skip
    except UnreachableError:
        return ""
    return next((line.strip() for line in output.splitlines() if line.strip()), "")


def _kinds(listed: str) -> dict[str, list[NodeKind]]:
    """Kinds of nodes by partition."""
    found: dict[str, list[NodeKind]] = defaultdict(list)
    for line in listed.splitlines():
        fields = line.strip().split("|")
        if len(fields) != 6 or not all(re.match(r"\d", fields[index]) for index in (1, 2, 5)):
            continue  # the heading of a cluster
        name, cpus, memory, gres, features, count = fields
        gpus: dict[str, int] = defaultdict(int)
        # gpu:v100:4(S:0-1), or gpu:4 where the model has no name
        for model, number in re.findall(r"\bgpu:(?:([^:,()]+):)?(\d+)", gres):
            gpus[model] += int(number)
        kind = NodeKind(
            cpus=_number(cpus),
            mem_mb=_number(memory),
            gpus=tuple(gpus.items()),
            features=() if features in UNKNOWN else tuple(features.split(",")),
            count=_number(count),
        )
        found[name].append(kind)
    return found


def _partition(
    values: dict[str, str], kinds: tuple[NodeKind, ...], clusters: tuple[str, ...]
) -> Partition:
    cpus = _limit(values.get("MaxCPUsPerNode"))
    memory = _limit(values.get("MaxMemPerNode"))
    found = Partition(
        name=values["PartitionName"],
        clusters=clusters,
        max_runtime=_time(values.get("MaxTime")),
        max_nodes=_limit(values.get("MaxNodes")),
        min_nodes=_limit(values.get("MinNodes"), 0),
        max_threads=min(cpus, max((kind.cpus for kind in kinds), default=inf)),
        max_mem_mb=min(memory, max((kind.mem_mb for kind in kinds), default=inf)),
        max_mem_mb_per_cpu=_limit(values.get("MaxMemPerCPU")),
        max_gpu=sum(kind.gpus_of() * kind.count for kind in kinds),
        kinds=kinds,
        accounts=_names(values.get("AllowAccounts")),
        no_accounts=_names(values.get("DenyAccounts")) or (),
        qos=_names(values.get("AllowQos")),
        no_qos=_names(values.get("DenyQos")) or (),
        needs_reservation=values.get("ReqResv") == "YES",
        default=values.get("Default") == "YES",
        priority=int(_limit(values.get("PriorityTier"), 0)),
        closed=_closed(values, bool(kinds)),
    )
    models = {model for kind in kinds for model, _ in kind.gpus}
    return found if "" in models or not models else replace(
        found, available_gpu_models=tuple(sorted(models))
    )  # fmt: skip


def _closed(values: dict[str, str], has_nodes: bool) -> str:
    if (state := values.get("State", "UP")) != "UP":  # where it is DOWN, jobs queue and none starts
        return f"its state is {state}"
    if values.get("RootOnly") == "YES" and os.getuid() != 0:
        return "takes jobs of root alone"
    return "" if has_nodes else "has no nodes"


def _limit(text: str | None, unlimited: float = inf) -> float:
    return float(text) if text and text.isdigit() else unlimited


def _time(text: str | None) -> float:
    try:
        return minutes(text or "UNLIMITED")
    except ValueError:  # a form of another SLURM; it knows its limits itself
        return inf


def _names(text: str | None) -> tuple[str, ...] | None:
    return None if text in (None, "ALL", *UNKNOWN) else tuple(str(text).split(","))


def _number(text: str) -> int:
    return int(re.match(r"\d+", text)[0])  # type: ignore[index]
