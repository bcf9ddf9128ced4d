"""When a job's time ends, and when it has to be told so that it can save."""

import time

from snakemake_executor_plugin_submitit.job.slurm_job import InsideJob

# Seconds of work after which SLURM is asked for the partition's default limit.
SETTLED = 50


class TimeLimit:
    """The limit of a job that `started` (seconds since 1970) with `runtime` minutes, if that is known.

    `ahead` is how many seconds before the limit the job is told.
    """

    def __init__(
        self, inside: InsideJob, started: float, runtime: float | None, ahead: float
    ) -> None:
        self.inside, self.started, self.ahead = inside, started, ahead
        self.at = None if runtime is None else started + runtime * 60
        self._asked = False

    def ask(self) -> None:
        """Take the limit that SLURM says, which may have been changed since the job was submitted."""
        self._asked = True
        self.at = self.inside.time_limit_at() or self.at

    def is_near(self, slack: float) -> bool:
        """Whether the job is to be told within `slack` seconds, as far as is known."""
        return self.at is not None and time.time() + slack >= self._notice_at(self.at)

    def learn(self) -> None:
        """Ask once, after a while, where the job has no limit of its own: SLURM knows the partition's."""
        if self.at is None and not self._asked and time.time() > self.started + SETTLED:
            self.ask()

    def is_reached(self) -> bool:
        """Whether the job is to be told now, by what SLURM says of the limit at this moment."""
        if self.is_near(0):
            self.ask()
            return self.is_near(0)
        return False

    def pause(self) -> float:
        """Seconds until the next look at the clock."""
        if self.at is None:
            return 60.0
        return max(0.1, min(60.0, self._notice_at(self.at) - time.time()))

    def _notice_at(self, at: float) -> float:
        # Half of a short limit is left for work.
        return max(at - self.ahead, (self.started + at) / 2)
