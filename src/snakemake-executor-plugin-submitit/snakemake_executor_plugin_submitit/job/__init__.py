"""What runs inside the job: it prepares, starts the command, watches it and writes the outcome."""
