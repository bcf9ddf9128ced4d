"""`python -m snakemake_executor_plugin_submitit.partitions`: a file of partitions to begin with."""

import argparse
import sys
from math import isfinite

import yaml

from snakemake_executor_plugin_submitit.partitions import query
from snakemake_executor_plugin_submitit.partitions.limits import Partition
from snakemake_executor_plugin_submitit.partitions.partition_file import NUMBERS
from snakemake_executor_plugin_submitit.slurm.commands import UnreachableError

PACKAGE = "snakemake_executor_plugin_submitit.partitions"


def main() -> int:
    """Print what SLURM says of its partitions by the keys of a file; 1 where it does not answer."""
    parser = argparse.ArgumentParser(prog=f"python -m {PACKAGE}", description=__doc__)
    parser.add_argument("clusters", nargs="?", default="", help="others than the usual one")
    found: dict[str, dict[str, object]] = {}
    for cluster in parser.parse_args().clusters.split(","):
        try:
            known = query.partitions(cluster)
        except UnreachableError as error:
            print(f"SLURM does not say what its partitions allow: {error}", file=sys.stderr)
            return 1
        for partition in known:
            if partition.closed:
                print(f"left out: {partition.name}: {partition.closed}", file=sys.stderr)
            elif partition.name in found:
                print(
                    f"left out: {partition.name} of {cluster}: the name is taken", file=sys.stderr
                )
            else:
                found[partition.name] = limits(partition)
    print("# From scontrol and sinfo. Read it: they do not say who may use a partition for what.")
    print(yaml.safe_dump({"partitions": found}, sort_keys=False), end="")
    return 0


def limits(partition: Partition) -> dict[str, object]:
    """A partition's limits by the keys of the file, without those that are none."""
    limits: dict[str, object] = {}
    if partition.clusters:
        limits["cluster"] = ",".join(partition.clusters)
    for key in ("max_runtime", *NUMBERS):
        value = float(getattr(partition, key))
        if isfinite(value) and (value or key != "max_gpu"):
            limits[key] = int(value) if value.is_integer() else value
    if partition.available_gpu_models:
        limits["available_gpu_models"] = list(partition.available_gpu_models)
    features = {feature for kind in partition.kinds for feature in kind.features}
    if features:
        limits["available_constraints"] = sorted(features)
    return limits


if __name__ == "__main__":
    sys.exit(main())
