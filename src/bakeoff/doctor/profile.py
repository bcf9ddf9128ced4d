"""The entries of a Snakemake profile about jobs: their Python, default resources, latency of files."""

import ast
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bakeoff.config.load import read_files
from bakeoff.errors import ConfigError

DEFAULTS = {"runtime": 60, "mem_mb": 4000}  # minutes, MB: those of profiles/slurm


@dataclass(frozen=True)
class Profile:
    """The entries of a profile that the doctor uses; the defaults are those of `slurm`."""

    name: str = ""
    slurm: bool = True  # whether jobs go to SLURM
    python: str = ""  # the command that starts Python in a job; empty: the Python that runs here
    setup: str = ""  # a shell line before Python
    latency_wait: float = 60  # seconds
    resources: Mapping[str, Any] = field(default_factory=lambda: dict(DEFAULTS))

    @classmethod
    def read(cls, name: str) -> "Profile":
        """Read the profile of that name or path.

        Raises ConfigError, with the places searched, where there is none, or for a file that is not YAML.
        """
        places = [Path(name), Path("profiles") / name, user_folder() / name]
        places.append(Path("/etc/xdg/snakemake") / name)
        for place in places:
            if (place / "config.yaml").is_file():
                return cls._parse(place.name, read_files([place / "config.yaml"]))
        looked = ", ".join(map(str, places))
        raise ConfigError(f"--profile {name}: there is no config.yaml in {looked}.")

    @classmethod
    def _parse(cls, name: str, values: Mapping[str, Any]) -> "Profile":
        resources = values.get("default-resources") or {}
        if isinstance(resources, list):
            resources = dict(str(entry).split("=", 1) for entry in resources if "=" in str(entry))
        return cls(
            name=name,
            slurm=values.get("executor") in ("submitit", "slurm")
            and values.get("submitit-cluster", "slurm") == "slurm",
            python=str(values.get("submitit-python") or ""),
            setup=str(values.get("submitit-setup") or ""),
            latency_wait=float(values.get("latency-wait", 5)),  # 5 is Snakemake's own default
            resources={key: _value(value) for key, value in resources.items()},
        )


def user_folder() -> Path:
    """The folder in which Snakemake looks up a profile's name, besides the working directory."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "snakemake"


def _value(written: Any) -> Any:
    """A default resource as Snakemake reads it: a Python expression, here only a constant one."""
    try:
        return ast.literal_eval(str(written).strip())
    except (ValueError, SyntaxError):
        return str(written).strip()
