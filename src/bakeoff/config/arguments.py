"""The configuration as command-line arguments: how a workflow passes it on to the stages."""

import json
import os
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any


def config_arguments(files: Iterable[str | Path], overrides: Mapping[str, Any]) -> str:
    """`--config FILE … --set KEY=VALUE …`, quoted for a shell; paths relative where that is shorter."""
    arguments: list[str] = []
    for file in files:
        relative = os.path.relpath(file)
        arguments += ["--config", str(file) if relative.startswith("..") else relative]
    for key, value in overrides.items():
        arguments += ["--set", f"{key}={json.dumps(value)}"]
    return shlex.join(arguments)
