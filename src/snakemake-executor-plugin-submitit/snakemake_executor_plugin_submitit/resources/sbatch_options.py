"""Snakemake resources, by the names of snakemake-executor-plugin-slurm, as sbatch options."""

import hashlib
import json
import re
import signal
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from snakemake_executor_plugin_submitit.partitions.demand import gpus_of
from snakemake_executor_plugin_submitit.resources import slurm_extra
from snakemake_executor_plugin_submitit.resources.contradiction import ContradictionError, count
from snakemake_executor_plugin_submitit.resources.task_layout import lay_out, nodes_of
from snakemake_executor_plugin_submitit.slurm import environment

# Options that have a resource and may stand in `slurm_extra` all the same, as users have them there.
RESOURCES = {
    "account": "slurm_account", "clusters": "clusters", "comment": "comment",
    "constraint": "constraint", "cpus-per-gpu": "cpus_per_gpu", "cpus-per-task": "cpus_per_task",
    "gres": "gres", "nodes": "nodes", "ntasks": "tasks", "ntasks-per-gpu": "tasks_per_gpu",
    "ntasks-per-node": "tasks_per_node",
    "partition": "slurm_partition", "qos": "qos", "reservation": "reservation",
}  # fmt: skip
# A type may be called nvidia_a100-sxm4-40gb.
NAME = r"\w[\w.+-]*"
GRES = f"{NAME}(:{NAME}){{0,2}}"


# One resource, as several conventions name it.
CLUSTERS = ("clusters", "cluster", "slurm_cluster")
# Options of sbatch that ask for GPUs and have no resource of their own.
GPUS_BY = ("gpus-per-node", "gpus-per-task", "gpus-per-socket")


NOTHING: Mapping[str, str | bool] = MappingProxyType({})


@dataclass(frozen=True)
class Request:
    """What a job asks of SLURM: sbatch options by their long names, sorted; flags are True."""

    options: tuple[tuple[str, str | int | bool], ...]
    nodes: int | None  # None: as many as SLURM gives the tasks
    tasks: int
    cpus: int | None
    runtime: float | None  # minutes
    gpus: bool
    mpi: bool = False  # the rule starts its tasks by a launcher of its own

    @property
    def digest(self) -> str:
        """A short hash of all that decides where and when a job may run.

        The account and partition may come from sbatch's environment variables instead of resources.
        """
        heard = environment.of_submissions(dict(self.options))
        outside = sorted(item for item in heard.items() if item[0].startswith("SBATCH_"))
        named = json.dumps([self.options, outside])
        return hashlib.sha256(named.encode()).hexdigest()[:20]

    @property
    def signal(self) -> tuple[int, float] | None:
        """The signal that SLURM is to send to the rule, and how many seconds before the time limit."""
        found = slurm_extra.SIGNAL.fullmatch(str(dict(self.options).get("signal", "")))
        if found is None:
            return None
        name = found["name"].upper()
        number = int(name) if name.isdigit() else signal.Signals[f"SIG{name}"].value
        return number, float(found["seconds"] or 60)

    @property
    def excluded(self) -> str:
        """The nodes that its rule leaves out, as SLURM writes them."""
        found = dict(self.options).get("exclude", "")
        return found if isinstance(found, str) else ""

    @property
    def requeued(self) -> bool:
        """Whether a job that was taken away or lost may run again without being asked."""
        return "no-requeue" not in dict(self.options)

    @property
    def clusters(self) -> str:
        """The clusters that the job may go to, by commas; empty for the usual one."""
        return str(dict(self.options).get("clusters", ""))

    def with_options(self, options: Mapping[str, str | int | bool]) -> "Request":
        """The same request with these options of sbatch."""
        return replace(self, options=tuple(sorted(options.items())))

    @property
    def launcher(self) -> str:
        """What starts all tasks of a job with several, as a prefix of a command; else empty."""
        if self.tasks == 1:
            return ""
        cpus = f" --cpus-per-task={self.cpus}" if self.cpus else ""
        nodes = f" --nodes={self.nodes}" if self.nodes else ""
        return (
            f"srun --overlap{nodes} --ntasks={self.tasks}{cpus} "
            "--cpu-bind=none --kill-on-bad-exit=1"
        )


def translate(
    resources: Mapping[str, Any], threads: int, usual: Mapping[str, str | bool] = NOTHING
) -> Request:
    """Snakemake's resources as a request to SLURM; `usual` are options where a job says nothing else.

    Raises ContradictionError, naming the resources, when two of them exclude each other.
    """
    more = slurm_extra.parse(str(resources.get("slurm_extra") or ""))
    resources = _moved(_one_name(resources), more)
    nodes = nodes_of(resources)
    options: dict[str, str | int | bool] = {}
    gpus = _gpus(resources, nodes, options)
    layout = lay_out(resources, nodes, gpus_of({**options, **more}, nodes or 1)[0])
    options |= layout.options
    cpus = _cpus(resources, threads, options)
    runtime = _minutes(resources)
    if runtime is not None:
        options["time"] = -int(-runtime // 1)
    _memory(resources, options)
    for name, option in (
        ("clusters", "clusters"),
        ("slurm_account", "account"),
        ("slurm_partition", "partition"),
        ("qos", "qos"),
        ("reservation", "reservation"),
        ("constraint", "constraint"),
        ("comment", "comment"),
    ):
        if resources.get(name) not in (None, ""):
            options[option] = str(resources[name])
    gpus = _once(options, more, gpus) or gpus
    _requeue(resources, more)
    options = {**usual, **options}
    if more.pop("requeue", False):
        # It is so anyway.
        options.pop("no-requeue", None)
    asked = tuple(sorted((options | more).items()))
    return Request(asked, nodes, layout.tasks, cpus, runtime, gpus, layout.mpi)


def _one_name(resources: Mapping[str, Any]) -> Mapping[str, Any]:
    """The resources, with the clusters under one name; refused where several names say other things."""
    given = {name: str(resources[name]) for name in CLUSTERS if resources.get(name)}
    meant = {",".join(text.replace(",", " ").split()) for text in given.values()}
    if len(meant) > 1:
        named = ", ".join(f"{name}={text}" for name, text in given.items())
        raise ContradictionError(f"{named}: they mean the same, keep one")
    return {**resources, "clusters": meant.pop()} if meant else resources


def _moved(resources: Mapping[str, Any], more: dict[str, str | bool]) -> Mapping[str, Any]:
    """The resources, with those that `slurm_extra` gave as options; both are refused unless equal."""
    moved = dict(resources)
    for option, resource in RESOURCES.items():
        if option not in more:
            continue
        value, given = more.pop(option), resources.get(resource)
        if given not in (None, "") and str(given) != str(value):
            raise ContradictionError(
                f"slurm_extra: --{option}={value}, and {resource}={given}: keep one"
            )
        moved[resource] = value
    return moved


def _requeue(resources: Mapping[str, Any], more: dict[str, str | bool]) -> None:
    """Move the resource `slurm_requeue` to where `slurm_extra` says the same."""
    value = resources.get("slurm_requeue")
    if value in (None, ""):
        return
    wanted = {"true": "requeue", "1": "requeue", "false": "no-requeue", "0": "no-requeue"}
    option = wanted.get(str(value).lower())
    if option is None:
        raise ContradictionError(f"slurm_requeue={value!r}: expected True or False")
    other = "no-requeue" if option == "requeue" else "requeue"
    if other in more:
        raise ContradictionError(f"slurm_extra: --{other}, and slurm_requeue={value}: keep one")
    more[option] = True


def _once(options: Mapping[str, Any], more: Mapping[str, Any], gpus: bool) -> bool:
    """Whether `slurm_extra` asks for GPUs; refused where it asks for what a resource asks for."""
    found = next((name for name in GPUS_BY if name in more), "")
    if found in GPUS_BY[1:] and "ntasks-per-gpu" in options:
        raise ContradictionError(f"slurm_extra: --{found}, and tasks_per_gpu: keep one")
    if found and gpus:
        raise ContradictionError(
            f"slurm_extra: --{found}, and gpu, gpu_model or gres, both ask for GPUs: keep one"
        )
    memory = next((name for name in ("mem", "mem-per-cpu") if name in options), "")
    if "mem-per-gpu" in more and memory:
        resource = "mem_mb" if memory == "mem" else "mem_mb_per_cpu"
        raise ContradictionError(
            f"slurm_extra: --mem-per-gpu, and {resource}, both ask for memory: keep one "
            "(Snakemake gives every job a mem_mb; mem_mb=0 takes it away)"
        )
    return bool(found)


def _cpus(resources: Mapping[str, Any], threads: int, options: dict[str, Any]) -> int | None:
    if resources.get("cpus_per_gpu") and resources.get("cpus_per_task"):
        raise ContradictionError("cpus_per_gpu and cpus_per_task are both set: keep one")
    if resources.get("cpus_per_gpu"):
        options["cpus-per-gpu"] = count(resources, "cpus_per_gpu")
        return None
    try:
        cpus = int(resources.get("cpus_per_task") or threads or 1)
    except ValueError:
        found = resources.get("cpus_per_task")
        raise ContradictionError(f"cpus_per_task={found!r}: expected a whole number") from None
    if cpus < 0:  # some sites give the CPUs with the GPUs and refuse the option
        return None
    if resources.get("cpus_per_task") and threads > cpus:
        raise ContradictionError(
            f"threads={threads} do not fit into cpus_per_task={cpus}: make them agree"
        )
    options["cpus-per-task"] = cpus
    return cpus


def _minutes(resources: Mapping[str, Any]) -> float | None:
    value = resources.get("runtime")
    if value in (None, ""):
        return None
    try:
        minutes = float(str(value))
    except ValueError:
        raise ContradictionError(f"runtime={value!r}: expected minutes") from None
    if minutes <= 0:
        raise ContradictionError(f"runtime={value}: expected more than 0 minutes")
    return minutes


def _memory(resources: Mapping[str, Any], options: dict[str, Any]) -> None:
    # Snakemake gives every job a default mem_mb, so the more precise one wins without complaint.
    per_cpu, total = count(resources, "mem_mb_per_cpu"), resources.get("mem_mb")
    if per_cpu:
        options["mem-per-cpu"] = f"{per_cpu}M"
    elif total not in (None, "", 0):
        options["mem"] = f"{count(resources, 'mem_mb')}M"


def _gpus(resources: Mapping[str, Any], nodes: int | None, options: dict[str, Any]) -> bool:
    gres, model = str(resources.get("gres") or ""), str(resources.get("gpu_model") or "")
    wanted = str(resources.get("gpu") or 0)
    if not wanted.isdigit():
        raise ContradictionError(f"gpu={wanted!r}: expected a whole number")
    number = int(wanted)
    if gres and "gpu" in gres and (number or model):
        raise ContradictionError(f"gres={gres} and gpu or gpu_model both ask for GPUs: keep one")
    if model and not re.fullmatch(NAME, model):
        raise ContradictionError(f"gpu_model={model!r}: expected a type such as rtx8000")
    if model and not number:
        if str(resources.get("gpu", "")) == "0":
            raise ContradictionError(f"gpu_model={model}, but gpu=0")
        number = 1
    if gres and not re.fullmatch(f"{GRES}(,{GRES})*", gres):
        raise ContradictionError(f"gres={gres!r}: expected a form such as gpu:rtx8000:1")
    if number:
        kind = f"gpu:{model}" if model else "gpu"
        if nodes and number % nodes == 0:
            # The same number on every node, and understood by every site.
            gres = f"{gres},{kind}:{number // nodes}" if gres else f"{kind}:{number // nodes}"
        else:
            options["gpus"] = f"{model}:{number}" if model else str(number)
    if gres:
        options["gres"] = gres
    return bool(number) or "gpu" in gres
