"""`bakeoff doctor`: problems of this machine and its cluster, with ways out, before a job is queued."""
