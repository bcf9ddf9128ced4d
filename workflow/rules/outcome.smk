# The end of a bake-off: the stages that report on it, even if not all runs finished, and a summary.
import atexit
import sys

from bakeoff.outcome.closing import write_summary
from bakeoff.outcome.ways import ways_of
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


# The hooks pass none of it on to a call: what a call is given counts as changed by it, and then no job could
# start without a Snakemake of its own (see the executor's direct mode).
WAYS = ways_of(EXPERIMENT)


# Send what was made after `track`, above all the report.
onsuccess:
    RECORDER.succeeded = True
    for each_way in WAYS[:-1] or WAYS:
        # In a hook, its output in its log, where no bar is drawn over it.
        shell(
            "bakeoff sync {CONFIG} {each_way.chosen} --or-later > {each_way.root:q}/logs/sync.log 2>&1 || true"
        )
        # Where MLflow could not be reached, the next start of Snakemake tries again.
        shell(
            """! grep -q '"pending"' {each_way.root:q}/tracked.json || rm {each_way.root:q}/tracked.json"""
        )


# A run that failed keeps `compare`, `report` and `track` from running as jobs. The report then says
# what is missing, and MLflow shows the failed run; the jobs run once the missing runs are there.
onerror:
    # Before there is a split there is nothing to compare, report or send; and whoever interrupts wants it
    # to end: nothing failed.
    if not RECORDER.interrupted and any(
        Path(each_way.root, "splits/audit.json").exists() for each_way in WAYS
    ):
        for each_way in WAYS:
            shell("mkdir -p {each_way.root:q}/logs")
            if f"{each_way.rules}compare" in RECORDER.unfinished:
                # The table without the failed runs is older than what it is made of, and nothing is known
                # of how it was made: the next start makes it, and what follows from it, again.
                for made in getattr(rules, f"{each_way.rules}compare").output:
                    workflow.persistence.cleanup_metadata(made)
                shell(
                    "bakeoff compare {CONFIG} {each_way.chosen} > {each_way.root:q}/logs/compare.log 2>&1 || true"
                )
            if f"{each_way.rules}report" in RECORDER.unfinished:
                shell(
                    "bakeoff report {CONFIG} {each_way.chosen} > {each_way.root:q}/logs/report.log 2>&1 || true"
                )
        shell("bakeoff sync {CONFIG} > {RESULTS:q}/logs/sync.log 2>&1 || true")
