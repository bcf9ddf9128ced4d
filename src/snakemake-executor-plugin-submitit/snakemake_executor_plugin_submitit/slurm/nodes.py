"""SLURM's nodes: which of them are broken, on which of them jobs were lost, and how to keep jobs away."""

import re
from collections.abc import Iterable, Mapping, Sequence

from snakemake_executor_plugin_submitit.flag_conflicts import NODES
from snakemake_executor_plugin_submitit.slurm import commands, environment
from snakemake_executor_plugin_submitit.slurm.commands import RefusedError, UnreachableError

# Parts of a node's state; `*` after it means that it does not answer.
BROKEN = {
    "DOWN",
    "DRAIN",
    "FAIL",
    "UNKNOWN",
    "INVAL",
    "INVALID_REG",
    "NOT_RESPONDING",
    "REBOOT_ISSUED",
}


def host_names(nodes: str) -> list[str]:
    """The nodes one by one, in their order; none where the text names none.

    Raises UnreachableError where scontrol, which counts them, cannot be called.
    """
    if not NODES.fullmatch(nodes):
        return []
    if "[" not in nodes:
        return nodes.split(",")
    return commands.run("scontrol", "show", "hostnames", nodes).split()


def unknown(nodes: Sequence[str], cluster: str = "") -> list[str]:
    """Those that a cluster does not have. Raises UnreachableError."""
    text = commands.run("sinfo", "--noheader", "--Node", "--format=%N", f"--nodes={','.join(nodes)}",
                        env=environment.of_questions(cluster))  # fmt: skip
    known = set(text.split())
    return [node for node in nodes if node not in known]


def broken(nodes: Sequence[str], cluster: str = "") -> list[str]:
    """Those that are down, drained or do not answer. Raises UnreachableError."""
    if not nodes:
        return []
    text = commands.run("scontrol", "--oneliner", "show", "node", ",".join(nodes),
                        env=environment.of_questions(cluster))  # fmt: skip
    found = []
    for name, state in re.findall(r"^NodeName=(\S+).*?\sState=(\S+)", text, re.MULTILINE):
        parts = {part.rstrip("*~#!%$@^-") for part in state.upper().split("+")}
        if parts & BROKEN or "*" in state:
            found.append(name)
    return [node for node in nodes if node in found]


def of_lost_jobs(job_ids: Iterable[str], cluster: str = "") -> dict[str, str]:
    """The nodes, as SLURM writes them, on which jobs were last lost by a node's failure, by job id.

    Only the accounting keeps what became of a job before it was requeued; empty where there is none.
    """
    wanted = set(job_ids)
    ids = sorted({job_id.partition("_")[0] for job_id in wanted})
    if not ids:
        return {}
    try:
        text = commands.run("sacct", "--allocations", "--duplicates", "--parsable2", "--noheader",
                            f"--jobs={','.join(ids)}", "--state=NODE_FAIL,BOOT_FAIL",
                            "--starttime=now-30days", "--endtime=now", "--format=JobID,NodeList",
                            *([f"--clusters={cluster}"] if cluster else []))  # fmt: skip
    except UnreachableError:
        return {}
    lines = [line.partition("|") for line in text.splitlines()]
    return {job_id: nodes for job_id, _, nodes in lines if job_id in wanted}


def that_can_be_left_out(
    nodes: Sequence[str], own: Sequence[str], script: str, env: Mapping[str, str]
) -> list[str]:
    """Those of `nodes` without which, and without `own`, SLURM could still start the job of a script.

    SLURM is asked by `sbatch --test-only`, which knows what else is down or drained, and what the job needs.
    Where it could not, the last of them are left out before the first.
    """
    if not nodes or _could_start_without([*own, *nodes], script, env):
        return list(nodes)
    kept: list[str] = []
    for node in reversed(nodes):
        if _could_start_without([*own, *kept, node], script, env):
            kept.append(node)
    return [node for node in nodes if node in kept]


def _could_start_without(nodes: Sequence[str], script: str, env: Mapping[str, str]) -> bool:
    try:
        commands.run("sbatch", "--test-only", f"--exclude={','.join(nodes)}", script, env=env)
    except RefusedError as error:
        # Another reason is for the submission itself to tell.
        return "node" not in error.output.lower()
    except UnreachableError:
        return True
    return True


def keep_away(job_id: str, nodes: Sequence[str], cluster: str = "") -> bool:
    """Have a job that waits not start on these nodes; False where it does not wait any more."""
    try:
        commands.run("scontrol", "update", f"jobid={job_id}", f"excnodelist={','.join(nodes)}",
                     env=environment.of_questions(cluster))  # fmt: skip
    except RefusedError:
        return False
    return True
