"""Start the nested Snakemake of a job so that it survives the signals meant for the rule.

SLURM sends SIGTERM to every process of a job. Snakemake answers with a failure even if its rule
saves and ends well, so its handler is kept out: the worker tells the rule and decides.
"""

import os
import runpy
import signal
import sys
from typing import Any

from snakemake_executor_plugin_submitit.job.prepare import SIGNAL


def main() -> None:
    """Run `-m snakemake …`, the rest of the command line, with SIGTERM and SIGUSR2 ignored."""
    kept_out = {signal.SIGTERM, signal.SIGUSR2}
    if asked := os.environ.get(SIGNAL):
        kept_out.add(signal.Signals(int(asked)))
    install = signal.signal

    def keep_handler(number: Any, handler: Any) -> Any:
        return signal.getsignal(number) if number in kept_out else install(number, handler)

    for number in kept_out:
        # A handler, not SIG_IGN: processes started from here get the default back.
        install(number, lambda *_: None)
    signal.signal = keep_handler  # type: ignore[assignment]
    arguments = sys.argv[1:]
    if arguments[:1] == ["-m"]:
        arguments = arguments[1:]
    sys.argv = arguments
    runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
