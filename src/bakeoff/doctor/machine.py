"""Checks of the machine: its Python and programs, its GPUs, the profiles that Snakemake should find."""

import os
import re
import shutil
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import psutil

from bakeoff import __version__
from bakeoff.commands import ask
from bakeoff.config.experiment import Experiment
from bakeoff.cores import cores
from bakeoff.doctor import probe
from bakeoff.doctor.cards import torch_sees_none, unusable_cards
from bakeoff.doctor.findings import Finding, ok, problem, warning
from bakeoff.doctor.probe import MODULES, reach, together
from bakeoff.doctor.profile import user_folder
from bakeoff.planning.threads import more_than_asked_for, more_than_here
from snakemake_executor_plugin_submitit.slurm.commands import shown

INTERNET = "https://huggingface.co"  # where pretrained weights come from
INSTALL = "run `make setup`, then `source .venv/bin/activate`"


def python() -> Iterator[Finding]:
    """The running Python, missing modules, and whether the rules' shells would find `bakeoff`."""
    version = ".".join(map(str, sys.version_info[:3]))
    missing = [name for name in (*MODULES, "mlflow") if find_spec(name) is None]
    if missing:
        yield problem(f"{sys.executable} (Python {version}) lacks {', '.join(missing)}", INSTALL)
    else:
        yield ok(f"Python {version} with bakeoff {__version__}: {sys.executable}")
    for program in ("bakeoff", "snakemake"):
        if shutil.which(program) is None:
            folder = Path(sys.executable).parent
            yield problem(
                f"`{program}` is not on the PATH, and rules and jobs call it by this name",
                f"export PATH={folder}:$PATH"
                if (folder / program).exists()
                else f"install it: {INSTALL}",
            )


def capacity(experiment: Experiment | None) -> Iterator[Finding]:
    """Cores, memory and GPUs of this machine, for runs that stay on it."""
    gpus, trouble = _driver()
    memory = psutil.virtual_memory().total / 1e9
    seen = f"GPUs: {', '.join(gpus)}" if gpus else "no GPU"
    yield ok(f"{cores().number} CPU cores, {memory:.0f} GB of memory, {seen}")
    if trouble:
        yield warning(
            f"the GPUs of this machine are not seen: {trouble}",
            "try `nvidia-smi` yourself; a driver that does not answer needs its administrator",
        )
    if gpus:
        cuda = probe.cuda()
        blind = torch_sees_none(cuda, "nvidia-smi")
        yield from [blind] if blind else unusable_cards(cuda)
    if experiment is not None and not gpus:
        needing = [v.name for v in experiment.variants if v.training.device == "cuda"]
        if needing:
            yield problem(
                f"training.device is cuda for {', '.join(needing)}, and this machine has no GPU",
                "set training.device to auto, or run on a cluster: snakemake --profile slurm",
            )


def threads(experiment: Experiment | None, *, cluster: bool) -> Iterator[Finding]:
    """Whether runs have more threads than cores: those that a job asks for, or those of this machine."""
    if experiment is None:
        return
    for few in more_than_asked_for(experiment) if cluster else more_than_here(experiment, cores()):
        yield warning(
            few,
            "leave resources.cpus_per_task out: a job then asks for as many cores as the run has threads"
            if cluster
            else "lower training.threads; another number of threads may change the last bits",
        )


def local_gpus() -> list[str]:
    """The names of the GPUs that the driver shows, none where it does not answer."""
    return _driver()[0]


def _driver() -> tuple[list[str], str]:
    """The names of the GPUs, and the error of nvidia-smi if it is installed and fails."""
    if shutil.which("nvidia-smi", mode=os.F_OK) is None:
        return [], ""
    answer = ask("nvidia-smi", "--query-gpu=index,name", "--format=csv,noheader")
    if answer.error:
        return [], answer.error
    # nvidia-smi may write warnings between the names.
    names = re.findall(r"^\d+, *(\S.*?)\s*$", answer.text, re.MULTILINE)
    if answer.text.strip() and not names:
        return [], f"nvidia-smi: expected the names of GPUs, found {shown(answer.text)}"
    return names, ""


def internet(experiment: Experiment | None, seconds: float) -> Iterator[Finding]:
    """Whether weights and data can be fetched from here; compute nodes rarely can."""
    error = together({"it": lambda: reach(INTERNET, seconds)}, 2 * seconds)["it"]
    if not error:
        yield ok("internet: reached from here; weights and data can be fetched")
        return
    needs = [
        weights.name
        for weights in (experiment.weights().values() if experiment else ())
        if weights.kind == "timm" and not weights.file.exists()
    ]
    data = experiment.data if experiment else None
    if data and data.source == "nih-sample" and not data.labelled_by.exists():
        needs.append("the NIH sample")
    if needs:
        yield warning(
            f"internet: {INTERNET} is not reached from here ({error}); "
            f"to be fetched unless it is here already: {', '.join(needs)}",
            "set https_proxy if the site has a proxy, or start Snakemake where there is internet",
        )
    else:
        yield ok("internet: not reached from here; this needs nothing from it")


def profiles(project: Path) -> Iterator[Finding]:
    """Whether `snakemake --profile <name>` finds the profiles of the project in `project`."""
    folder = project / "profiles"
    ours = sorted(path.parent for path in folder.glob("*/config.yaml"))
    ours = [path for path in ours if path.name != "default"]  # found beside the Snakefile
    there = user_folder()
    missing = [path.name for path in ours if not (there / path.name).exists()]
    others = [
        path.name
        for path in ours
        if path.name not in missing and (there / path.name).resolve() != path.resolve()
    ]
    if missing:
        yield warning(
            f"profiles {', '.join(missing)} are not in {there}, where Snakemake looks their names up",
            f"run profiles/link, or name the folder: snakemake --profile profiles/{missing[0]}",
        )
    if others:
        yield warning(
            f"profiles {', '.join(others)} in {there} are not those of {folder}",
            f"if that is not meant: snakemake --profile profiles/{others[0]}",
        )
    if ours and not missing and not others:
        yield ok(f"profiles {', '.join(path.name for path in ours)}: linked in {there}")
