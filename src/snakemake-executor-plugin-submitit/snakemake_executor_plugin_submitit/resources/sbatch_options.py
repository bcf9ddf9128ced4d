"""Snakemake resources, by the names of snakemake-executor-plugin-slurm, as sbatch options."""

import hashlib
import json
import re
import shlex
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from snakemake_executor_plugin_submitit.slurm import environment

# Options that a resource or the plugin sets, by the resource to use instead.
MANAGED = {
    "job-name": "the plugin names jobs",
    "output": "the plugin keeps the log",
    "error": "the plugin keeps the log",
    "array": "the plugin forms arrays",
    "parsable": "the plugin reads sbatch's answer",
    "wrap": "the plugin runs the rule",
    "wait": "Snakemake waits for its jobs by itself",
    "test-only": "nothing would be submitted; `snakemake --dry-run` shows what would run",
    "chdir": "jobs run in Snakemake's working directory",
    "export": "jobs get Snakemake's environment",
    "time": "use the resource runtime",
    "mem": "use the resource mem_mb",
    "mem-per-cpu": "use the resource mem_mb_per_cpu",
    "gpus": "use the resource gpu",
    "clusters": "one SLURM cluster is used",
}
SHORT = {
    "A": "account", "B": "extra-node-info", "C": "constraint", "D": "chdir", "F": "nodefile",
    "G": "gpus", "H": "hold", "I": "immediate", "J": "job-name", "L": "licenses", "M": "clusters",
    "N": "nodes", "O": "overcommit", "Q": "quiet", "S": "core-spec", "W": "wait", "a": "array",
    "b": "begin", "c": "cpus-per-task", "d": "dependency", "e": "error", "i": "input",
    "k": "no-kill", "m": "distribution", "n": "ntasks", "o": "output", "p": "partition", "q": "qos",
    "s": "oversubscribe", "t": "time", "v": "verbose", "w": "nodelist", "x": "exclude",
}  # fmt: skip
# Options that have a resource and may stand in `slurm_extra` all the same, as users have them there.
RESOURCES = {
    "account": "slurm_account", "comment": "comment", "constraint": "constraint",
    "cpus-per-gpu": "cpus_per_gpu", "cpus-per-task": "cpus_per_task", "gres": "gres",
    "nodes": "nodes", "ntasks": "tasks", "ntasks-per-node": "tasks_per_node",
    "partition": "slurm_partition", "qos": "qos", "reservation": "reservation",
}  # fmt: skip
SIGNAL = re.compile(r"(?:R:)?(?:SIG)?(?P<name>[A-Z][A-Z0-9]*|\d+)(?:@(?P<seconds>\d+))?", re.I)
# A type may be called nvidia_a100-sxm4-40gb.
NAME = r"\w[\w.+-]*"
GRES = f"{NAME}(:{NAME}){{0,2}}"


# Options of sbatch that ask for GPUs and have no resource of their own.
GPUS_BY = ("gpus-per-node", "gpus-per-task", "gpus-per-socket")


NOTHING: Mapping[str, str | bool] = MappingProxyType({})


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
    def signal(self) -> tuple[int, float] | None:
        """The signal that SLURM is to send to the rule, and how many seconds before the time limit."""
        found = SIGNAL.fullmatch(str(dict(self.options).get("signal", "")))
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
    def launcher(self) -> str:
        """What starts all tasks of a job with several, as a prefix of a command; else empty."""
        if self.tasks == 1:
            return ""
        cpus = f" --cpus-per-task={self.cpus}" if self.cpus else ""
        return (
            f"srun --overlap --nodes={self.nodes} --ntasks={self.tasks}{cpus} "
            "--cpu-bind=none --kill-on-bad-exit=1"
        )


def translate(
    resources: Mapping[str, Any], threads: int, usual: Mapping[str, str | bool] = NOTHING
) -> Request:
    """Snakemake's resources as a request to SLURM; `usual` are options where a job says nothing else.

    Raises ContradictionError, naming the resources, when two of them exclude each other.
    """
    more = extra(str(resources.get("slurm_extra") or ""))
    resources = _moved(resources, more)
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
    gpus = _once(options, more, gpus) or gpus
    _requeue(resources, more)
    options = {**usual, **options}
    if more.pop("requeue", False):
        # It is so anyway.
        options.pop("no-requeue", None)
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
    if options.get("open-mode", "append") != "append":
        raise ContradictionError(
            f"slurm_extra={text!r}: --open-mode: the log of a job that is requeued goes on; leave it out"
        )
    if "requeue" in options and "no-requeue" in options:
        raise ContradictionError(f"slurm_extra={text!r}: --requeue and --no-requeue: keep one")
    # It is so anyway.
    options.pop("open-mode", None)
    if "signal" in options:
        given = options["signal"]
        options["signal"] = _signal("" if given is True else str(given), text)
    return options


def _signal(value: str, text: str) -> str:
    """A signal before the time limit, for the processes of the rule."""
    found = SIGNAL.fullmatch(value)
    if found is None:
        reason = (
            "B: signals the batch shell alone, in which no rule runs; leave B: out"
            if "B:" in value.upper()
            else "expected a form such as USR1@120"
        )
        raise ContradictionError(f"slurm_extra={text!r}: --signal={value}: {reason}")
    number = found["name"]
    known = (
        {one.value for one in signal.Signals}
        if number.isdigit()
        else set(signal.Signals.__members__)
    )
    if (int(number) if number.isdigit() else f"SIG{number.upper()}") not in known:
        raise ContradictionError(f"slurm_extra={text!r}: --signal={value}: no signal {number}")
    if number.upper() in ("TERM", "15"):
        raise ContradictionError(
            f"slurm_extra={text!r}: --signal={value}: SIGTERM means preemption here. Name another signal, "
            "or write --submitit-notice SECONDS and look for the file $SNAKEMAKE_JOB_NOTICE"
        )
    if number.upper() in ("KILL", "9", "STOP", "19"):
        raise ContradictionError(
            f"slurm_extra={text!r}: --signal={value}: no process can hear it; runtime ends the job"
        )
    return value


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
