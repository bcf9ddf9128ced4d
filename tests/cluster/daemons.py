"""Start and end the cluster's daemons: each in the foreground of its own session, known by its pid."""

import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from tests.cluster.layout import ClusterError, Layout

# Children of this process have to be kept until they are reaped.
_children: list["subprocess.Popen[bytes]"] = []


def command(layout: Layout, daemon: str) -> list[str]:
    """The command line of a daemon; none of them goes into the background."""
    if daemon.startswith("slurmd-"):
        return ["/usr/sbin/slurmd", "-D", "-N", daemon.removeprefix("slurmd-")]
    root = layout.root
    munge = root / "munge"
    return {
        "munged": [
            "/usr/sbin/munged",
            "--foreground",
            "--force",
            f"--socket={layout.munge_socket}",
            f"--key-file={munge / 'munge.key'}",
            f"--pid-file={munge / 'munged.pid'}",
            f"--seed-file={munge / 'munged.seed'}",
            f"--log-file={layout.log('munged')}",
        ],
        "mariadbd": ["/usr/sbin/mariadbd", f"--defaults-file={root / 'mariadb' / 'my.cnf'}"],
        "slurmdbd": ["/usr/sbin/slurmdbd", "-D"],
        "slurmctld": ["/usr/sbin/slurmctld", "-D", "-i"],
    }[daemon]


def start(layout: Layout, daemon: str) -> None:
    """Start one daemon and note its pid with its start time, so that only it is ever ended."""
    with layout.log(f"{daemon}.out").open("ab") as output:
        process = subprocess.Popen(
            command(layout, daemon),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=layout.environment(),
            cwd=layout.root,
            start_new_session=True,
        )
    _children.append(process)
    born = psutil.Process(process.pid).create_time()
    layout.pid_file(daemon).write_text(f"{process.pid} {born}\n")


def find(layout: Layout, daemon: str) -> psutil.Process | None:
    """The running daemon, or None when it ended or its pid now belongs to somebody else."""
    try:
        pid, born = layout.pid_file(daemon).read_text().split()
        process = psutil.Process(int(pid))
        alive = process.create_time() == float(born) and process.status() != psutil.STATUS_ZOMBIE
    except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
        return None
    return process if alive else None


def stop(layout: Layout, daemon: str, number: signal.Signals = signal.SIGTERM) -> None:
    """End one daemon; after 10 s without effect it is killed."""
    process = find(layout, daemon)
    if process is not None:
        end([process], number)
    layout.pid_file(daemon).unlink(missing_ok=True)


def end(processes: list[psutil.Process], number: signal.Signals = signal.SIGTERM) -> None:
    """Signal the processes, wait up to 10 s, kill what is left."""
    for process in processes:
        try:
            process.send_signal(number)
        except psutil.NoSuchProcess:
            continue
    _, alive = psutil.wait_procs(processes, timeout=10)
    for process in alive:
        process.kill()
    psutil.wait_procs(alive, timeout=5)
    _children[:] = [child for child in _children if child.poll() is None]


def step_processes(layout: Layout, node: str | None = None) -> list[psutil.Process]:
    """The slurmstepd of running jobs and all that they started, on one node or on all.

    slurmstepd leaves slurmd's session, so ending slurmd would leave jobs behind.
    """
    found = []
    for process in psutil.process_iter(["name"]):
        if not (process.info["name"] or "").startswith("slurmstepd"):
            continue
        try:
            children = process.children(recursive=True)
            # slurmstepd writes its title over the beginning of its own environment; what it started,
            # if it has already, still has it.
            environment = process.environ()
            environment |= next((values for child in children if (values := child.environ())), {})
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        mine = environment.get("SLURM_CONF") == str(layout.slurm_conf)
        if mine and node in (None, environment.get("SLURMD_NODENAME")):
            found += [process, *children]
    return found


def wait_until(ready: Callable[[], bool], what: str, log: Path, seconds: float = 180) -> None:
    """Wait for a condition; on failure show the end of the log that tells why."""
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            tail = log.read_text(errors="replace")[-2000:] if log.exists() else "(no log)"
            raise ClusterError(f"{what} after {seconds:.0f} s. End of {log}:\n{tail}")
        time.sleep(0.05)


def succeeds(command: list[str], layout: Layout) -> bool:
    """Whether a SLURM command works already."""
    done = subprocess.run(command, env=layout.environment(), capture_output=True, check=False)
    return done.returncode == 0


def listens(port: int) -> bool:
    """Whether a process listens on a port of this machine."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
