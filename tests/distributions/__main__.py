"""`make dist`: both distributions, built, checked, and each tried in a fresh environment."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from tests.distributions import built, fresh


@contextmanager
def step(what: str) -> Iterator[list[str]]:
    """Say what is done, and afterwards how long it took and what came of it."""
    begun, said = time.monotonic(), list[str]()
    print(f"{what} ...", flush=True)
    yield said
    print(f"  {time.monotonic() - begun:.0f} s{''.join(f'; {line}' for line in said)}", flush=True)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
def main(folder: Path) -> None:
    """Build wheels and sdists into FOLDER, and try them."""
    folder = folder.absolute()
    made = []
    for distribution in built.BOTH:
        with step(f"Building {distribution.name}") as said:
            made.append(built.build(distribution, folder))
            said.append(f"version {made[-1].version}")
    executor, bakeoff = made
    files = [path for one in made for path in (one.wheel, one.sdist)]
    with step("Checking metadata and contents"), TemporaryDirectory() as again:
        subprocess.run([sys.executable, "-m", "twine", "check", "--strict", *files], check=True)
        for one in made:
            one.check()
            one.rebuild(Path(again)).check()
    with TemporaryDirectory() as place:
        with step("The executor in a fresh environment") as said:
            said.append(fresh.try_executor(executor, Path(place) / "executor"))
        with step("bakeoff in a fresh environment") as said:
            said.append(fresh.try_bakeoff(bakeoff, executor, Path(place) / "bakeoff"))
    print("\n".join(str(path) for path in files))


main()
