"""Checks of SLURM without a job: reachable, usable partitions, accounting, which requests it accepts."""

import os
import re
import shutil
from collections.abc import Iterator, Sequence

from bakeoff.commands import ask
from bakeoff.config.experiment import Experiment
from bakeoff.doctor.findings import Finding, ok, problem, warning
from bakeoff.doctor.requests import JobRequest
from bakeoff.doctor.site import Site, ping, states_of
from bakeoff.planning.summary import without_gpu
from snakemake_executor_plugin_submitit.slurm import environment

PROGRAMS = ("sbatch", "squeue", "scancel", "scontrol", "sinfo")
# The fact of the site that helps with a refusal, by words in sbatch's error.
WAYS_OUT = (
    ("nvalid account", "account"),
    ("artition", "partition"),
    ("node configuration is not available", "nodes"),
    ("feature", "nodes"),
    ("gres", "nodes"),
    ("qos", "qos"),
    ("QOS", "qos"),
    ("ime limit", "time"),
)


def reachable() -> Finding:
    """Whether the commands are here and the controller answers."""
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    barred = [program for program in missing if shutil.which(program, mode=os.F_OK)]
    if barred:
        return problem(
            f"SLURM's {', '.join(barred)} cannot be executed by you",
            f"ask the site: {shutil.which(barred[0], mode=os.F_OK)} lacks the permission",
        )
    if missing:
        return problem(
            f"SLURM's {', '.join(missing)} are not on the PATH",
            "log in to the cluster's login node, or load its module: module load slurm",
        )
    answer = ping()
    if answer.error:
        return problem(
            f"SLURM's controller does not answer: {answer.error}",
            "see the site's status page, and whether SLURM_CONF is right "
            f"({os.environ.get('SLURM_CONF', 'not set')}); a Snakemake that runs waits for it",
        )
    return ok(f"SLURM answers: {answer.text.strip().splitlines()[0]}")


def describe(site: Site) -> Iterator[Finding]:
    """Version, partitions, GPUs, accounting, accounts, preemption."""
    config = site.config
    if "SLURM_VERSION" not in config:
        yield problem(
            "`scontrol show config` does not answer as SLURM's does",
            "try it yourself: another program of that name may come first on the PATH",
        )
    yield ok(f"SLURM {config.get('SLURM_VERSION', '?')}, cluster {config.get('ClusterName', '?')}")
    names = [
        f"{name} (default)" if name == site.default_partition else name for name in site.partitions
    ]
    for what, why in site.unanswered.items():
        yield warning(
            f"SLURM did not answer about its {what}: {why}",
            "what depends on them is not looked at; try it again, or the command yourself",
        )
    if names:
        yield ok(f"partitions: {', '.join(names)}")
    elif "partitions" not in site.unanswered:
        yield warning(
            "SLURM shows no partition to you", "ask the site whether your account is set up"
        )
    gpus = ", ".join(f"{count} {kind}" for kind, count in sorted(site.gpus().items()))
    if gpus or "nodes" not in site.unanswered:
        yield ok(f"GPUs: {gpus or 'none'}")
    yield from _accounting(site)
    mode = config.get("PreemptMode", "OFF")
    if mode not in ("OFF", ""):
        graces = {name: values.get("GraceTime", "0") for name, values in site.partitions.items()}
        by_partition = ", ".join(f"{name} {grace} s" for name, grace in graces.items())
        yield ok(f"preemption: {mode}; time to save before it, by partition: {by_partition}")


def _accounting(site: Site) -> Iterator[Finding]:
    if site.config.get("AccountingStorageType", "").endswith("none"):
        yield warning(
            "accounting is off: SLURM forgets a job minutes after its end",
            "nothing to set: squeue is asked instead. Keep Snakemake running until its jobs ended",
        )
        return
    if site.accounting:
        yield warning(
            f"accounting does not answer: {site.accounting}",
            "squeue is asked instead. Keep Snakemake running until its jobs ended; tell the site",
        )
        return
    given = os.environ.get("SBATCH_ACCOUNT")
    chosen = f"; SBATCH_ACCOUNT is {given}" if given else ""
    if site.accounts:
        yield ok(f"accounting answers; accounts of yours: {', '.join(site.accounts)}{chosen}")
    else:
        yield warning(
            f"accounting answers, and knows no account of yours{chosen}",
            "ask the site for one, unless it runs jobs without",
        )


def judge(site: Site, requests: Sequence[JobRequest]) -> tuple[list[JobRequest], list[Finding]]:
    """Test every request with `sbatch --test-only`; returns those that would run, and the findings.

    Requests that are refused for the same reason share one finding.
    """
    accepted: list[JobRequest] = []
    findings: list[Finding] = []
    refused: dict[tuple[str, str], list[JobRequest]] = {}
    for job in requests:
        if finding := _never_starts(site, job):
            findings.append(finding)
            continue
        answer = ask(
            *("sbatch", "--test-only", *job.arguments(), "--wrap=true"),
            env=environment.of_submissions(dict(job.request.options)),
        )
        refusal = answer.error.removeprefix("sbatch: ")
        if answer.text.strip() and answer.ok:
            refusal = "it answers something else than sbatch does"  # which prints nothing on stdout
        if refusal:
            refused.setdefault((refusal, _way_out(site, job, refusal)), []).append(job)
        else:
            accepted.append(job)
            findings.append(ok(f"sbatch accepts {job}"))
    for (refusal, way_out), several in refused.items():
        more = f" and {len(several) - 1} more such" if len(several) > 1 else ""
        findings.append(problem(f"sbatch refuses {several[0]}{more}: {refusal}", way_out))
    return accepted, findings


def idle_gpus(site: Site, experiment: Experiment | None) -> Iterator[Finding]:
    """GPUs that the cluster has while variants ask for none."""
    names = without_gpu(experiment) if experiment else []
    gpus = ", ".join(f"{count} {kind}" for kind, count in sorted(site.gpus().items()))
    if names and gpus:
        yield warning(
            f"{', '.join(names)}: no GPU is asked for, so training runs on processors, and the cluster "
            f"has {gpus}",
            "resources: {gpu: 1} in the config, for all or in a variant; if processors are meant, "
            "training: {device: cpu}",
        )


def _partition(site: Site, job: JobRequest) -> str:
    named = job.option("partition") or os.environ.get("SBATCH_PARTITION", "")
    return named or site.default_partition


def _never_starts(site: Site, job: JobRequest) -> Finding | None:
    """A request that sbatch accepts and SLURM then never starts, which --test-only does not show."""
    partition = _partition(site, job)
    if not partition:
        return None
    name = partition.split(",")[0]
    limits = site.partitions.get(name, {})
    longest = minutes(limits.get("MaxTime", "UNLIMITED"))
    if longest is not None and (job.request.runtime or 0) > longest:
        return problem(
            f"{job} would wait for ever: partition {name} ends jobs after {longest:g} min",
            "ask for less, resources.runtime: training saves at its limit, is requeued and goes on",
        )
    if limits.get("State", "UP") != "UP":
        return problem(
            f"{job} would wait: partition {name} is {limits['State']}",
            "name another, resources.slurm_partition or SBATCH_PARTITION, or wait: sinfo",
        )
    nodes = site.of(partition)
    if nodes and not any(node.usable for node in nodes):
        states = states_of(nodes)
        return problem(
            f"{job} would wait: no node of partition {partition} is in service ({states})",
            "`sinfo -R` says why; name another partition, or wait",
        )
    return None


def _way_out(site: Site, job: JobRequest, refusal: str) -> str:
    kind = next((kind for words, kind in WAYS_OUT if words in refusal), "")
    partition = _partition(site, job)
    if kind == "account":
        yours = ", ".join(site.accounts) or "unknown; ask the site"
        chosen = job.option("account") or os.environ.get("SBATCH_ACCOUNT") or "none"
        return (
            f"asked for: {chosen}; yours: {yours}. export SBATCH_ACCOUNT=..., or "
            "resources.slurm_account in the config"
        )
    if kind == "partition":
        return (
            f"asked for: {partition or 'none'}; there are: {', '.join(site.partitions)}. "
            "export SBATCH_PARTITION=..., or resources.slurm_partition in the config"
        )
    if kind == "nodes":
        known = partition if site.of(partition) else ""
        return f"ask for what {known or 'the cluster'} has: {site.offer(known) or 'see sinfo'}"
    if kind == "qos":
        return (
            "see `sacctmgr show assoc user=$USER format=account,qos`; resources.qos in the config"
        )
    if kind == "time":
        return "ask for less, resources.runtime: training saves at its limit and goes on"
    return f"try it: sbatch --test-only {' '.join(job.arguments())} --wrap=true"


def minutes(limit: str) -> float | None:
    """SLURM's time limit in minutes, None where there is none.

    >>> minutes("7-00:00:00"), minutes("30:00"), minutes("UNLIMITED")
    (10080.0, 30.0, None)
    """
    match = re.fullmatch(r"(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)", limit)
    if not match:
        return None
    days, hours, mins, seconds = (int(part or 0) for part in match.groups())
    return days * 1440 + hours * 60 + mins + seconds / 60
