"""Moving from snakemake-executor-plugin-slurm: its names, found where Snakemake was given them, and ours."""
