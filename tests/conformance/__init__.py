"""Snakemake's own test suite, with the executor exchanged."""
