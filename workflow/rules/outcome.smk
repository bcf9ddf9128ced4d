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


# Each way in which the data is split, with what the names of its rules begin with; in the end all of them.
PARTS = [
    *((one, f"{one.split_as}_", f"--set split.part={one.split_as}") for one in EXPERIMENT.parts),
    (EXPERIMENT, "", ""),
]


def made_after(stage, root, options=""):
    """Run a stage in a hook, its output in its log, where no bar is drawn over it."""
    shell(
        "mkdir -p {root:q}/logs && bakeoff {stage} {CONFIG} {options} > {root:q}/logs/{stage}.log 2>&1 || true"
    )


# Send what was made after `track`, above all the report.
onsuccess:
    for part, _, chosen in PARTS:
        if part.parts:
            continue
        made_after("sync", part.root, f"{chosen} --or-later")
        # Where MLflow could not be reached, the next start of Snakemake tries again.
        shell(
            """! grep -q '"pending"' {part.root:q}/tracked.json || rm {part.root:q}/tracked.json"""
        )


# A run that failed keeps `compare`, `report` and `track` from running as jobs. The report then says
# what is missing, and MLflow shows the failed run; the jobs run once the missing runs are there.
onerror:
    # Whoever interrupts wants it to end: nothing failed.
    for part, prefix, chosen in [] if RECORDER.interrupted else PARTS:
        # Before there is a split there is nothing to compare, report or send.
        if not any((one.root / "splits/audit.json").exists() for one in part.each):
            continue
        if not RECORDER.ended(f"{prefix}compare"):
            # The table without the failed runs is older than what it is made of, and nothing is known
            # of how it was made: the next start makes it, and what follows from it, again.
            for made in getattr(rules, f"{prefix}compare").output:
                workflow.persistence.cleanup_metadata(made)
            made_after("compare", part.root, chosen)
        if not RECORDER.ended(f"{prefix}report"):
            made_after("report", part.root, chosen)
        if not part.parts:
            made_after("sync", part.root, chosen)
