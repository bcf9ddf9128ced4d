"""Ten questions of somebody who never saw the code; the answers are modules that the map leads to."""

from tests.map.rooms import BAKEOFF, EXECUTOR

QUESTIONS = {
    "Where does an image's size change?": f"{BAKEOFF}.data.resizing",
    "Where do I add a loss?": f"{BAKEOFF}.task.losses",
    "How does a training learn that its job will be preempted?": f"{BAKEOFF}.training.stop",
    "What writes journal.jsonl?": f"{BAKEOFF}.tracking.journal.journal",
    "Why does MLflow never get a metric twice?": f"{BAKEOFF}.tracking.delivery.cursor",
    "Which module decides that a run whose node died was killed?": (
        f"{BAKEOFF}.tracking.journal.orphaned"
    ),
    "Where is the threshold chosen?": f"{BAKEOFF}.task.thresholds",
    "Where is decided which partition a job goes to?": f"{EXECUTOR}.partitions.choice",
    "Which module takes over jobs that an earlier Snakemake left running?": (
        f"{EXECUTOR}.submission.adoption"
    ),
    "SLURM says nothing of a job: what says that it has ended?": (
        f"{EXECUTOR}.monitoring.proof_of_end"
    ),
}
