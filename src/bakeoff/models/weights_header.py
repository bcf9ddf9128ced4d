"""What bakeoff says of weights in the header of their safetensors file: whose they are, what they expect."""

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

HEADER = "bakeoff"


def header(file: Path) -> dict[str, Any]:
    """What bakeoff wrote into the header of a safetensors file; nothing where it did not write it.

    All of it is one JSON text under one key: safetensors writes several keys in no certain order.
    """
    try:
        with safe_open(file, framework="numpy") as opened:
            stated: dict[str, Any] = json.loads((opened.metadata() or {}).get(HEADER, "{}"))
    except (OSError, SafetensorError, ValueError):
        return {}
    return stated
