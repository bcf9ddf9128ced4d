"""The findings that follow from the probe's result, with the way out of each."""

import re
from collections.abc import Iterator
from dataclasses import replace

from bakeoff import __version__
from bakeoff.doctor import tracking
from bakeoff.doctor.cards import torch_sees_none, unusable_cards
from bakeoff.doctor.findings import Finding, ok, problem, warning
from bakeoff.doctor.probing import NO_FOLDER, NO_PROJECT, READ_ONLY, ProbeResult
from bakeoff.doctor.requests import JobRequest
from bakeoff.tracking.mlflow.address import Address

SKEW = 5.0  # seconds
# SLURM's reasons for waiting that need no action.
PATIENT = ("Resources", "Priority", "BeginTime", "None", "", "Dependency", "Prolog", "Cleaning")
SHARED = "put the project and `results:` on a folder that login node and compute nodes share"


def judge(
    probed: ProbeResult, job: JobRequest, address: Address | None, latency_wait: float
) -> Iterator[Finding]:
    """The findings of the probe, from its submission to its requeue."""
    if probed.refused:
        yield problem(
            f"sbatch refuses the probe: {probed.refused}",
            f"try it: sbatch {' '.join(job.arguments())} --wrap=true",
        )
    elif not probed.report:
        yield _silent(probed)
    else:
        yield ok(f"job {probed.job_id} ran on {probed.node}, {probed.waited:.0f} s after sbatch")
        yield from _python(probed)
        yield from _files(probed, latency_wait)
        yield from _gpus(probed, job)
        if address is not None and probed.report["tracking"] is not None:
            yield from tracking.in_job(
                address, probed.report["tracking"], mlflow=probed.report["mlflow"]
            )
        error = probed.report["internet"]
        yield ok(
            "internet: reached from the job"
            if not error
            else "internet: not reached from the job, which is usual; bakeoff fetches beforehand"
        )
        if probed.exchange is not None:
            yield _requeue(probed)
    if probed.cancel_error:
        yield problem(
            f"the probe, job {probed.job_id or 'unknown'}, could not be cancelled: {probed.cancel_error}",
            f"scancel {probed.job_id or '--name=... (see squeue --me)'}; it ends by itself as well",
        )


def _silent(probed: ProbeResult) -> Finding:
    """The finding for a job without a report: it waits, has ended, or writes where we cannot read."""
    job = f"job {probed.job_id}{f' on {probed.node}' if probed.node else ''}"
    output = f". It said: {probed.log}" if probed.log else ""
    if probed.state_error:
        return problem(
            f"what became of {job} is not known, as SLURM does not say it: {probed.state_error}",
            f"try it yourself: scontrol show job {probed.job_id}",
        )
    if probed.state in ("PENDING", "CONFIGURING", ""):
        what = (
            f"{job} did not start in {probed.waited:.0f} s ({probed.reason or 'no reason given'})"
        )
        if probed.reason.strip("()") in PATIENT:
            return warning(
                f"{what}: the cluster is busy", "wait longer with --timeout, or try later"
            )
        return problem(
            what,
            "see `man squeue`, JOB REASON CODES, and `sinfo -R`; jobs that ask for the same will "
            "wait as well",
        )
    if probed.exit_code == NO_FOLDER:
        return problem(f"{job} does not see the results folder: it is not shared", SHARED)
    if probed.exit_code == READ_ONLY:
        return problem(f"{job} cannot write in the results folder", SHARED)
    if probed.exit_code == NO_PROJECT:
        return problem(f"{job} does not see the working directory: it is not shared", SHARED)
    if probed.exit_code in (126, 127):
        return problem(
            f"the job's Python does not start on {probed.node or 'the node'}{output}",
            "put the environment on a folder that nodes share, or name a Python that exists there: "
            "submitit-python in the profile, --python here",
        )
    if probed.state == "COMPLETED":
        return problem(f"{job} ended well, and what it wrote does not show here", SHARED)
    if probed.state == "RUNNING":
        return problem(
            f"{job} runs, and nothing that it writes shows here{output}",
            f"{SHARED}; if they are, the node is very slow: try again",
        )
    return problem(
        f"{job} failed: {probed.state}, {probed.reason or 'no reason given'}, "
        f"exit code {probed.exit_code}{output}",
        "mend what it said; training jobs would end the same way",
    )


def _python(probed: ProbeResult) -> Iterator[Finding]:
    report = probed.report
    found = f"Python {report['python']} ({report['executable']})"
    version, missing = report["bakeoff"].get("version"), report["missing"]
    alternative = "name one that has: submitit-python in the profile, --python here"
    if version is None or missing:
        lacks = ", ".join(missing) or f"a bakeoff that starts: {report['bakeoff']['error']}"
        yield problem(f"the job's {found} lacks {lacks}", f"install it there, or {alternative}")
    elif version != __version__:
        yield problem(
            f"the job's {found} has bakeoff {version}, here it is {__version__}",
            f"install the same on both sides, or {alternative}",
        )
    else:
        yield ok(f"the job's {found} has bakeoff {version}")
    if report["bakeoff_command"] is None:
        yield problem(
            "`bakeoff` is not on the job's PATH, and rules call it by this name",
            "activate the environment before snakemake starts, or in the script of submitit-python",
        )


def _files(probed: ProbeResult, latency_wait: float) -> Iterator[Finding]:
    if not probed.report["working_folder"]:
        yield problem("the job cannot write in the working directory, where its logs go", SHARED)
    if probed.exchange is None:
        yield problem(
            "what is written here does not show in the job, though its report shows here",
            f"{SHARED}, without caches between them",
        )
        return
    what = f"the results folder is shared; a file went there and back in {probed.exchange:.1f} s"
    if probed.exchange > latency_wait:
        yield warning(
            f"{what}, more than the latency-wait of {latency_wait:g} s",
            f"snakemake --latency-wait {2 * probed.exchange:.0f}, or in the profile",
        )
    else:
        yield ok(what)
    if probed.skew > SKEW:
        yield warning(
            f"the clock of {probed.node} differs by {probed.skew:.0f} s or more",
            "tell the site; Snakemake compares the times of files and may run things again",
        )


def _gpus(probed: ProbeResult, job: JobRequest) -> Iterator[Finding]:
    if not job.request.gpus:
        yield ok(f"the job has {probed.report['cpus']} CPU cores, and asked for no GPU")
        return
    cuda, visible = probed.report["cuda"] or {}, probed.report["visible_gpus"]
    if blind := torch_sees_none(cuda, f"srun -w {probed.node} nvidia-smi"):
        yield replace(blind, what=f"SLURM gave the job GPU {visible or '(none)'}, and {blind.what}")
        return
    seen = f"torch {cuda['torch']} (CUDA {cuda['cuda']}) sees {cuda['count']} GPU"
    gres = str(dict(job.request.options).get("gres", ""))  # of every node
    asked = sum(map(int, re.findall(r"\bgpu(?::[^:,]+)?:(\d+)", gres)))
    # CUDA shows a process one MIG slice, however many the job has.
    if int(cuda["count"]) < asked and "MIG" not in str(visible):
        yield problem(
            f"{seen} of the {asked} that the job asked for on this node ({visible or 'none'})",
            f"compare with the driver: srun -w {probed.node} nvidia-smi; a prolog, a container or "
            "CUDA_VISIBLE_DEVICES in the environment may hide the others",
        )
    else:
        yield ok(seen)
    yield from unusable_cards(cuda)


def _requeue(probed: ProbeResult) -> Finding:
    if probed.requeued:
        return ok("the job put itself back into the queue: preempted and timed-out runs go on")
    return warning(
        f"the job could not requeue itself: {probed.requeue_error}",
        "Snakemake submits such jobs again instead, as long as it runs: keep it running. For "
        "containers, bind SLURM's commands and munge's socket into them",
    )
