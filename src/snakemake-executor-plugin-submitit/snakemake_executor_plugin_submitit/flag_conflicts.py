"""Values of flags that would only fail in the first job, or that contradict each other."""

import re
from typing import Any

from snakemake_interface_common.exceptions import WorkflowError

CHOICES = {
    "cluster": ("slurm", "local", "debug"),
    "step": ("auto", "always", "never"),
    "direct": ("auto", "never"),
}
NOT_NEGATIVE = ("notice", "timeouts", "resubmissions")
POSITIVE = ("array_size", "poll", "ask", "silence")
# One node, or several as SLURM writes them: gr[001-003,007],gr012.
NODES = re.compile(r"[\w.-]+(?:\[[\d,-]+\][\w.-]*)*(?:,[\w.-]+(?:\[[\d,-]+\][\w.-]*)*)*")
PREFIX = re.compile(r"[A-Za-z0-9_-]{1,50}")


def check(settings: Any) -> None:
    """Raise WorkflowError, naming the flag, for a value of ExecutorSettings that cannot be meant."""
    for name, known in CHOICES.items():
        if getattr(settings, name) not in known:
            one_of = ", ".join(known[:-1]) + f" or {known[-1]}"
            raise _unexpected(settings, name, one_of)
    for name in NOT_NEGATIVE:
        if getattr(settings, name) < 0:
            raise _unexpected(settings, name, "0 or more")
    for name in POSITIVE:
        if getattr(settings, name) <= 0:
            raise _unexpected(settings, name, "more than 0")
    if not 0 <= settings.efficiency_threshold <= 1:
        raise _unexpected(settings, "efficiency_threshold", "a share from 0 to 1, such as 0.5")
    if settings.jobname_prefix and not PREFIX.fullmatch(settings.jobname_prefix):
        raise _unexpected(settings, "jobname_prefix", "up to 50 letters, digits, _ and -")
    if "%" in settings.logdir:
        raise _unexpected(settings, "logdir", "a path without %, which SLURM would replace")
    if not NODES.fullmatch(settings.exclude_failed_nodes):
        raise _unexpected(
            settings, "exclude_failed_nodes", "auto, never, or nodes such as gr001,gr[003-004]"
        )
    if settings.requeue and settings.no_requeue:
        raise WorkflowError(
            "--submitit-requeue and --submitit-no-requeue contradict each other: keep one, in the "
            "profile or on the command line."
        )


def _unexpected(settings: Any, name: str, expected: str) -> WorkflowError:
    flag = name.replace("_", "-")
    return WorkflowError(f"--submitit-{flag} {getattr(settings, name)}: expected {expected}.")
