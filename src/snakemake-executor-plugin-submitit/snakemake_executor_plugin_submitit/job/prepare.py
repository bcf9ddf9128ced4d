"""What happens around a job's command: inputs are awaited, old outputs removed, folders made.

For a nested Snakemake all of this is its own business; here it is done for direct commands, with
the same effects as Snakemake's `Job.prepare()` and `shell()`.
"""

import os
import shlex
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from snakemake_executor_plugin_submitit.job.notice import VARIABLE
from snakemake_executor_plugin_submitit.job.spec import JobSpec

LAUNCHER = "SNAKEMAKE_JOB_LAUNCHER"
PYTHON = "SUBMITIT_PYTHON"
SIGNAL = "SUBMITIT_SIGNAL"

# The first bash below a nested Snakemake reads this file: the shell of the rule itself, which
# must outlive a SIGTERM, or its rule would be given up while it still saves. Shells below that
# one behave as always. A user's own BASH_ENV, which environment modules need, is kept.
# Snakemake turns every exit code into 1, so the shell itself notes that its rule saved (75), or
# that another try is in vain (78).
TRAPS = """\
trap : SIGNALS
trap 'case $? in
75) : > "$SNAKEMAKE_JOB_NOTICE.saved" ;;
78) : > "$SNAKEMAKE_JOB_NOTICE.hopeless" ;;
esac' EXIT
if [ -n "${SUBMITIT_BASH_ENV:-}" ]; then
    export BASH_ENV="$SUBMITIT_BASH_ENV"
    unset SUBMITIT_BASH_ENV
    . "$BASH_ENV"
else
    unset BASH_ENV
fi
"""


def prepare(spec: JobSpec, wanted: Callable[[], bool] = lambda: True) -> bool:
    """Do what has to be done before the command; OSError says what is wrong.

    False, and nothing is touched, if the job is not `wanted` any more after the wait for its inputs.
    """
    missing = [name for name in spec.declared if name not in os.environ]
    if missing:
        raise OSError(
            f"{', '.join(missing)}: declared in envvars, but not in the environment of this job; is "
            "SBATCH_EXPORT set where Snakemake runs, or does the Python of jobs start without it?"
        )
    wait_for(spec.inputs, spec.latency)

    if not wanted():
        return False
    for name in spec.remove_folders:
        shutil.rmtree(Path(spec.workdir, name), ignore_errors=True)
    for name in spec.remove:
        remove(Path(spec.workdir, name))  # an absolute name stays as it is
    for name in spec.folders:
        Path(spec.workdir, name).mkdir(parents=True, exist_ok=True)
    if spec.nested:
        # Many jobs may do this at once, and a shell must not read half of it.
        temporary = signal_traps(spec).with_name(f".shield.{spec.key}")
        # Snakemake ends a service by SIGTERM when nobody needs it any more.
        signals = " ".join((*(() if spec.services else ("TERM",)), "USR2", *_asked(spec)))
        temporary.write_text(TRAPS.replace("SIGNALS", signals), encoding="utf-8")
        temporary.replace(signal_traps(spec))
    return True


def wait_for(names: list[str], seconds: float) -> None:
    """Wait for files that another node has just written."""
    deadline = time.monotonic() + seconds
    while missing := [name for name in names if not os.path.lexists(name)]:
        if time.monotonic() > deadline:
            raise FileNotFoundError(
                f"input {', '.join(missing)} not found on this node after {seconds:.0f} s; "
                "a slow file system needs a longer --latency-wait"
            )
        time.sleep(0.5)


def remove(path: Path) -> None:
    """Remove an output of an earlier try; write-protected ones and full folders are kept."""
    if path.is_dir() and not path.is_symlink():
        with suppress(OSError):
            os.removedirs(path)
    elif path.exists() and not os.access(path, os.W_OK):
        raise PermissionError(f"{path} is write-protected; remove it to run the rule again")
    elif str(path) != os.devnull:
        path.unlink(missing_ok=True)


def signal_traps(spec: JobSpec) -> Path:
    """Where the lines for the first shell below a nested Snakemake lie."""
    kind = "-".join((*(("services",) if spec.services else ()), *_asked(spec)))
    return Path(spec.root) / (f"shield-{kind}.sh" if kind else "shield.sh")


def _asked(spec: JobSpec) -> tuple[str, ...]:
    """The signal that the user asked SLURM for, which is meant for the rule as well."""
    return (str(spec.signal),) if spec.signal else ()


def script(spec: JobSpec) -> str:
    """The command, with a shell around it that outlives the signals meant for the rule."""
    lines = []
    # A trap, not an ignored signal: commands started by the shell get the default back.
    if Path(spec.shell).name in ("bash", "sh", "dash", "ksh", "zsh"):
        lines.append(f"trap : {' '.join(('TERM', 'USR2', *_asked(spec)))}; ")
    if spec.nested:
        lines.append(f"export BASH_ENV={shlex.quote(str(signal_traps(spec)))}; ")
    return "".join([*lines, spec.command])


def environment(spec: JobSpec, notice: Path) -> dict[str, str]:
    """The command's environment: the job's, and how to hear of a notice and start its tasks."""
    values = dict(os.environ)
    if values.get("SUBMITIT_EXECUTOR") == "local":
        # submitit hides the GPUs of local jobs.
        values.pop("CUDA_VISIBLE_DEVICES", None)
    if spec.nested and "BASH_ENV" in values:
        values["SUBMITIT_BASH_ENV"] = values.pop("BASH_ENV")
    values |= {VARIABLE: str(notice), LAUNCHER: spec.launcher, PYTHON: sys.executable}
    if spec.signal:
        values[SIGNAL] = str(spec.signal)
    if spec.temporary_folder:
        folder = tempfile.gettempdir()
        values |= dict.fromkeys(("TMPDIR", "TMP", "TEMPDIR", "TEMP"), folder)
    return values | spec.environment
