"""Why torch cannot use a GPU here, and what to do about it."""

import os
import re
from pathlib import Path

import torch

from bakeoff.gpu_cards import OLDER_DRIVER, has_kernels, way_out

SCHEDULERS = {"SLURM_JOB_ID": "SLURM", "PBS_JOBID": "PBS", "LSB_JOBID": "LSF"}
# What SLURM tells a job of the GPUs that it gave it, by version and site.
GIVEN = ("SLURM_JOB_GPUS", "SLURM_STEP_GPUS", "SLURM_GPUS_ON_NODE")
HIDDEN = ("", "-1", "NoDevFiles")
NOT_GIVEN = (
    "`scontrol show job $SLURM_JOB_ID` says what the job asked for: resources.gpu: 1 or resources.gres of "
    "the run ask for one, a shell or an sbatch of your own needs --gres=gpu:1 itself, and the partition has "
    "to have GPUs"
)
DOCKER = Path("/.dockerenv")  # what Docker leaves in its containers
CONTAINERS = ("APPTAINER_CONTAINER", "SINGULARITY_CONTAINER")


def scheduler() -> str:
    """The scheduler in whose job this process is; empty where it is in none."""
    return next((name for key, name in SCHEDULERS.items() if os.environ.get(key)), "")


def obstacle(index: int = 0) -> tuple[str, str] | None:
    """Why torch cannot use the GPU `index`, and the way out; None where it can."""
    if not torch.cuda.is_available():
        return _unseen()
    if torch.version.cuda is None:  # ROCm, whose architectures have other names
        return None
    capability = torch.cuda.get_device_capability(index)
    built_for = torch.cuda.get_arch_list()
    if not built_for or has_kernels(capability, built_for):
        return None
    card = torch.cuda.get_device_name(index)
    what = (
        f"torch {torch.__version__} has no kernels for the {card}, of compute capability "
        f"{'.'.join(map(str, capability))}: it was built for {', '.join(built_for)}"
    )
    return what, way_out(capability, torch.__version__, torch.version.cuda)


def _unseen() -> tuple[str, str]:
    built = f"torch {torch.__version__}"
    if torch.version.cuda is None:
        return f"{built} is built without CUDA", "install one with it: `make setup`"
    said = _error()
    if match := re.search(r"too old \(found version (\d+)\)", said):
        newest = int(match.group(1)) // 1000, int(match.group(1)) % 1000 // 10
        wanted = int(torch.version.cuda.partition(".")[0])
        return (
            f"the driver is for CUDA {newest[0]}.{newest[1]} at most, "
            f"and {built} is for CUDA {torch.version.cuda}",
            OLDER_DRIVER if newest[0] >= 12 < wanted else "ask for nodes with a newer driver",
        )
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if (
        scheduler() == "SLURM"
        and visible in (None, *HIDDEN)
        and not any(map(os.environ.get, GIVEN))
    ):
        return "SLURM gave this job no GPU", NOT_GIVEN
    if "no NVIDIA driver" in said:
        image = next((os.environ[key] for key in CONTAINERS if os.environ.get(key)), "")
        if image:
            return (
                f"the container {image} has no driver in it",
                "start it with --nv, as profiles/greene/python does",
            )
        if DOCKER.exists():
            return "there is no NVIDIA driver in this container", "start it with --gpus all"
        return "there is no NVIDIA driver", "ask for a node that has GPUs"
    if visible in HIDDEN:
        return f"CUDA_VISIBLE_DEVICES={visible!r} hides every GPU", "unset it"
    return said or "torch sees none, and does not say why", "compare with `nvidia-smi` here"


def _error() -> str:
    """The first sentence of what torch says where it finds no GPU."""
    try:
        torch.cuda.init()  # type: ignore[no-untyped-call]
    except (RuntimeError, AssertionError) as error:
        return re.split(r"\.\s|\n", str(error))[0]
    return ""
