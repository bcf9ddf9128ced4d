"""Which submission stands for which job: written down, and found again by the next Snakemake."""
