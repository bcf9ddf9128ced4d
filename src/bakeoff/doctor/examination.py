"""All checks in order: the local and quick ones first, the probe job last."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bakeoff.config.experiment import Experiment
from bakeoff.doctor import (
    cards,
    data,
    folder,
    machine,
    probe,
    probing,
    slurm,
    tracking,
    verdict,
    weights,
)
from bakeoff.doctor.findings import Finding, ok, problem, warning
from bakeoff.doctor.profile import Profile
from bakeoff.doctor.requests import JobRequest, job_requests
from bakeoff.doctor.site import Site
from bakeoff.errors import TrackingError
from snakemake_executor_plugin_submitit.resources.contradiction import ContradictionError

SECONDS = 5.0  # patience with a server or a site


@dataclass(frozen=True)
class Examination:
    """An examination; `findings` runs its checks."""

    experiment: Experiment | None
    results: Path
    profile: Profile
    account: str
    partition: str
    python: str
    job: bool
    timeout: float
    asked_for_slurm: bool

    def findings(self, notify: Callable[[str], None]) -> Iterator[str | Finding]:
        """Headings and findings, each as soon as it is known; `notify` is called while a check takes long."""
        yield "This machine"
        yield from machine.python()
        yield from machine.capacity(self.experiment)
        on_slurm = self.profile.slurm and shutil.which("sbatch") is not None
        yield from machine.threads(self.experiment, cluster=on_slurm)
        yield from machine.profiles(Path.cwd())
        yield from data.examine(self.experiment)
        yield from weights.examine(self.experiment)
        yield from folder.examine(self.results, self.experiment)
        yield from tracking.here(self.experiment, SECONDS)
        yield from machine.internet(self.experiment, SECONDS)
        if not self.profile.slurm:
            yield ok(f"profile {self.profile.name} runs jobs here; SLURM was not looked at")
            return
        first = slurm.reachable()
        if "not on the PATH" in first.what and not self.asked_for_slurm:
            yield ok("no SLURM here: runs stay on this machine, snakemake --profile local")
            return
        yield "SLURM"
        yield first
        if first.level == "problem":
            return
        site = Site.read()
        yield from slurm.describe(site)
        try:
            requests = job_requests(
                self.experiment, self.profile.resources, self.account, self.partition
            )
        except ContradictionError as error:
            yield problem(f"resources contradict each other: {error}", "correct them in the config")
            return
        accepted, findings = slurm.judge(site, requests)
        yield from findings
        yield from slurm.idle_gpus(site, self.experiment)
        if self.job:
            yield from self._probe(site, accepted, notify)
        elif not (self.python or self.profile.python) and any(r.request.gpus for r in accepted):
            # The job's torch is the one here.
            yield from cards.may_get_unusable(site, accepted, probe.cuda())

    @property
    def _live(self) -> bool:
        """Whether jobs send to MLflow themselves."""
        return self.experiment is None or self.experiment.tracking.live

    def _probe(
        self, site: Site, accepted: list[JobRequest], notify: Callable[[str], None]
    ) -> Iterator[str | Finding]:
        if not accepted:
            yield warning(
                "no job was tried: sbatch would refuse it, or it would wait", "mend the above first"
            )
            return
        # The most demanding request that is accepted: the one for GPUs.
        chosen = max(accepted, key=lambda each: (each.request.gpus, each is not accepted[0]))
        place = folder.existing(self.results)
        try:
            address = tracking.resolve(self.experiment)
        except TrackingError:
            address = None  # reported above
        question = {
            "seconds": SECONDS,
            "tracking": tracking.target(address) if address and self._live else None,
            "internet": machine.INTERNET,
            "working_folder": str(Path.cwd()),
            "gpus": chosen.request.gpus,
        }
        yield f"A job like that of {chosen}"
        try:
            probed = probing.run(
                chosen,
                place,
                question,
                python=self.python or self.profile.python,
                setup=self.profile.setup,
                timeout=self.timeout,
                notify=notify,
            )
        except OSError as error:
            yield warning(f"no job was tried: {place}: {error.strerror}", "mend the above first")
            return
        yield from verdict.judge(probed, chosen, address, self.profile.latency_wait)
        yield from cards.may_get_unusable(site, accepted, probed.report.get("cuda") or {})
