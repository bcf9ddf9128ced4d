"""The resource `slurm_extra`: options of sbatch as a user writes them on its command line."""

import re
import shlex
import signal

from snakemake_executor_plugin_submitit.resources.contradiction import ContradictionError

# Options that a resource or the plugin sets, by the resource to use instead.
MANAGED = {
    "job-name": "the plugin names jobs",
    "output": "the plugin keeps the log",
    "error": "the plugin keeps the log",
    "array": "the plugin forms arrays",
    "parsable": "the plugin reads sbatch's answer",
    "wrap": "the plugin runs the rule",
    "wait": "Snakemake waits for its jobs by itself",
    "test-only": "nothing would be submitted; `snakemake --dry-run` shows what would run",
    "chdir": "jobs run in Snakemake's working directory",
    "export": "jobs get Snakemake's environment",
    "time": "use the resource runtime",
    "mem": "use the resource mem_mb",
    "mem-per-cpu": "use the resource mem_mb_per_cpu",
    "gpus": "use the resource gpu",
}
SHORT = {
    "A": "account", "B": "extra-node-info", "C": "constraint", "D": "chdir", "F": "nodefile",
    "G": "gpus", "H": "hold", "I": "immediate", "J": "job-name", "L": "licenses", "M": "clusters",
    "N": "nodes", "O": "overcommit", "Q": "quiet", "S": "core-spec", "W": "wait", "a": "array",
    "b": "begin", "c": "cpus-per-task", "d": "dependency", "e": "error", "i": "input",
    "k": "no-kill", "m": "distribution", "n": "ntasks", "o": "output", "p": "partition", "q": "qos",
    "s": "oversubscribe", "t": "time", "v": "verbose", "w": "nodelist", "x": "exclude",
}  # fmt: skip
SIGNAL = re.compile(r"(?:R:)?(?:SIG)?(?P<name>[A-Z][A-Z0-9]*|\d+)(?:@(?P<seconds>\d+))?", re.I)


def parse(text: str) -> dict[str, str | bool]:
    """The options of `slurm_extra`, refused where the plugin or a resource sets them.

    >>> parse("--exclusive --mail-type=END -x gr001")
    {'exclusive': True, 'mail-type': 'END', 'exclude': 'gr001'}
    """
    options: dict[str, str | bool] = {}
    words = shlex.split(text)
    while words:
        word = words.pop(0)
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
        elif word.startswith("-") and word[1:2] in SHORT:
            name, value = SHORT[word[1]], word[2:]
            equals = value
        else:
            raise ContradictionError(f"slurm_extra={text!r}: {word!r} is no option of sbatch")
        if name in MANAGED:
            raise ContradictionError(f"slurm_extra={text!r}: --{name}: {MANAGED[name]}")
        if not equals and words and not words[0].startswith("-"):
            value, equals = words.pop(0), "="
        options[name] = value if equals else True
    if options.get("open-mode", "append") != "append":
        raise ContradictionError(
            f"slurm_extra={text!r}: --open-mode: the log of a job that is requeued goes on; leave it out"
        )
    if "requeue" in options and "no-requeue" in options:
        raise ContradictionError(f"slurm_extra={text!r}: --requeue and --no-requeue: keep one")
    # It is so anyway.
    options.pop("open-mode", None)
    if "signal" in options:
        given = options["signal"]
        options["signal"] = _signal("" if given is True else str(given), text)
    return options


def _signal(value: str, text: str) -> str:
    """A signal before the time limit, for the processes of the rule."""
    found = SIGNAL.fullmatch(value)
    if found is None:
        reason = (
            "B: signals the batch shell alone, in which no rule runs; leave B: out"
            if "B:" in value.upper()
            else "expected a form such as USR1@120"
        )
        raise ContradictionError(f"slurm_extra={text!r}: --signal={value}: {reason}")
    number = found["name"]
    known = (
        {one.value for one in signal.Signals}
        if number.isdigit()
        else set(signal.Signals.__members__)
    )
    if (int(number) if number.isdigit() else f"SIG{number.upper()}") not in known:
        raise ContradictionError(f"slurm_extra={text!r}: --signal={value}: no signal {number}")
    if number.upper() in ("TERM", "15"):
        raise ContradictionError(
            f"slurm_extra={text!r}: --signal={value}: SIGTERM means preemption here. Name another signal, "
            "or write --submitit-notice SECONDS and look for the file $SNAKEMAKE_JOB_NOTICE"
        )
    if number.upper() in ("KILL", "9", "STOP", "19"):
        raise ContradictionError(
            f"slurm_extra={text!r}: --signal={value}: no process can hear it; runtime ends the job"
        )
    return value
