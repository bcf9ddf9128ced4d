"""The message for a failed job: everything a person needs, without opening another file."""

from pathlib import Path

from snakemake_executor_plugin_submitit.job.spec import Outcome
from snakemake_executor_plugin_submitit.layout import log_in
from snakemake_executor_plugin_submitit.registry.tasks import Task
from snakemake_executor_plugin_submitit.slurm import states
from snakemake_executor_plugin_submitit.slurm.queries import Seen

LINES = 20
# What the shell and the kernel mean by an exit code.
CODES = {
    126: "the command cannot be executed",
    127: "command not found",
    137: "killed (SIGKILL), often out of memory",
    139: "segmentation fault",
    143: "ended by SIGTERM",
}
HOPELESS = "it says that it would fail in the same way again, so it is not retried"

# slurmstepd and the kernel write into the log why they killed a job.
SIGNS = {
    "exceeded memory limit": "out of memory",
    "oom_kill": "out of memory",
    "oom-kill": "out of memory",
    "DUE TO TIME LIMIT": "time limit",
    "DUE TO NODE FAILURE": "node failure",
}
NOISE = ("submitit INFO", "srun: Job step aborted", "srun: got SIGCONT", "srun: forcing job")


def log_of(task: Task, outcome: Outcome | None) -> Path | None:
    """The job's log, where one was begun."""
    if outcome is not None and outcome.log:
        return Path(outcome.log)
    if task.entry is not None and task.entry.job_id:
        return log_in(Path(task.entry.logs or task.entry.folder), task.entry.job_id)
    return None


def reason(outcome: Outcome | None, seen: Seen | None, last: list[str]) -> str:
    """Why it failed, in a few words: SLURM knows more than the job, if it killed it."""
    if seen is not None and states.reason(seen):
        return states.reason(seen)
    if outcome is not None and outcome.reason:
        return outcome.reason
    if outcome is None or outcome.exit_code > 128:
        for line in last:
            for sign, killed_by in SIGNS.items():
                if sign in line:
                    return killed_by
    if outcome is not None and outcome.hopeless:
        return HOPELESS
    if outcome is not None:
        meaning = CODES.get(outcome.exit_code)
        return f"exit code {outcome.exit_code}" + (f": {meaning}" if meaning else "")
    return "it ended without a word; its log may say more"


def message(task: Task, outcome: Outcome | None, seen: Seen | None) -> str:
    """Rule, wildcards, id, node, state, exit code, reason, the log's path and its last lines."""
    path = log_of(task, outcome)
    last = tail(path) if path is not None and path.exists() else []
    why = reason(outcome, seen, last)
    node = (outcome.node if outcome else "") or (seen.nodes if seen else "")
    code = str(outcome.exit_code) if outcome else (seen.exit_code if seen else "")
    facts = {
        "rule": task.title,
        "job": f"{task.job_id} ({task.name})",
        "node": node,
        "state": states.base(seen.state) if seen else "",
        "exit code": code,
        "reason": why,
    }
    lines = [f"{task.name} failed: {why}"]
    lines += [f"    {name}: {value}" for name, value in facts.items() if value]
    if path is not None and path.exists():
        lines.append(f"    log: {path}, its last lines:")
        lines += [f"    | {line}" for line in last]
    elif path is not None:
        lines.append(f"    log: {path} was never written; the node may not see this folder")
    return "\n".join(lines) + "\n"


def tail(path: Path, lines: int = LINES) -> list[str]:
    """The last lines of a log of any length."""
    with path.open("rb") as stream:
        stream.seek(0, 2)
        stream.seek(max(0, stream.tell() - 16_384))
        text = stream.read().decode("utf-8", errors="replace")
    # Progress bars overwrite their line; the last version is the one that counts.
    shown = [line.rsplit("\r", 1)[-1] for line in text.rstrip().split("\n")]
    return [line for line in shown if not line.startswith(NOISE)][-lines:]
