"""What a workflow prints while bars come and go in the logger's thread."""

import subprocess
import sys

import pytest

# Python's print holds no reference to the stream that it writes to.
PRINTING = """
import io, logging, sys, threading
from rich.console import Console
from rich.live import Live
from rich.progress import Progress
from snakemake_logger_plugin_bars.counted import CountedEvents

class Terminal(io.StringIO):
    def isatty(self): return True

console = Console(file=Terminal(), force_terminal=True, force_interactive=True)
live = Live(console=console, auto_refresh=False)
events = CountedEvents(console, Progress(console=console), live, dryrun=False,
    printshellcmds=False, show_failed_logs=False, verbose=False)

def message(text):
    return logging.LogRecord("snakemake", logging.INFO, "", 0, text, None, None)

def come_and_go():
    for _ in range(1000):
        events.handle(message("Building DAG of jobs..."))
        events.handle(message("nothing that matters"))
        events._stop_dag_status()
    done.set()

sys.setswitchinterval(1e-6)
done = threading.Event()
thread = threading.Thread(target=come_and_go)
thread.start()
while not done.is_set():
    print("a workflow's own words", flush=True)
thread.join()
"""


@pytest.mark.slow(seconds=3)
def test_a_workflow_may_print_while_bars_come_and_go() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PRINTING], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2000:]
