# The end of a bake-off: the stages that report on it, even if not all runs finished, and a summary.
import atexit
import sys

from bakeoff.outcome.closing import write_summary
from bakeoff.outcome.workflow_events import EventRecorder
from snakemake.logging import logger

RECORDER = EventRecorder()

# The Snakemake that the user started, not those that run a job of it.
if workflow.is_main_process and not workflow.output_settings.dryrun:
    logger.addHandler(RECORDER)
    # At exit: Snakemake prints after its hooks, and its bars are drawn over what they print.
    atexit.register(
        write_summary,
        RECORDER,
        EXPERIMENT,
        CONFIG,
        sys.stdout if workflow.output_settings.stdout else sys.stderr,
    )


def made_after(stage, options=""):
    """Run a stage in a hook, its output in its log, where no bar is drawn over it."""
    shell(
        "bakeoff {stage} {CONFIG} {options} > {RESULTS:q}/logs/{stage}.log 2>&1 || true"
    )


# Send what was made after `track`, above all the report.
onsuccess:
    made_after("sync", "--or-later")
    # Where MLflow could not be reached, the next start of Snakemake tries again.
    shell(
        """! grep -q '"pending"' {RESULTS:q}/tracked.json || rm {RESULTS:q}/tracked.json"""
    )


# A run that failed keeps `compare`, `report` and `track` from running as jobs. The report then says
# what is missing, and MLflow shows the failed run; the jobs run once the missing runs are there.
onerror:
    # Before there is a split there is nothing to compare, report or send; and whoever interrupts wants it
    # to end: nothing failed.
    if (RESULTS / "splits/audit.json").exists() and not RECORDER.interrupted:
        if not RECORDER.ended("compare"):
            # The table without the failed runs is older than what it is made of, and nothing is known
            # of how it was made: the next start makes it, and what follows from it, again.
            for made in rules.compare.output:
                workflow.persistence.cleanup_metadata(made)
            made_after("compare")
        if not RECORDER.ended("report"):
            made_after("report")
        made_after("sync")
