"""Whether a job is still the one whose outputs are awaited, by its entry in the registry."""

import time
from pathlib import Path

from snakemake_executor_plugin_submitit import records

# Looks at a registry that does not show the entry before that is believed: file systems hiccup.
LOOKS = 2
# Seconds for which an entry that is there and cannot be read is looked at before the command starts.
PATIENCE = 60.0
CANCELLED = "it was cancelled"
UNREADABLE = "its entry in the registry cannot be read"


class Claim:
    """The entry at `path`, which names the submission `key` as long as its job is wanted."""

    def __init__(self, path: Path, key: str) -> None:
        self.path, self.key = path, key
        self.missed = 0  # how often in a row the registry showed no entry
        self.unreadable = False  # it was there at the last look, and told nothing

    def lost(self) -> str:
        """Why nobody awaits what this job makes; empty while somebody does."""
        entry = records.read(self.path)
        self.unreadable = entry is None and not records.missing(self.path)
        if self.unreadable:
            return ""  # which is no reason to end what was begun
        self.missed = self.missed + 1 if entry is None else 0
        if entry is None:
            return "no submission is awaited" if self.missed >= LOOKS else ""
        if entry.get("key") != self.key:
            return "another submission has taken over"
        return CANCELLED if entry.get("cancelled") else ""

    def lost_before_start(self) -> str:
        """The same before anything is touched: nothing begins until the entry says so."""
        deadline = time.monotonic() + PATIENCE
        while not (why := self.lost()) and (self.missed or self.unreadable):
            if self.unreadable and time.monotonic() >= deadline:
                return UNREADABLE
            time.sleep(1)
        return why
