"""What a task means: its labels, losses, thresholds and metrics."""
