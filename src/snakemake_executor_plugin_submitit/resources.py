"""Snakemake resources, by the names of snakemake-executor-plugin-slurm, as sbatch options."""

import hashlib
import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from snakemake_executor_plugin_submitit import environment

# Options that a resource or the plugin sets, by the resource to use instead.
MANAGED = {
    "job-name": "the plugin names jobs",
    "output": "the plugin keeps the log",
    "error": "the plugin keeps the log",
    "open-mode": "the plugin keeps the log",
    "array": "the plugin forms arrays",
    "signal": "the plugin gives notice; see --submitit-notice",
    "requeue": "the plugin requeues",
    "no-requeue": "the plugin requeues",
    "parsable": "the plugin reads sbatch's answer",
    "wrap": "the plugin runs the rule",
    "chdir": "jobs run in Snakemake's working directory",
    "export": "jobs get Snakemake's environment",
    "comment": "use the resource comment",
    "account": "use the resource slurm_account",
    "partition": "use the resource slurm_partition",
    "qos": "use the resource qos",
    "reservation": "use the resource reservation",
    "constraint": "use the resource constraint",
    "time": "use the resource runtime",
    "mem": "use the resource mem_mb",
    "mem-per-cpu": "use the resource mem_mb_per_cpu",
    "nodes": "use the resource nodes",
    "ntasks": "use the resource tasks",
    "ntasks-per-node": "use the resource tasks_per_node",
    "cpus-per-task": "use the resource cpus_per_task",
    "cpus-per-gpu": "use the resource cpus_per_gpu",
    "gres": "use the resource gres",
    "gpus": "use the resource gpu",
    "clusters": "one SLURM cluster is used",
}
SHORT = {
    "A": "account", "C": "constraint", "D": "chdir", "J": "job-name", "M": "clusters",
    "N": "nodes", "a": "array", "c": "cpus-per-task", "d": "dependency", "e": "error",
    "G": "gpus", "L": "licenses", "n": "ntasks", "o": "output", "p": "partition", "q": "qos",
    "t": "time", "w": "nodelist", "x": "exclude",
}  # fmt: skip
# A type may be called nvidia_a100-sxm4-40gb.
NAME = r"\w[\w.+-]*"
GRES = f"{NAME}(:{NAME}){{0,2}}"


# Options of sbatch that ask for GPUs and have no resource of their own.
GPUS_BY = ("gpus-per-node", "gpus-per-task", "gpus-per-socket")


class ContradictionError(ValueError):
    """Resources of a job that cannot be meant; the message says which and why."""


@dataclass(frozen=True)
class Request:
    """What a job asks of SLURM: sbatch options by their long names, sorted; flags are True."""

    options: tuple[tuple[str, str | int | bool], ...]
    nodes: int
    tasks: int
    cpus: int | None
    runtime: float | None  # minutes
    gpus: bool

    @property
    def digest(self) -> str:
        """A short hash of all that decides where and when a job may run.

        The account and partition may come from sbatch's environment variables instead of resources.
        """
        heard = environment.of_submissions(dict(self.options))
        outside = sorted(item for item in heard.items() if item[0].startswith("SBATCH_"))
        told = json.dumps([self.options, outside])
        return hashlib.sha256(told.encode()).hexdigest()[:20]

    @property
    def launcher(self) -> str:
        """What starts all tasks of a job with several, as a prefix of a command; else empty."""
        if self.tasks == 1:
            return ""
        cpus = f" --cpus-per-task={self.cpus}" if self.cpus else ""
        return (
            f"srun --overlap --nodes={self.nodes} --ntasks={self.tasks}{cpus} "
            "--cpu-bind=none --kill-on-bad-exit=1"
        )


def translate(resources: Mapping[str, Any], threads: int) -> Request:
    """Snakemake's resources as a request to SLURM.

    Raises ContradictionError, naming the resources, when two of them exclude each other.
    """
    nodes = _count(resources, "nodes") or 1
    tasks = _tasks(resources, nodes)
    options: dict[str, str | int | bool] = {"nodes": nodes, "ntasks": tasks}
    if _count(resources, "tasks_per_node"):
        options["ntasks-per-node"] = tasks // nodes
    cpus = _cpus(resources, threads, options)
    runtime = _minutes(resources)
    if runtime is not None:
        options["time"] = -int(-runtime // 1)
    _memory(resources, options)
    gpus = _gpus(resources, nodes, options)
    for name, option in (
        ("slurm_account", "account"),
        ("slurm_partition", "partition"),
        ("qos", "qos"),
        ("reservation", "reservation"),
        ("constraint", "constraint"),
        ("comment", "comment"),
    ):
        if resources.get(name) not in (None, ""):
            options[option] = str(resources[name])
    for name in ("cluster", "clusters", "slurm_cluster"):
        if resources.get(name):
            raise ContradictionError(f"{name}={resources[name]}: one SLURM cluster is used")
    more = extra(str(resources.get("slurm_extra") or ""))
    gpus = _once(options, more, gpus) or gpus
    return Request(tuple(sorted((options | more).items())), nodes, tasks, cpus, runtime, gpus)


def extra(text: str) -> dict[str, str | bool]:
    """The options of `slurm_extra`, refused where the plugin or a resource sets them.

    >>> extra("--exclusive --mail-type=END -x gr001")
    {'exclusive': True, 'mail-type': 'END', 'exclude': 'gr001'}
    """
    options: dict[str, str | bool] = {}
    words = shlex.split(text)
    while words:
        word = words.pop(0)
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
        elif word.startswith("-") and word[1:2] in SHORT:
            name, value = SHORT[word[1]], word[2:]
            equals = value
        else:
            raise ContradictionError(f"slurm_extra={text!r}: {word!r} is no option of sbatch")
        if name in MANAGED:
            raise ContradictionError(f"slurm_extra={text!r}: --{name}: {MANAGED[name]}")
        if not equals and words and not words[0].startswith("-"):
            value, equals = words.pop(0), "="
        options[name] = value if equals else True
    return options


def _once(options: Mapping[str, Any], more: Mapping[str, Any], gpus: bool) -> bool:
    """Whether `slurm_extra` asks for GPUs; refused where it asks for what a resource asks for."""
    found = next((name for name in GPUS_BY if name in more), "")
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


def _count(resources: Mapping[str, Any], name: str) -> int | None:
    value = resources.get(name)
    if value in (None, ""):
        return None
    try:
        number = int(str(value))
    except ValueError:
        raise ContradictionError(f"{name}={value!r}: expected a whole number") from None
    if number < 1:
        raise ContradictionError(f"{name}={value}: expected 1 or more")
    return number


def _tasks(resources: Mapping[str, Any], nodes: int) -> int:
    tasks, per_node = _count(resources, "tasks"), _count(resources, "tasks_per_node")
    if tasks and per_node and tasks != nodes * per_node:
        raise ContradictionError(
            f"tasks={tasks}, but nodes={nodes} times tasks_per_node={per_node} is {nodes * per_node}"
        )
    total = tasks or nodes * (per_node or 1)
    if total < nodes:
        raise ContradictionError(f"tasks={total} cannot use nodes={nodes}: ask for fewer nodes")
    return total


def _cpus(resources: Mapping[str, Any], threads: int, options: dict[str, Any]) -> int | None:
    if resources.get("cpus_per_gpu") and resources.get("cpus_per_task"):
        raise ContradictionError("cpus_per_gpu and cpus_per_task are both set: keep one")
    if resources.get("cpus_per_gpu"):
        options["cpus-per-gpu"] = _count(resources, "cpus_per_gpu")
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
    per_cpu, total = _count(resources, "mem_mb_per_cpu"), resources.get("mem_mb")
    if per_cpu:
        options["mem-per-cpu"] = f"{per_cpu}M"
    elif total not in (None, "", 0):
        options["mem"] = f"{_count(resources, 'mem_mb')}M"


def _gpus(resources: Mapping[str, Any], nodes: int, options: dict[str, Any]) -> bool:
    gres, model = str(resources.get("gres") or ""), str(resources.get("gpu_model") or "")
    wanted = str(resources.get("gpu") or 0)
    if not wanted.isdigit():
        raise ContradictionError(f"gpu={wanted!r}: expected a whole number")
    count = int(wanted)
    if gres and "gpu" in gres and (count or model):
        raise ContradictionError(f"gres={gres} and gpu or gpu_model both ask for GPUs: keep one")
    if model and not re.fullmatch(NAME, model):
        raise ContradictionError(f"gpu_model={model!r}: expected a type such as rtx8000")
    if model and not count:
        if str(resources.get("gpu", "")) == "0":
            raise ContradictionError(f"gpu_model={model}, but gpu=0")
        count = 1
    if gres and not re.fullmatch(f"{GRES}(,{GRES})*", gres):
        raise ContradictionError(f"gres={gres!r}: expected a form such as gpu:rtx8000:1")
    if count:
        kind = f"gpu:{model}" if model else "gpu"
        if count % nodes == 0:
            # The same on every node, and understood by every site.
            gres = f"{gres},{kind}:{count // nodes}" if gres else f"{kind}:{count // nodes}"
        else:
            options["gpus"] = f"{model}:{count}" if model else str(count)
    if gres:
        options["gres"] = gres
    return bool(count) or "gpu" in gres
