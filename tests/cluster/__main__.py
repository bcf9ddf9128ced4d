"""`python -m tests.cluster up|down|status`: the cluster for people, in `.cluster/`."""

import argparse
import sys
import time

from tests.cluster import packages
from tests.cluster.cluster import SlurmCluster, default_root
from tests.cluster.layout import ClusterError


def main() -> int:
    """Run one of the three commands; 0 when it did what was asked."""
    parser = argparse.ArgumentParser(prog="python -m tests.cluster", description=__doc__)
    parser.add_argument("command", choices=["up", "down", "status"])
    command = parser.parse_args().command
    try:
        return {"up": up, "down": down, "status": status}[command]()
    except ClusterError as error:
        print(error, file=sys.stderr)
        return 1


def up() -> int:
    """Install what is missing, start the cluster, say how to use it."""
    reason = packages.obstacle()
    if reason:
        raise ClusterError(reason)
    packages.install()
    begin = time.monotonic()
    cluster = SlurmCluster.up(default_root())
    print(f"SLURM runs ({time.monotonic() - begin:.0f} s). To use it in this shell:")
    print(f"  export SLURM_CONF={cluster.layout.slurm_conf}")
    print("Partitions: main (default), high (preempts main). Nodes: gr[001-004], 4 GPUs each.")
    return 0


def down() -> int:
    """End the cluster's own processes and remove its folder."""
    cluster = SlurmCluster.find(default_root())
    if cluster is None:
        print("No cluster was started.")
        return 0
    cluster.down()
    print("SLURM has ended.")
    return 0


def status() -> int:
    """Show the daemons, the nodes and the queue; 0 when all daemons run."""
    cluster = SlurmCluster.find(default_root())
    if cluster is None:
        print("No cluster was started.")
        return 1
    states = cluster.states()
    for daemon, pid in states.items():
        print(f"{daemon:16}{'pid ' + pid if pid else 'not running'}")
    if all(states.values()):
        print(cluster.run("sinfo"))
        print(cluster.run("squeue"))
    return 0 if all(states.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
