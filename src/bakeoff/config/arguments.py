"""The configuration as command-line arguments: how a workflow takes it and passes it on to the stages."""

import os
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from bakeoff.config.load import read_files
from bakeoff.errors import ConfigError


def config_arguments(files: Iterable[str | Path], overrides: Iterable[str]) -> str:
    """`--config FILE … --set KEY=VALUE …`, quoted for a shell; paths relative where that is shorter."""
    arguments: list[str] = []
    for file in shortened(files):
        arguments += ["--config", str(file)]
    for override in overrides:
        arguments += ["--set", override]
    return shlex.join(arguments)


def shortened(files: Iterable[str | Path]) -> list[Path]:
    """The files, relative to the working directory where they are below it."""
    relative = ((Path(file), os.path.relpath(file)) for file in files)
    return [file if short.startswith("..") else Path(short) for file, short in relative]


def read_snakemake(files: Iterable[str | Path], entries: Sequence[str]) -> dict[str, Any]:
    """The configuration that Snakemake was started with: its files, then `--config KEY=VALUE`.

    Snakemake itself makes text of all that is nested on its command line (`training={"epochs": 3}`)
    and takes the last of two equal keys; read here, `entries` mean what they mean in a file.
    Raises ConfigError.
    """
    try:
        return read_files(shortened(files), entries)
    except ConfigError as error:
        raise ConfigError(str(error).replace("--set ", "--config ", 1)) from None


def source_of(files: Iterable[str | Path], entries: Sequence[str]) -> str:
    """Where the configuration is from, for errors."""
    return " + ".join([*map(str, shortened(files)), *(["--config"] if entries else [])])
