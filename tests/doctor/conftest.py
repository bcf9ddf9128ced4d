"""The real SLURM for the doctor's probe."""

from tests.cluster.fixtures import slurm, slurm_cluster

__all__ = ["slurm", "slurm_cluster"]
