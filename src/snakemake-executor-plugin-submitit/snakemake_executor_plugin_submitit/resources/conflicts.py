"""Contradictions between resources that can be told before any job runs.

A function may need what its job needs: inputs that are there, an attempt, a state of the world. So it
is asked when Snakemake asks it, just before its job runs; here only what stands there as a value counts.
"""

import ast
from typing import Any

from snakemake_executor_plugin_submitit.resources.sbatch_options import Request, translate

# What one of them means depends on the others.
TOGETHER = (
    {"gpu", "gpu_model", "gres", "tasks_per_gpu"},
    {"nodes", "tasks", "tasks_per_node", "tasks_per_gpu", "mpi"},
    {"cpus_per_task", "cpus_per_gpu", "_cores"},
    {"clusters", "cluster", "slurm_cluster"},
)

# Of these SLURM is not told; Snakemake asks a function about the first for every job.
UNASKED = {"tmpdir", "disk", "disk_mb", "disk_mib"}


def check(rule: Any, workflow: Any) -> Request | None:
    """What every job of a rule asks for; None where that is only known of a single job.

    Raises ContradictionError where the rule's values contradict each other in every job.
    """
    known = {}
    for resource in rule.resources.values():
        try:
            known[resource.name] = _value(resource)
        except ValueError:
            continue
    unknown = {resource.name for resource in rule.resources.values()} - set(known)
    complete = unknown <= UNASKED
    for group in TOGETHER:
        if group & unknown:
            unknown |= group & set(known)
            known = {name: value for name, value in known.items() if name not in group}
    threads = rule.resources["_cores"]
    if "_cores" in known:
        limits = (
            workflow.resource_settings.max_threads,
            workflow.global_resources.get("_cores"),
        )
        for limit in limits:
            threads = threads.constrain(limit)
    request = translate(known, threads.value if "_cores" in known else 1)
    return request if complete else None


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
