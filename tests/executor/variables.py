"""The environment variables that SLURM's manual pages name, with values that hide jobs or break steps.

By page (slurm-client 22.05.8): of the pages about questions all variables, of srun's and sbatch's the
input variables. `SLURM_CONF` is how the cluster is found, and stays.
"""

COMMON = {"SLURM_BITSTR_LEN": "1", "SLURM_DEBUG_FLAGS": "Backfill", "SLURM_TIME_FORMAT": "%a"}

PAGES: dict[str, dict[str, str]] = {
    "squeue": COMMON | {
        "SLURM_CLUSTERS": "elsewhere", "SQUEUE_ACCOUNT": "nobody", "SQUEUE_ALL": "1",
        "SQUEUE_ARRAY": "1", "SQUEUE_FEDERATION": "1", "SQUEUE_FORMAT": "%u",
        "SQUEUE_FORMAT2": "user", "SQUEUE_LICENSES": "matlab", "SQUEUE_LOCAL": "1",
        "SQUEUE_NAMES": "another", "SQUEUE_PARTITION": "high", "SQUEUE_PRIORITY": "1",
        "SQUEUE_QOS": "another", "SQUEUE_SIBLING": "1", "SQUEUE_SORT": "i",
        "SQUEUE_STATES": "SUSPENDED", "SQUEUE_USERS": "nobody",
    },
    "sacct": COMMON | {"SACCT_FEDERATION": "1", "SACCT_LOCAL": "1"},
    "scontrol": COMMON | {
        "SCONTROL_ALL": "1", "SCONTROL_FEDERATION": "1", "SCONTROL_FUTURE": "1",
        "SCONTROL_LOCAL": "1", "SCONTROL_SIBLING": "1", "SLURM_CLUSTERS": "elsewhere",
        "SLURM_CONF_OUT": "/nowhere", "SLURM_TOPO_LEN": "1",
    },
    "sinfo": {
        "SINFO_ALL": "1", "SINFO_FEDERATION": "1", "SINFO_FORMAT": "%P", "SINFO_LOCAL": "1",
        "SINFO_PARTITION": "high", "SINFO_SORT": "N", "SLURM_CLUSTERS": "elsewhere",
        "SLURM_DEBUG_FLAGS": "Backfill", "SLURM_TIME_FORMAT": "%a",
    },
    "sacctmgr": {"SLURM_DEBUG_FLAGS": "Backfill"},
    "scancel": {
        "SCANCEL_ACCOUNT": "nobody", "SCANCEL_BATCH": "1", "SCANCEL_CTLD": "1",
        "SCANCEL_FULL": "1", "SCANCEL_HURRY": "1", "SCANCEL_INTERACTIVE": "1",
        "SCANCEL_NAME": "another", "SCANCEL_PARTITION": "high", "SCANCEL_QOS": "another",
        "SCANCEL_STATE": "PENDING", "SCANCEL_USER": "nobody", "SCANCEL_VERBOSE": "1",
        "SCANCEL_WCKEY": "another", "SLURM_CLUSTERS": "elsewhere", "SLURM_DEBUG_FLAGS": "Steps",
    },
    "srun": {
        "SLURM_ACCOUNT": "nobody", "SLURM_ACCTG_FREQ": "1", "SLURM_BCAST": "/nowhere",
        "SLURM_BCAST_EXCLUDE": "/", "SLURM_BURST_BUFFER": "x", "SLURM_CLUSTERS": "elsewhere",
        "SLURM_COMPRESS": "none", "SLURM_CONSTRAINT": "nothing", "SLURM_CORE_SPEC": "40",
        "SLURM_CPU_BIND": "verbose", "SLURM_CPU_FREQ_REQ": "low", "SLURM_CPUS_PER_GPU": "9",
        "SLURM_DEBUG": "5", "SLURM_DEBUG_FLAGS": "Steps", "SLURM_DELAY_BOOT": "1",
        "SLURM_DEPENDENCY": "afterok:99999", "SLURM_DISABLE_STATUS": "1",
        "SLURM_DIST_PLANESIZE": "9", "SLURM_DISTRIBUTION": "plane", "SLURM_EPILOG": "/nowhere",
        "SLURM_EXACT": "1", "SLURM_EXCLUSIVE": "user", "SLURM_EXIT_ERROR": "66",
        "SLURM_EXIT_IMMEDIATE": "67", "SLURM_EXPORT_ENV": "NONE", "SLURM_GPU_BIND": "closest",
        "SLURM_GPU_FREQ": "low", "SLURM_GPUS": "99", "SLURM_GPUS_PER_NODE": "99",
        "SLURM_GPUS_PER_TASK": "99", "SLURM_GRES": "gpu:77", "SLURM_GRES_FLAGS": "disable-binding",
        "SLURM_HINT": "nothing", "SLURM_IMMEDIATE": "1", "SLURM_JOB_ID": "99999",
        "SLURM_JOB_NAME": "another", "SLURM_JOB_NUM_NODES": "44", "SLURM_KILL_BAD_EXIT": "1",
        "SLURM_LABELIO": "1", "SLURM_MEM_BIND": "verbose", "SLURM_MEM_PER_CPU": "1",
        "SLURM_MEM_PER_GPU": "9", "SLURM_MEM_PER_NODE": "999999", "SLURM_MPI_TYPE": "nothing",
        "SLURM_NETWORK": "x", "SLURM_NNODES": "44", "SLURM_NO_KILL": "1", "SLURM_NPROCS": "44",
        "SLURM_NTASKS": "44", "SLURM_NTASKS_PER_CORE": "44", "SLURM_NTASKS_PER_GPU": "44",
        "SLURM_NTASKS_PER_NODE": "44", "SLURM_NTASKS_PER_SOCKET": "44", "SLURM_OPEN_MODE": "t",
        "SLURM_OVERCOMMIT": "1", "SLURM_OVERLAP": "1", "SLURM_PARTITION": "nothing",
        "SLURM_PMI_KVS_NO_DUP_KEYS": "1", "SLURM_POWER": "level", "SLURM_PROFILE": "nothing",
        "SLURM_PROLOG": "/nowhere", "SLURM_QOS": "nothing", "SLURM_REMOTE_CWD": "/nowhere",
        "SLURM_REQ_SWITCH": "9", "SLURM_RESERVATION": "nothing", "SLURM_RESV_PORTS": "9",
        "SLURM_SEND_LIBS": "no", "SLURM_SIGNAL": "USR1@60000", "SLURM_SPREAD_JOB": "1",
        "SLURM_SRUN_REDUCE_TASK_EXIT_MSG": "1", "SLURM_STDERRMODE": "/nowhere/x",
        "SLURM_STDINMODE": "/nowhere/x", "SLURM_STDOUTMODE": "/nowhere/x",
        "SLURM_STEP_GRES": "gpu:9", "SLURM_STEP_KILLED_MSG_NODE_ID": "9",
        "SLURM_TASK_EPILOG": "/nowhere", "SLURM_TASK_PROLOG": "/nowhere", "SLURM_TEST_EXEC": "1",
        "SLURM_THREAD_SPEC": "9", "SLURM_THREADS": "44", "SLURM_THREADS_PER_CORE": "44",
        "SLURM_TIMELIMIT": "0:01", "SLURM_UMASK": "0777", "SLURM_UNBUFFEREDIO": "0",
        "SLURM_USE_MIN_NODES": "1", "SLURM_WAIT": "1", "SLURM_WAIT4SWITCH": "9",
        "SLURM_WCKEY": "another", "SLURM_WORKING_DIR": "/nowhere", "SLURMD_DEBUG": "5",
        "SRUN_CONTAINER": "/nowhere", "SRUN_CPUS_PER_TASK": "4000", "SRUN_EXPORT_ENV": "NONE",
    },
    # Those of sbatch that would take the submission's place, not those that people set for it.
    "sbatch": {
        "SBATCH_ARRAY_INX": "7", "SBATCH_DEBUG": "1", "SBATCH_ERROR": "/nowhere/x",
        "SBATCH_INPUT": "/nowhere/x", "SBATCH_JOB_NAME": "another", "SBATCH_NO_REQUEUE": "1",
        "SBATCH_OPEN_MODE": "t", "SBATCH_OUTPUT": "/nowhere/x", "SBATCH_REQUEUE": "1",
        "SBATCH_SIGNAL": "KILL@600", "SBATCH_TIMELIMIT": "1", "SBATCH_WAIT": "1",
        "SLURM_EXIT_ERROR": "66", "SLURM_STEP_KILLED_MSG_NODE_ID": "9", "SLURM_UMASK": "0777",
    },
}  # fmt: skip

# What SLURM sets inside a job, as Snakemake finds it when it runs in one.
OF_ANOTHER_JOB = {
    "SLURM_ARRAY_JOB_ID": "777", "SLURM_ARRAY_TASK_ID": "7", "SLURM_HET_SIZE": "3",
    "SLURM_JOBID": "99999", "SLURM_JOB_NODELIST": "nowhere", "SLURM_LOCALID": "7",
    "SLURM_NODEID": "7", "SLURM_NODELIST": "nowhere", "SLURM_PROCID": "7",
    "SLURM_RESTART_COUNT": "7", "SLURM_STEP_ID": "7", "SLURM_SUBMIT_DIR": "/nowhere",
    "SLURMD_NODENAME": "nowhere",
}  # fmt: skip
# Where a submission goes: meant, where it is set when jobs are submitted.
PLACES = ("SLURM_CLUSTERS",)
# What the manual does not name, and the commands read all the same.
UNNAMED = {
    "LOGNAME": "nobody",
    "USER": "nobody",
    "SACCT_FORMAT": "user",
    "SQUEUE_ARRAY_UNIQUE": "1",
}

HIDING: dict[str, str] = {
    name: value
    for page in (*PAGES.values(), OF_ANOTHER_JOB, UNNAMED)
    for name, value in page.items()
}
