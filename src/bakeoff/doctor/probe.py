# ruff: noqa: UP006, UP035, UP045
"""The program of the doctor's probe job; it runs without bakeoff or any other package.

The job's Python may be as old as 3.6, which the doctor should report, not a SyntaxError. So this file
uses the standard library of Python 3.6 and nothing newer.
"""

import http.client
import importlib
import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

MODULES = ("bakeoff", "submitit", "snakemake_executor_plugin_submitit", "snakemake", "torch")
REQUEUE_PATIENCE = 30.0  # seconds
CUDA_PATIENCE = 120.0  # seconds; importing torch from a cold disk is slow
CUDA = """
import json, torch
seen = torch.cuda.device_count()
found = {"torch": torch.__version__, "cuda": torch.version.cuda, "count": seen}
try:
    torch.cuda.init()
    found["built_for"] = torch.cuda.get_arch_list()
    found["cards"] = [
        [torch.cuda.get_device_name(i), list(torch.cuda.get_device_capability(i))]
        for i in range(seen)
    ]
except Exception as error:
    found["why"] = str(error).splitlines()[0]
    found["built_for"] = (getattr(torch._C, "_cuda_getArchFlags", str)() or "").split()
print(json.dumps(found))
"""


def main(folder: Path) -> int:
    """Answer question.json with report.json, exchange a file, and requeue the job from inside."""
    question = json.loads((folder / "question.json").read_text())
    _write(folder / "report.json", report(question))
    if _appears(folder / "ping", 60):
        _write(folder / "pong.json", {"time": time.time()})
    # A second start of this job, after the requeue, finds this and ends.
    _write(folder / "finished.json", {})
    _write(folder / "requeue.json", {"error": requeue()})
    return 0


def report(question: Dict[str, Any]) -> Dict[str, Any]:
    """All facts that only a job can see; the network checks run at the same time."""
    seconds = question["seconds"]
    checks: Dict[str, Callable[[], Optional[str]]] = {
        "tracking": lambda: reach(question["tracking"], seconds),
        "internet": lambda: reach(question["internet"], seconds),
    }
    answers = together(checks, 2 * seconds)
    return {
        "node": os.environ.get("SLURMD_NODENAME") or socket.gethostname(),
        "python": ".".join(map(str, sys.version_info[:3])),
        "executable": sys.executable,
        "missing": [name for name in MODULES if not _importable(name)],
        "mlflow": _importable("mlflow"),
        "bakeoff": _version(),
        "bakeoff_command": shutil.which("bakeoff"),
        "working_folder": os.access(question["working_folder"], os.W_OK),
        "cpus": len(os.sched_getaffinity(0)),
        "visible_gpus": os.environ.get("CUDA_VISIBLE_DEVICES") or os.environ.get("SLURM_JOB_GPUS"),
        "cuda": cuda() if question["gpus"] else None,
        "tracking": answers["tracking"],
        "internet": answers["internet"],
    }


def reach(target: Optional[str], seconds: float) -> Optional[str]:
    """The error of reaching `target`, empty if it is reached; None where there is no target.

    `target` is http(s)://..., tcp://host:port, or file:///folder that has to be writable.
    """
    if not target:
        return None
    if target.startswith("file://"):
        folder = target[len("file://") :]
        if not Path(folder).is_dir():
            return f"no such folder: {folder}"
        return "" if os.access(folder, os.W_OK) else f"not writable: {folder}"
    try:
        if target.startswith("tcp://"):
            host, _, port = target[len("tcp://") :].rpartition(":")
            socket.create_connection((host.strip("[]"), int(port)), timeout=seconds).close()
        else:
            urllib.request.urlopen(target, timeout=seconds).close()
    except urllib.error.HTTPError as error:
        # The server answers; a proxy may block some pages.
        return "" if error.code < 500 else f"{error.code} {error.reason}"
    except http.client.InvalidURL as error:
        return str(error)
    except ConnectionError as error:  # before HTTPException: a closed connection is both
        return error.strerror or str(error) or type(error).__name__
    except http.client.HTTPException:
        return "its answer is not HTTP"
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        return str(getattr(reason, "strerror", None) or reason or type(error).__name__)
    return ""


def together(
    checks: Dict[str, Callable[[], Optional[str]]], seconds: float
) -> Dict[str, Optional[str]]:
    """Run all checks at once; one that hangs, such as a name lookup, is abandoned after `seconds`."""
    answers: Dict[str, Optional[str]] = dict.fromkeys(checks, "no answer")

    def answer(name: str) -> None:
        answers[name] = checks[name]()

    threads = [threading.Thread(target=answer, args=[name], daemon=True) for name in checks]
    for thread in threads:
        thread.start()
    deadline = time.time() + seconds
    for thread in threads:
        thread.join(max(0.0, deadline - time.time()))
    return dict(answers)


def requeue() -> str:
    """Requeue this job, as the executor does; returns the error, empty if it succeeded."""
    command = ["scontrol", "requeue", os.environ.get("SLURM_JOB_ID", "")]
    return _run(command, REQUEUE_PATIENCE)[1]


def _importable(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def _version() -> Dict[str, str]:
    try:
        return {"version": importlib.import_module("bakeoff").__version__}
    except Exception as error:  # whatever an old Python or a broken environment makes of it
        return {"error": f"{type(error).__name__}: {error}"}


def cuda() -> Dict[str, Any]:
    """Torch here: its version, for which CUDA and cards it was built, which it sees, or why it sees none."""
    # In a process of its own with our flags: a broken driver may crash it.
    flags = {"-I": sys.flags.isolated, "-S": sys.flags.no_site}
    options = [flag for flag, given in flags.items() if given]
    out, error = _run([sys.executable, *options, "-W", "ignore", "-c", CUDA], CUDA_PATIENCE)
    if error:
        return {"error": error}
    # The site may load a module into every Python that prints something, too.
    for line in reversed(out.splitlines()):
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict) and "count" in found:
            return found
    name, shown = Path(sys.executable).name, out.strip()[:60]
    return {"error": f"{name}: expected what torch says of the GPUs, found {shown!r}"}


def _run(command: List[str], seconds: float) -> List[str]:
    """The output of a command, and its error in one sentence: bakeoff.commands for an old Python."""
    name = Path(command[0]).name
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,  # so that its children are killed with it
        )
    except OSError as error:
        return ["", f"{name}: {_obstacle(command[0], error)}"]
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        try:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate(timeout=2)
        except (OSError, subprocess.TimeoutExpired):
            pass  # it hangs in the kernel, as nvidia-smi with a broken driver
        return ["", f"{name}: no answer within {seconds:g} s"]
    if process.returncode != 0:
        lines = (err.strip() or out.strip()).splitlines()[-1:]
        return ["", f"{name}: {_printable(lines[0]) if lines else _meaning(process.returncode)}"]
    if _printable(out) != out:
        return ["", f"{name}: its answer is no text"]
    return [out, ""]


def _obstacle(name: str, error: OSError) -> str:
    found = shutil.which(name)
    if isinstance(error, FileNotFoundError):
        # A script whose interpreter is missing gives the same error.
        return f"the interpreter of {found} is missing" if found else "command not found"
    return f"it cannot be executed ({error.strerror})"


def _meaning(code: int) -> str:
    if code < 0:
        return f"killed by signal {-code}"
    known = {126: "it needs what cannot be executed", 127: "it needs a command that was not found"}
    return f"exit code {code}" + (f": {known[code]}" if code in known else "")


def _printable(text: str) -> str:
    """The text with a question mark for each unprintable character."""
    return "".join(c if (c.isprintable() or c in "\n\t\r") and c != "\ufffd" else "?" for c in text)


def _appears(path: Path, seconds: float) -> bool:
    deadline = time.time() + seconds
    while not path.exists():
        if time.time() > deadline:
            return False
        time.sleep(0.05)
    return True


def _write(path: Path, value: Dict[str, Any]) -> None:
    temporary = path.with_name("." + path.name)
    with temporary.open("w") as stream:
        json.dump(value, stream)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.rename(path)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
