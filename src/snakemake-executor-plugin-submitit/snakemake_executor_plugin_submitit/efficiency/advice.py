"""What is wasted and what is near its limit, and what to ask for instead, by stated rules."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from snakemake_executor_plugin_submitit.efficiency.ledger import MEGABYTE
from snakemake_executor_plugin_submitit.efficiency.rules import (
    MEMORY_KILLED,
    TIME_KILLED,
    Figure,
    Rule,
)
from snakemake_executor_plugin_submitit.efficiency.words import clock, cpus, jobs, memory

# Headroom above the most that was used; time varies more, with the node and the file system.
MEMORY, CPUS, TIME = 1.2, 1.1, 1.5
# How much of a limit to ask for after jobs were killed at it: nobody knows what they need.
KILLED = 2.0
NEAR = 0.9  # of a limit
# Less would help nobody: bytes, CPUs, seconds.
LEAST_MEMORY, LEAST_CPUS, LEAST_TIME = 1000 * MEGABYTE, 1.0, 3600.0
# Seconds: the CPUs of a job that is over sooner tell how it began.
SETTLED = 10.0

Kind = Literal["danger", "waste"]


@dataclass(frozen=True)
class Advice:
    """One thing to know of a rule's jobs, and the entry of a profile that changes it, if one does."""

    rule: str
    kind: Kind
    words: str
    section: str = ""  # set-resources or set-threads
    name: str = ""  # of the resource
    value: int = 0


def advise(rule: Rule, threshold: float) -> list[Advice]:
    """What to say of a rule, of which nothing is wasted where at least `threshold` (0..1) is used."""
    found = [
        _of_memory(rule, threshold),
        _of_cpus(rule, threshold),
        _of_gpus(rule, threshold),
        _of_time(rule, threshold),
    ]
    return [advice for advice in found if advice is not None]


def _of_memory(rule: Rule, threshold: float) -> Advice | None:
    figure, killed = rule.memory, rule.ended_by(MEMORY_KILLED)
    judged = _judge(figure, killed, MEMORY, LEAST_MEMORY, threshold)
    if judged is None:
        return None
    kind, wanted = judged
    asked = rule.rows[0].job.asked
    words = _words(figure, memory, " of memory", "out of memory", killed)
    if not asked.memory_unit:
        return Advice(rule.name, kind, words)
    value = _megabytes(wanted / asked.memory_unit)
    return _entry(rule, figure, kind, words, asked.memory_by, value)


def _of_cpus(rule: Rule, threshold: float) -> Advice | None:
    figure, asked = rule.cpus, rule.rows[0].job.asked
    judged = _judge(figure, 0, CPUS, LEAST_CPUS, threshold)
    if judged is None or judged[0] == "danger" or all(row.longest < SETTLED for row in rule.rows):
        return None
    words = _words(figure, cpus, " CPUs busy", "", 0)
    if asked.memory_by == "mem_mb_per_cpu":
        return Advice(rule.name, "waste", f"{words} (with fewer the job has less memory, too)")
    value = max(1, math.ceil(judged[1] / asked.tasks))
    name = "threads" if asked.cpus_by == "threads" and asked.tasks == 1 else "cpus_per_task"
    return _entry(rule, figure, "waste", words, name, value)


def _of_gpus(rule: Rule, threshold: float) -> Advice | None:
    busy = rule.gpu_busy
    if not rule.gpus or busy is None or busy >= 100 * threshold:
        return None
    held = "" if rule.gpu_memory is None else f", {memory(rule.gpu_memory)} of its memory used"
    return Advice(rule.name, "waste", f"a GPU {busy:.0f} % busy at most{held}")


def _of_time(rule: Rule, threshold: float) -> Advice | None:
    figure, killed = rule.time, rule.ended_by(TIME_KILLED)
    judged = _judge(figure, killed, TIME, LEAST_TIME, threshold)
    # Those that save at their limit use all of it, on purpose.
    if judged is None or (rule.resumes and not killed):
        return None
    words = _words(figure, clock, "", "at the time limit", killed)
    return _entry(rule, figure, judged[0], words, "runtime", _minutes(judged[1]))


def _judge(
    figure: Figure, killed: int, headroom: float, least: float, threshold: float
) -> tuple[Kind, float] | None:
    """Whether a figure is in danger or wasted, and what to ask for instead, in its own unit."""
    limit, most = figure.limit, figure.most
    if limit is None:
        return None
    if killed:
        return "danger", max(KILLED * limit, headroom * (most or 0.0))
    if most is None:
        return None
    if most > NEAR * limit:
        return "danger", headroom * most
    if most < threshold * limit and limit - most >= least:
        return "waste", headroom * most
    return None


def _words(
    figure: Figure, amount: Callable[[float], str], of_what: str, ended: str, killed: int
) -> str:
    """`321 MB of the 4 GB of memory at most`, or `2 jobs ended out of memory, of 300 MB`."""
    assert figure.limit is not None
    least, limit = amount(figure.asked[0]), amount(figure.limit)
    asked = limit if least == limit else f"{least} to {limit}"
    if killed:
        return f"{jobs(killed)} ended {ended}, of {asked}"
    return f"{amount(figure.most or 0.0)} of {asked}{of_what} at most"


def _entry(rule: Rule, figure: Figure, kind: Kind, words: str, name: str, value: int) -> Advice:
    """The advice with its line, where one value for all jobs of the rule is what they need."""
    if rule.grouped:
        return Advice(rule.name, kind, f"{words} (a group: the rules in it ask together)")
    if figure.differs:
        return Advice(rule.name, kind, f"{words} (jobs differ: change the function that says it)")
    section = "set-threads" if name == "threads" else "set-resources"
    return Advice(rule.name, kind, words, section, name, value)


def _megabytes(value: float) -> int:
    """Upwards to 100, or to 1000 where that is little of it; at least 200."""
    step = 1000 if value > 10_000 else 100
    return max(200, step * math.ceil(value / step))


def _minutes(seconds: float) -> int:
    """Upwards to 5, or to 30 where that is little of it; at least 10."""
    minutes = seconds / 60
    step = 30 if minutes > 120 else 5
    return max(10, step * math.ceil(minutes / step))
