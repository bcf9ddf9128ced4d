"""What becomes of submitted jobs, and what is said of those that fail."""
