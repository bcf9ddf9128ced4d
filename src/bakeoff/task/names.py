"""The names of the baselines, without importing what computes them."""

BASELINES = ("majority", "metadata")
