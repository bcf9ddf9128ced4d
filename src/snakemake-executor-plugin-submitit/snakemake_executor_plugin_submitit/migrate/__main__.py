"""`python -m snakemake_executor_plugin_submitit.migrate PROFILE` prints the profile with our names."""

import argparse
import sys
from pathlib import Path

from snakemake_executor_plugin_submitit.migrate.translate import changes, translate

# As Snakemake names a profile's file, the one for the newest version last.
FILES = ("profile*.yaml", "config*.yaml")


def main() -> int:
    """Print the translated profile, and on the error stream what was changed; 1 if there is none."""
    parser = argparse.ArgumentParser(
        prog="python -m snakemake_executor_plugin_submitit.migrate",
        description="Print a profile that was written for the slurm executor with the names of "
        "submitit's, such as `... slurm/config.yaml > submitit/config.yaml`.",
    )
    parser.add_argument("profile", type=Path, help="the profile's folder or file")
    given: Path = parser.parse_args().profile
    path = _file(given)
    if path is None:
        print(f"{given}: expected a profile, or a folder with a config.yaml", file=sys.stderr)
        return 1
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or error
        print(f"{path} cannot be read: {why}", file=sys.stderr)
        return 1
    lines = list(changes(text))
    print("\n".join(lines or [f"{path}: nothing of the slurm executor"]), file=sys.stderr)
    sys.stdout.write(translate(text))
    return 0


def _file(given: Path) -> Path | None:
    if given.is_file():
        return given
    found = [path for pattern in FILES for path in sorted(given.glob(pattern))]
    return found[-1] if found else None


if __name__ == "__main__":
    raise SystemExit(main())
