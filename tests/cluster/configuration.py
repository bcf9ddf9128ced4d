"""The configuration files of the test cluster, as text."""

import socket

from tests.cluster.layout import NODES, Layout

CPUS = 48
GPUS = 4


def slurm_conf(layout: Layout) -> str:
    """Four Greene-like nodes, two partitions of which the higher preempts the lower."""
    host = short_host()
    nodes = "\n".join(
        f"NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs={CPUS} "
        f"RealMemory=180000 Gres=gpu:{gpu_type(node)}:{GPUS} Feature={gpu_type(node)} State=UNKNOWN"
        for node, port in zip(NODES, layout.slurmd, strict=True)
    )
    root = layout.root
    return f"""\
ClusterName=bakeoff
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={layout.slurmctld}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
# A requeued job waits for the lifetime of its credential: 120 s by default.
AuthInfo=socket={layout.munge_socket},cred_expire=5
StateSaveLocation={root}/state
SlurmdSpoolDir={root}/spool/%n
SlurmctldPidFile={root}/run/slurmctld.own
SlurmdPidFile={root}/run/slurmd-%n.own
SlurmctldLogFile={layout.log("slurmctld")}
SlurmdLogFile={root}/log/slurmd-%n.log
# Nodes may claim more CPUs and memory than this machine has.
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
# The least loaded node first, so that the runs of a small bake-off train on different nodes, too.
SelectTypeParameters=CR_Core_Memory,CR_LLN
DefMemPerCPU=300
GresTypes=gpu
ReturnToService=2
SlurmdTimeout=20
SlurmctldTimeout=30
MessageTimeout=15
KillWait=5
MinJobAge=60
MaxArraySize=2001
MaxJobCount=5000
JobRequeue=1
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_min_interval=100000,sched_interval=1,bf_interval=1
PriorityType=priority/basic
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={layout.slurmdbd}
# The "password" of slurmdbd is the path of the munge socket.
AccountingStoragePass={layout.munge_socket}
AccountingStorageEnforce=associations,limits
AccountingStorageTRES=gres/gpu
JobAcctGatherType=jobacct_gather/linux
# Without cgroups this is what kills a job that takes more memory than it asked for.
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill,UsePss
{nodes}
PartitionName=main Nodes=ALL Default=YES MaxTime=7-0 PriorityTier=1 PreemptMode=REQUEUE GraceTime=10
PartitionName=high Nodes=ALL MaxTime=7-0 PriorityTier=10 PreemptMode=OFF
"""


def short_host() -> str:
    """This machine's name as SLURM compares it."""
    return socket.gethostname().split(".")[0]


def gpu_type(node: str) -> str:
    """Half of the nodes have one type of GPU, half the other."""
    return "rtx8000" if node in NODES[:2] else "v100"


def gres_conf(layout: Layout) -> str:
    """GPUs are ordinary files: SLURM refuses GPUs that have none."""
    return "".join(
        f"NodeName={node} Name=gpu Type={gpu_type(node)} File={layout.root}/gpu/gpu[0-{GPUS - 1}]\n"
        for node in NODES
    )


def slurmdbd_conf(layout: Layout) -> str:
    """Accounting in this cluster's own MariaDB."""
    host = short_host()
    return f"""\
AuthType=auth/munge
AuthInfo=socket={layout.munge_socket}
DbdHost={host}
DbdAddr=127.0.0.1
DbdPort={layout.slurmdbd}
SlurmUser=root
LogFile={layout.log("slurmdbd")}
PidFile={layout.root}/run/slurmdbd.own
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={layout.mariadb}
StorageUser=slurm
StoragePass=slurm
StorageLoc=slurm_acct
"""


def mariadb_conf(layout: Layout) -> str:
    """A small MariaDB that only this machine reaches."""
    folder = layout.root / "mariadb"
    return f"""\
[mariadbd]
user=root
datadir={folder}/data
socket={layout.mariadb_socket}
port={layout.mariadb}
bind-address=127.0.0.1
pid-file={folder}/own.pid
log-error={layout.log("mariadbd")}
innodb_buffer_pool_size=64M
innodb_log_file_size=16M
innodb_lock_wait_timeout=900
# The data are thrown away with the cluster: do not wait for the disk.
innodb_flush_log_at_trx_commit=0
innodb_flush_method=nosync
# The kernel limits asynchronous requests for all processes together.
innodb_use_native_aio=0
skip-log-bin
"""
