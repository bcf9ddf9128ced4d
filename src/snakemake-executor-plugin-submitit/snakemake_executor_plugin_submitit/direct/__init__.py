"""Which shell rules run without a nested Snakemake, and with which command."""
