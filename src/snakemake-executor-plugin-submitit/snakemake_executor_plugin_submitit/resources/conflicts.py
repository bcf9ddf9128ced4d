"""Contradictions between resources that can be told before any job runs.

A function may need what its job needs: inputs that are there, an attempt, a state of the world. So it
is asked when Snakemake asks it, just before its job runs; here only what stands there as a value counts.
"""

import ast
from typing import Any

from snakemake_executor_plugin_submitit.resources.sbatch_options import translate

# What one of them means depends on the others.
TOGETHER = (
    {"nodes", "tasks", "tasks_per_node"},
    {"cpus_per_task", "cpus_per_gpu", "_cores"},
    {"gpu", "gpu_model", "gres"},
)


def check(rule: Any, workflow: Any) -> None:
    """Raise ContradictionError for a rule whose values contradict each other in every job."""
    known = {}
    for resource in rule.resources.values():
        try:
            known[resource.name] = _value(resource)
        except ValueError:
            continue
    unknown = {resource.name for resource in rule.resources.values()} - set(known)
    for group in TOGETHER:
        if group & unknown:
            known = {name: value for name, value in known.items() if name not in group}
    threads = rule.resources["_cores"]
    if "_cores" in known:
        limits = (
            workflow.resource_settings.max_threads,
            workflow.global_resources.get("_cores"),
        )
        for limit in limits:
            threads = threads.constrain(limit)
    translate(known, threads.value if "_cores" in known else 1)


def _value(resource: Any) -> Any:
    """The value of a resource; ValueError where it has to be asked for, in the context of a job."""
    if not resource.is_evaluable():
        return resource.value
    text = resource.raw
    if not isinstance(text, str) or "$" in text or "~" in text:
        raise ValueError(f"{resource.name} is a function")
    try:
        # As on the command line: an expression without names is a value, words that are none a string.
        ast.literal_eval(text)
    except SyntaxError:
        return text
    # Nothing is asked here; it is rounded and counted in the units of its name.
    unused = {"input": [], "attempt": 1, "threads": 1, "rulename": "", "async_run": None}
    return resource.evaluate({}, **unused).value
