"""The Debian packages of the cluster: which are missing, and how they are installed."""

import os
import shutil
from pathlib import Path

from tests import debian
from tests.cluster.layout import ClusterError

# What has to be on the machine, and the package that brings it.
PROGRAMS = {
    "slurmctld": "slurmctld",
    "slurmd": "slurmd",
    "sbatch": "slurm-client",
    "slurmdbd": "slurmdbd",
    "munged": "munge",
    "mariadbd": "mariadb-server",
}
PLUGIN = "slurm-wlm-mysql-plugin"
SBIN = "/usr/sbin:/sbin"


def missing() -> list[str]:
    """The packages that are not installed."""
    path = f"{os.environ.get('PATH', '')}:{SBIN}"
    packages = [
        package for program, package in PROGRAMS.items() if not shutil.which(program, path=path)
    ]
    plugins = Path("/usr/lib").glob("*/slurm-wlm/accounting_storage_mysql.so")
    return packages if any(plugins) else [*packages, PLUGIN]


def obstacle() -> str | None:
    """Why no cluster can be started here, or None: it needs root, and Debian for missing packages."""
    if os.geteuid() != 0:
        return (
            "the test cluster is started as root; run the tests as root, for example in a container"
        )
    if missing() and not shutil.which("apt-get"):
        return f"{', '.join(missing())} not found, and there is no apt-get to install them"
    return None


def install() -> None:
    """Install the missing packages; no service is started and no configuration replaced."""
    try:
        debian.install(missing())
    except debian.InstallError as error:
        raise ClusterError(str(error)) from None
