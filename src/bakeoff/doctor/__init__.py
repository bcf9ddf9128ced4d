"""What would go wrong on this machine and its cluster, and the way out of each, before a job is queued."""
