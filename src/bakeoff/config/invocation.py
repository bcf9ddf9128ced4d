"""The arguments of `snakemake`, for decisions before Snakemake reads its configuration.

The profile `profiles/default` uses this: Snakemake reads it first, at every start.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from bakeoff.config.arguments import read_snakemake
from bakeoff.config.load import read_files
from bakeoff.errors import ConfigError


def check_config(arguments: Sequence[str] | None = None) -> None:
    """Exit with a message where a `--configfile` is missing or broken, or `--config` is no KEY=VALUE.

    Snakemake would show a traceback, or an error without the place in the file.
    """
    parsed = _parsed(arguments)
    try:
        read_files([Path(file) for file in parsed.configfile])
        for entry in parsed.config:
            _check_entry(entry)
    except ConfigError as error:
        raise SystemExit(f"bakeoff: error: {error}") from None


def runs_here(
    arguments: Sequence[str] | None = None, environment: Mapping[str, str] = os.environ
) -> bool:
    """Whether no profile and no executor was chosen: a bare `snakemake` runs on this machine."""
    chosen = _parsed(arguments)
    return not (chosen.profile or chosen.executor or environment.get("SNAKEMAKE_PROFILE"))


def takes_all_cores(
    arguments: Sequence[str] | None = None, environment: Mapping[str, str] = os.environ
) -> bool:
    """Whether it does, and no number of cores is set: for a local run `--jobs N` means `--cores N`."""
    return runs_here(arguments, environment) and _parsed(arguments).jobs is None


def is_watched() -> bool:
    """Whether Snakemake's messages go to a terminal."""
    return sys.stderr.isatty()


def _check_entry(entry: str) -> None:
    key, equals, value = entry.partition("=")
    if not equals:
        raise ConfigError(f"--config {entry}: expected KEY=VALUE, for example experiment=second")
    if "." in key:
        top, *inner = key.split(".")
        nested = f"{': {'.join(inner)}: {value or 'VALUE'}{'}' * len(inner)}"
        raise ConfigError(
            f"--config {entry}: Snakemake takes keys of the top level only, "
            f"with what is below as a mapping: --config '{top}={{{nested}'"
        )
    read_snakemake([], [entry])


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options of Snakemake that matter here."""
    parser = argparse.ArgumentParser(prog="snakemake", add_help=False)
    parser.add_argument("--configfile", "--configfiles", nargs="+", action="extend", default=[])
    parser.add_argument("--config", "-C", nargs="*", action="extend", default=[])
    parser.add_argument("--profile", action="append", default=[])
    parser.add_argument("--executor", "-e")
    parser.add_argument("--jobs", "-j", nargs="?", const="")
    known, _ = parser.parse_known_args(sys.argv[1:] if arguments is None else arguments)
    return known
