"""The three places where jobs run, behind one interface: SLURM, this machine, this process."""
