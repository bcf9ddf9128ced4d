"""One training run: deterministic, resumable at any step, stopped politely."""
