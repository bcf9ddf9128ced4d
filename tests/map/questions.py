"""Ten questions of somebody who never saw the code; the answers are modules that the map leads to."""

from tests.map.rooms import BAKEOFF, EXECUTOR

QUESTIONS = {
    "Where does an image's size change to the one that a model sees?": f"{BAKEOFF}.data.resizing",
    "Which module decides that a run whose node died was killed?": (
        f"{BAKEOFF}.tracking.journal.orphaned"
    ),
    "Where do I add a loss?": f"{BAKEOFF}.task.losses",
    "What writes journal.jsonl?": f"{BAKEOFF}.tracking.journal.journal",
    "Where is the decision threshold chosen?": f"{BAKEOFF}.task.thresholds",
    "What remembers what MLflow was sent already, so that it never gets a metric twice?": (
        f"{BAKEOFF}.tracking.delivery.cursor"
    ),
    "Which module makes a rule's resources options of sbatch, the partition among them?": (
        f"{EXECUTOR}.resources.sbatch_options"
    ),
    "Where are jobs that still run taken over after Snakemake was killed and started again?": (
        f"{EXECUTOR}.submission.adoption"
    ),
    "When SLURM is silent about a job, what proves that it has ended?": (
        f"{EXECUTOR}.monitoring.proof_of_end"
    ),
    "Where are the ROC curves of the report drawn?": f"{BAKEOFF}.report.roc",
}
