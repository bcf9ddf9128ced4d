"""All of SLURM's job states, and what each means for a job that we wait for."""

from enum import Enum

from snakemake_executor_plugin_submitit.slurm.queries import Seen


class JobStatus(Enum):
    """What to do about a job in a state."""

    ALIVE = "wait"
    STUCK = "wait, and tell the user once"
    ENDED = "the job ended by itself; its own record counts"
    LOST = "SLURM took it away and will not start it again: submit it again"
    FAILED = "it failed, and the state is the reason"


STATUSES: dict[str, JobStatus] = {
    "PENDING": JobStatus.ALIVE,
    "CONFIGURING": JobStatus.ALIVE,
    "RUNNING": JobStatus.ALIVE,
    "COMPLETING": JobStatus.ALIVE,
    "SIGNALING": JobStatus.ALIVE,
    "STAGE_OUT": JobStatus.ALIVE,
    "RESIZING": JobStatus.ALIVE,
    "REQUEUED": JobStatus.ALIVE,
    "REQUEUE_FED": JobStatus.ALIVE,
    "LAUNCH_FAILED": JobStatus.ALIVE,
    "RECONFIG_FAIL": JobStatus.ALIVE,
    "UPDATE_DB": JobStatus.ALIVE,
    "POWER_UP_NODE": JobStatus.ALIVE,
    "EXPEDITING": JobStatus.ALIVE,
    "SUSPENDED": JobStatus.STUCK,
    "STOPPED": JobStatus.STUCK,
    "RESV_DEL_HOLD": JobStatus.STUCK,
    "REQUEUE_HOLD": JobStatus.STUCK,
    "SPECIAL_EXIT": JobStatus.STUCK,
    "COMPLETED": JobStatus.ENDED,
    "FAILED": JobStatus.ENDED,
    "PREEMPTED": JobStatus.LOST,
    "NODE_FAIL": JobStatus.LOST,
    "BOOT_FAIL": JobStatus.LOST,
    "REVOKED": JobStatus.LOST,
    "CANCELLED": JobStatus.FAILED,
    "TIMEOUT": JobStatus.FAILED,
    "DEADLINE": JobStatus.FAILED,
    "OUT_OF_MEMORY": JobStatus.FAILED,
}

REASONS = {
    "CANCELLED": "cancelled",
    "TIMEOUT": "time limit",
    "DEADLINE": "deadline",
    "OUT_OF_MEMORY": "out of memory",
    "NODE_FAIL": "node failure",
    "BOOT_FAIL": "node did not boot",
    "PREEMPTED": "preempted",
    "REVOKED": "revoked",
}

# Reasons of waiting that do not go away by themselves.
NEEDS_HELP = (
    "JobHeldUser",
    "JobHeldAdmin",
    "launch failed requeued held",
    "job requeued in held state",
    "BadConstraints",
    "DependencyNeverSatisfied",
    "PartitionInactive",
    "InvalidAccount",
    "InvalidQOS",
    "ReservationDeleted",
    "AssocMaxJobsLimit",
    "PartitionTimeLimit",
    "PartitionNodeLimit",
)


def base(state: str) -> str:
    """The bare state: `CANCELLED by 1000` and `CANCELLED+` are CANCELLED."""
    return state.split(" ")[0].rstrip("+").upper()


def status_of(seen: Seen) -> JobStatus:
    """What a job's state asks for; a state that a newer SLURM invents is waited for."""
    found = STATUSES.get(base(seen.state), JobStatus.ALIVE)
    if found is JobStatus.ALIVE and seen.reason.startswith(NEEDS_HELP):
        return JobStatus.STUCK
    return found


def reason(seen: Seen) -> str:
    """The state in words, for an error message; empty where it says nothing of its own."""
    word = REASONS.get(base(seen.state), "")
    if word == "cancelled" and " by " in seen.state:
        return f"cancelled by user {seen.state.rsplit(' ', 1)[-1]}"
    return word
