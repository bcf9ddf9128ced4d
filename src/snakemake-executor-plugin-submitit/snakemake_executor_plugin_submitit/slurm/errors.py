"""What sbatch says when it takes no job: a fault of the job, a limit, or nobody there."""

import re

# A controller that does not answer: nothing is wrong with the job.
UNREACHABLE = (
    "Unable to contact slurm controller",
    "Socket timed out",
    "Connection refused",
    "Connection reset",
    "ommunication connection failure",
    "Zero Bytes were transmitted",
    "Transport endpoint is not connected",
    "Message receive failure",
    "Slurm backup controller in standby mode",
    "Resource temporarily unavailable",
    "try again later",
    "Unable to accept new jobs",
    "Protocol authentication error",
)
# A limit on how much one user may have queued.
LIMITED = (
    "job submit limit",
    "MaxSubmitJob",
    "MaxJobs",
    "Job/step already completing or completed",
    "Invalid job array specification",
)
# SLURM's names of its limits. "job submit limit" is said at each of them, so the name decides.
NAMED = re.compile(r"\b(?:(?:QOS|Assoc)(?:Max|Min|Grp)\w+|Max\w+PerAccount\b)")
COUNTS_JOBS = re.compile(r"(?:Max|Grp)(?:Submit)?Jobs?")


def is_full(text: str) -> bool:
    """Whether the words speak of a limit, below which the same job may be taken later.

    A limit on what one job asks for, as QOSMaxWallDurationPerJobLimit, will never let it in.
    """
    limits = NAMED.findall(text)
    if limits:
        return any(COUNTS_JOBS.search(limit) for limit in limits)
    return any(words in text for words in LIMITED)


def is_away(text: str) -> bool:
    """Whether the words speak of a controller that does not answer; it may have taken the job."""
    return any(words in text for words in UNREACHABLE)
