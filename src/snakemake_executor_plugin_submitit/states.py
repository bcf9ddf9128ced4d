"""All of SLURM's job states, and what each means for a job that we wait for."""

from enum import Enum

from snakemake_executor_plugin_submitit.slurm import Seen


class Fate(Enum):
    """What to do about a job in a state."""

    ALIVE = "wait"
    STUCK = "wait, and tell the user once"
    ENDED = "the job ended by itself; its own record counts"
    LOST = "SLURM took it away and will not start it again: submit it again"
    FAILED = "it failed, and the state is the reason"


FATES: dict[str, Fate] = {
    "PENDING": Fate.ALIVE,
    "CONFIGURING": Fate.ALIVE,
    "RUNNING": Fate.ALIVE,
    "COMPLETING": Fate.ALIVE,
    "SIGNALING": Fate.ALIVE,
    "STAGE_OUT": Fate.ALIVE,
    "RESIZING": Fate.ALIVE,
    "REQUEUED": Fate.ALIVE,
    "REQUEUE_FED": Fate.ALIVE,
    "LAUNCH_FAILED": Fate.ALIVE,
    "RECONFIG_FAIL": Fate.ALIVE,
    "UPDATE_DB": Fate.ALIVE,
    "POWER_UP_NODE": Fate.ALIVE,
    "EXPEDITING": Fate.ALIVE,
    "SUSPENDED": Fate.STUCK,
    "STOPPED": Fate.STUCK,
    "RESV_DEL_HOLD": Fate.STUCK,
    "REQUEUE_HOLD": Fate.STUCK,
    "SPECIAL_EXIT": Fate.STUCK,
    "COMPLETED": Fate.ENDED,
    "FAILED": Fate.ENDED,
    "PREEMPTED": Fate.LOST,
    "NODE_FAIL": Fate.LOST,
    "BOOT_FAIL": Fate.LOST,
    "REVOKED": Fate.LOST,
    "CANCELLED": Fate.FAILED,
    "TIMEOUT": Fate.FAILED,
    "DEADLINE": Fate.FAILED,
    "OUT_OF_MEMORY": Fate.FAILED,
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


def fate(seen: Seen) -> Fate:
    """What a job's state asks for; a state that a newer SLURM invents is waited for."""
    found = FATES.get(base(seen.state), Fate.ALIVE)
    if found is Fate.ALIVE and seen.reason.startswith(NEEDS_HELP):
        return Fate.STUCK
    return found


def reason(seen: Seen) -> str:
    """The state in words, for an error message; empty where it says nothing of its own."""
    word = REASONS.get(base(seen.state), "")
    if word == "cancelled" and " by " in seen.state:
        return f"cancelled by user {seen.state.rsplit(' ', 1)[-1]}"
    return word
