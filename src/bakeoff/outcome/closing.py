"""The closing summary of a start of Snakemake: results, where they are, what failed, what to do next."""

import os
import shlex
import shutil
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TextIO

from bakeoff.config.experiment import Experiment
from bakeoff.files import read_json
from bakeoff.layout import Layout
from bakeoff.outcome.reason import last_line, last_message
from bakeoff.outcome.workflow_events import EventRecorder, Job

SHOWN = 8  # failed jobs that are listed; the rest is counted
GENERIC = "For further error details"  # Snakemake's own words after an executor's message
UI = "http://127.0.0.1:5000"  # where `bakeoff ui` serves without --port
Command = Callable[[str], str]  # the command of a stage on this configuration

COMMAND_VARIABLE = "BAKEOFF_COMMAND"
"""The variable with what the user typed, where that is not Snakemake's command line: `make demo`."""


def write_summary(
    recorder: EventRecorder, experiment: Experiment, config: str, out: TextIO
) -> None:
    """Write the summary after Snakemake's own output; nothing where it had no plan.

    `config` are the arguments with which a stage gets the configuration.
    """
    if recorder.worked or recorder.idle:
        again = os.environ.get(COMMAND_VARIABLE)
        # `make` uses an environment that is not on the user's PATH.
        stage = os.path.relpath(shutil.which("bakeoff") or "bakeoff") if again else "bakeoff"
        again = again or shlex.join(["snakemake", *sys.argv[1:]])
        out.write(summary(recorder, experiment, config, again=again, stage=stage))
        out.flush()


def summary(
    recorder: EventRecorder,
    experiment: Experiment,
    config: str,
    *,
    again: str,
    stage: str = "bakeoff",
) -> str:
    """The summary's text: a line with the result, then a line for each failure, the report, and MLflow.

    `again` is the command that started the workflow, `stage` the program that runs a stage.
    """

    def command(name: str) -> str:
        return f"{stage} {name} {config}"

    layout = Layout(experiment.root)
    each = experiment.with_rounds().each
    runs = [(Layout(part.root), run) for part in each for run in part.runs()]
    done = sum(_is_finished(place, run.variant.name, run.seed) for place, run in runs)
    failed = recorder.failed
    done_at_all = recorder.succeeded and not recorder.interrupted
    complete = recorder.idle or done_at_all or all(map(recorder.ended, recorder.planned))
    verdict = f"{done} of {len(runs)} runs finished"
    if recorder.interrupted:
        verdict = f"interrupted; {verdict}. What was saved is kept"
    elif failed:
        verdict += f"; {len(failed)} {'job' if len(failed) == 1 else 'jobs'} failed"
    elif not complete:
        verdict += "; it ended before the rest"
    lines = ["", f"{experiment.name}: {verdict}."]
    if not recorder.interrupted:  # after an interrupt, the reason is known
        for job in failed[:SHOWN]:
            lines += _entry("failed", f"{job}: {_reason(job)}", *map(str, job.logs))
        if len(failed) > SHOWN:
            lines += _entry("", f"and {len(failed) - SHOWN} more: {command('status')}")
    lines += _entry("report", *_report(layout, each, recorder, command))
    lines += _entry("MLflow", *_mlflow(Layout(each[0].root), recorder, command))
    if not complete:
        is_fixable = failed and not recorder.interrupted
        lines += _entry("go on", again + ("    # once that is mended" if is_fixable else ""))
    return "\n".join(lines) + "\n"


def _entry(about: str, first: str, *more: str) -> list[str]:
    return [f"  {about:<8}{first}", *(f"  {'':<8}{line}" for line in more)]


def _is_finished(layout: Layout, variant: str, seed: int) -> bool:
    folder = layout.run(variant, seed)
    return folder.run_json.exists() and (folder.path / "metrics.json").exists()


def _reason(job: Job) -> str:
    # The stage's own message comes first; the executor has the reason of a job that was killed.
    executor_message = job.message.partition(GENERIC)[0].strip().partition("\n")[0]
    sources = (*map(last_message, job.logs), executor_message, *map(last_line, job.logs))
    return next(filter(None, sources), "it left no word")


def _report(
    layout: Layout, each: Sequence[Experiment], recorder: EventRecorder, command: Command
) -> list[str]:
    make = f"{command('compare')} && {command('report')}"
    if not layout.report.exists():
        if not any(Layout(part.root).audit.exists() for part in each):
            return ["none: there is nothing to report yet"]
        return ["none yet; one of what there is:", make]
    name, made = str(layout.report), layout.report.stat().st_mtime
    if made >= recorder.began:
        return [name if recorder.ended("report") else f"{name} (it says what is missing)"]
    when = datetime.fromtimestamp(made).strftime("%Y-%m-%d %H:%M")
    if recorder.ended("report"):  # it was not requested, or was up to date
        return [f"{name} (of {when})"]
    return [f"{name} is of {when}; for one of what there is now:", make]


def _mlflow(layout: Layout, recorder: EventRecorder, command: Command) -> list[str]:
    try:
        url = read_json(layout.tracked).get("url")
    except (OSError, ValueError, AttributeError):
        url = None  # nothing was sent yet
    log = layout.root / "logs" / "sync.log"
    now = log.exists() and log.stat().st_mtime >= recorder.began
    warning = last_message(log) if now else ""
    return [str(url or f"{command('ui')}    # on {UI}"), *filter(None, [warning])]
