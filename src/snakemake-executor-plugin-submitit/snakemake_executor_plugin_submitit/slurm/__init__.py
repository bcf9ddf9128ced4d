"""SLURM's commands: asked with patience, their answers read, their errors told apart."""
