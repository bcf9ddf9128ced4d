"""Chromium, from its package where that may be installed: what a person's browser makes of a page."""

import subprocess
import tempfile

from tests.debian import program

QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--hide-scrollbars",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def chromium(*arguments: str) -> str:
    """What Chromium prints, with a new visitor's profile."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [
            program("chromium", "chromium"),
            *QUIET,
            f"--user-data-dir={profile}",
            *arguments,
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def shown(url: str, awaited: str = "") -> str:
    """The document of a page when its scripts have run; its clock stands while it loads.

    A busy machine may draw nothing in that time: it is opened up to five times until `awaited` is there.
    """
    command = ("--window-size=1440,900", "--virtual-time-budget=20000", "--dump-dom", url)
    for _ in range(5):
        document = chromium(*command)
        if awaited in document:
            break
    return document
