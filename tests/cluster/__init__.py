"""A real SLURM on one Debian machine, in a folder of its own: `python -m tests.cluster up`."""
