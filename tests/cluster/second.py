"""A second cluster in the accounting of the first: nodes without GPUs, and partitions of other limits.

It is there for the tests that ask for it; `--clusters` reaches each of the two from the other.
"""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cluster import configuration, daemons
from tests.cluster.layout import Layout, free_ports

NAME = "other"
NODES = ("ot001", "ot002")  # the second one has the GPUs
DAEMONS = ("slurmctld", *(f"slurmd-{node}" for node in NODES))
GPUS = 2


@contextmanager
def running(first: Layout) -> Iterator[Layout]:
    """The second cluster, from its start to its end."""
    layout = _create(first)
    for command in (
        ("add", "cluster", NAME),
        (
            "add",
            "account",
            "research",
            f"cluster={NAME}",
            "Description=tests",
            "Organization=tests",
        ),
        ("add", "user", "root", "Account=research", f"cluster={NAME}"),
    ):
        _run(first, "sacctmgr", "--immediate", *command)
    try:
        for daemon in DAEMONS:
            daemons.start(layout, daemon)
        daemons.wait_until(
            lambda: (
                set(_run(layout, "sinfo", "-h", "-N", "-o", "%T").split()) == {"idle"}
                and bool(_run(first, "sinfo", "-h", "-M", NAME))
            ),
            "the second cluster is not ready",
            layout.log("slurmctld"),
        )
        yield layout
    finally:
        _run(layout, "scancel", "--user=root")
        stop(first.root)
        _run(first, "sacctmgr", "--immediate", "delete", "cluster", NAME)


def stop(root: Path) -> None:
    """End the daemons and jobs of the second cluster beside the first in `root`, if there is one."""
    layout = Layout.read(root / NAME)
    if layout is None:
        return
    steps = daemons.step_processes(layout)
    for daemon in reversed(DAEMONS):
        daemons.stop(layout, daemon)
    daemons.end([*steps, *daemons.step_processes(layout)])


def _create(first: Layout) -> Layout:
    root = first.root / NAME
    for folder in ("log", "run", "state", "spool", "gpu"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    ports = free_ports(1 + len(NODES))
    layout = Layout(root, ports[0], first.slurmdbd, first.mariadb, tuple(ports[1:]))
    layout.write()
    for index in range(GPUS):
        (root / "gpu" / f"gpu{index}").touch()
    gres = f"NodeName={NODES[1]} Name=gpu Type=a100 File={root}/gpu/gpu[0-{GPUS - 1}]\n"
    (root / "gres.conf").write_text(gres)
    layout.slurm_conf.write_text(_slurm_conf(first, layout))
    return layout


def _slurm_conf(first: Layout, layout: Layout) -> str:
    """The first cluster's, with other folders, ports, nodes and partitions; munge is the same."""
    text = configuration.slurm_conf(first)
    for folder in ("state", "spool", "run", "log"):
        text = text.replace(f"={first.root}/{folder}", f"={layout.root}/{folder}")
    text = re.sub(r"^ClusterName=.*$", f"ClusterName={NAME}", text, flags=re.M)
    text = re.sub(r"^SlurmctldPort=.*$", f"SlurmctldPort={layout.slurmctld}", text, flags=re.M)
    text = re.sub(r"^(NodeName|PartitionName)=.*\n", "", text, flags=re.M)
    node = f"NodeHostname={configuration.short_host()} NodeAddr=127.0.0.1 State=UNKNOWN"
    plain, gpus = NODES
    return f"""{text}
NodeName={plain} {node} Port={layout.slurmd[0]} CPUs=8 RealMemory=16000 Feature=skylake
NodeName={gpus} {node} Port={layout.slurmd[1]} CPUs=16 RealMemory=64000 Feature=rome Gres=gpu:a100:{GPUS}
PartitionName=short Nodes={plain} Default=YES MaxTime=60
PartitionName=spare Nodes={plain} MaxTime=60
PartitionName=long Nodes={plain} MaxTime=7-0
PartitionName=gpu Nodes={gpus} MaxTime=2-0 MaxMemPerNode=32000
PartitionName=club Nodes=ALL MaxTime=7-0 AllowAccounts=members
PartitionName=shut Nodes=ALL MaxTime=60 State=DOWN
"""


def _run(layout: Layout, *command: str) -> str:
    """What a command says, empty where it fails."""
    done = subprocess.run(
        command, env=layout.environment(), capture_output=True, text=True, timeout=60, check=False
    )
    return done.stdout if done.returncode == 0 else ""
