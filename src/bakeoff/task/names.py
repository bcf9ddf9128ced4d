"""The names of the metrics and the baselines, without importing what computes them."""

METRICS = (
    "auroc",
    "accuracy",
    "balanced_accuracy",
    "sensitivity",
    "specificity",
    "pr_auc",
    "brier",
    "accuracy_at_half",
)
BASELINES = ("majority", "metadata")
