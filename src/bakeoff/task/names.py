"""What the comparison names, for those who need no more of it: its metrics and its baselines."""

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
