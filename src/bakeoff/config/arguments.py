"""The configuration as command-line arguments, of Snakemake and of the stages."""

import math
import os
import re
import shlex
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from bakeoff.config.load import read_files
from bakeoff.errors import ConfigError
from bakeoff.yaml_text import load_yaml


def config_arguments(files: Iterable[str | Path], overrides: Iterable[str]) -> str:
    """`--config FILE … --set KEY=VALUE …`, quoted for a shell; paths relative where that is shorter."""
    arguments: list[str] = []
    for file in shortened(files):
        arguments += ["--config", str(file)]
    for override in overrides:
        arguments += ["--set", override]
    return shlex.join(arguments)


def snakemake_command(
    files: Iterable[str | Path], overrides: Iterable[str] = (), options: Sequence[str] = ()
) -> str:
    """`snakemake … --configfile FILE … --config KEY=VALUE …`, quoted for a shell.

    `overrides` are as `--set` takes them, `options` further options of Snakemake. Raises ConfigError for
    an override that is not read as YAML.
    """
    command = ["snakemake", *options, "--configfile", *map(str, files)]
    entries = [_of_top_level(override) for override in overrides]
    return shlex.join([*command, *(["--config", *entries] if entries else [])])


def configuration_of(command: str) -> tuple[list[str], list[str]]:
    """The files (`--config`) and overrides (`--set`) that a command of bakeoff names.

    Commands that earlier versions recorded without quotes are read as far as possible.
    """
    words: list[str] = []
    with suppress(ValueError):  # an odd quote
        words = shlex.split(command)
    quoted = "'" in command and shlex.join(words) == command
    between = "\0" if quoted else " "
    files, overrides = list[str](), list[str]()
    for part in (between.join(words) if quoted else command).split(f"{between}--")[1:]:
        if found := re.fullmatch(f"(config|set)[={between}](.*)", part, re.DOTALL):
            (files if found[1] == "config" else overrides).append(found[2])
    return files, overrides


def shortened(files: Iterable[str | Path]) -> list[Path]:
    """The files, relative to the working directory where they are below it."""
    relative = ((Path(file), os.path.relpath(file)) for file in files)
    return [file if short.startswith("..") else Path(short) for file, short in relative]


def read_snakemake(files: Iterable[str | Path], entries: Sequence[str]) -> dict[str, Any]:
    """The configuration that Snakemake was started with: its files, then `--config KEY=VALUE`.

    Snakemake itself turns nested values of its command line (`training={"epochs": 3}`) into text, and takes
    the last of two equal keys; read here, `entries` mean the same as in a file.
    Raises ConfigError.
    """
    try:
        return read_files(shortened(files), entries)
    except ConfigError as error:
        raise ConfigError(str(error).replace("--set ", "--config ", 1)) from None


def source_of(files: Iterable[str | Path], entries: Sequence[str]) -> str:
    """The source of the configuration, for errors."""
    return " + ".join([*map(str, shortened(files)), *(["--config"] if entries else [])])


def _of_top_level(override: str) -> str:
    """An override as Snakemake takes it: `training.lr=1` is `training={lr: 1}`."""
    key, _, value = override.partition("=")
    top, *inner = key.split(".")
    if not inner:
        return override
    nested = load_yaml(value)
    for part in reversed(inner):
        nested = {part: nested}
    text = yaml.safe_dump(
        nested, default_flow_style=True, sort_keys=False, allow_unicode=True, width=math.inf
    )
    return f"{top}={text.strip()}"
