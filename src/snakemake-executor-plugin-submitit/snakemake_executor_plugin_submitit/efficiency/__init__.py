"""The report at the end: what the jobs of a run asked for, and what they used of it."""
