"""From predictions to metrics, baselines and the comparison of variants."""
