"""The pretended runtime, built and put before the real one for a process of its own."""

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import torch

SOURCE = Path(__file__).with_name("runtime.c")
# In the driver's name: torch asks the loader for a libcuda.so.1, and finds that this one is there already.
COMMAND = ("-shared", "-fPIC", "-O1", "-Wl,-soname,libcuda.so.1")
SEES_IT = "import torch; torch.zeros(1).pin_memory(); torch.cuda.get_device_properties(0)"


def why_not() -> str | None:
    """Why no GPU can be pretended here; None where one can."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return "the pretended GPU is for Linux on x86-64"
    if torch.version.cuda is None:
        return f"torch {torch.__version__} is built without CUDA"
    if shutil.which("gcc") is None:
        return "there is no gcc to build the pretended GPU"
    return None


def build(folder: Path) -> Path:
    """The library to preload, in `folder`; CalledProcessError where it cannot be built."""
    library = folder / "pretended-gpu.so"
    command = ["gcc", *COMMAND, "-o", str(library), str(SOURCE)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    return library


def run(library: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python with the arguments, on a machine that seems to have a GPU."""
    environment = {**os.environ, "LD_PRELOAD": str(library), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, *arguments]
    return subprocess.run(command, env=environment, check=False, capture_output=True, text=True)


def does_not_start(library: Path) -> str | None:
    """Why this build of torch does not take the pretended GPU for one; None where it does.

    Another release may ask the runtime for more than is here, or have its own in it.
    """
    ran = run(library, "-c", SEES_IT)
    if ran.returncode == 0:
        return None
    last = (ran.stderr.strip().splitlines() or [f"exit code {ran.returncode}"])[-1]
    return f"torch {torch.__version__} sees no pretended GPU: {last}"
