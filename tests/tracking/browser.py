"""A page of MLflow as a person's browser shows it: Chromium, from its package where it may be installed."""

import subprocess
from pathlib import Path

from tests.debian import program

QUIET = (
    "--headless",
    "--no-sandbox",  # a container's root has none
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1440,900",
    "--virtual-time-budget=20000",  # ms of the page's own clock, which stands while it loads
)


def shown(url: str, profile: Path) -> str:
    """The page's document when its scripts have run, for a new visitor."""
    chromium = program("chromium", "chromium")
    command = [chromium, *QUIET, f"--user-data-dir={profile}", "--dump-dom", url]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
