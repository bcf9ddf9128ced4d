"""What README.md tells people to type works."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from bakeoff.config.experiment import Experiment

PROJECT = Path(__file__).parents[1]
README = (PROJECT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(
    "command", [line for block in blocks("bash") for line in block.splitlines()]
)
def test_a_command_of_the_readme_works(command: str) -> None:
    program, *arguments = shlex.split(command, comments=True)
    done = subprocess.run(
        [sys.executable, "-m", program, *arguments],
        cwd=PROJECT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_experiment_of_the_readme_is_valid() -> None:
    (example,) = blocks("yaml")
    assert len(Experiment.parse(yaml.safe_load(example)).variants) == 5


def test_every_target_of_make_that_the_readme_names_exists() -> None:
    makefile = (PROJECT / "Makefile").read_text()
    for target in set(re.findall(r"`make ([a-z-]+)`", README)):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target


def test_no_figure_is_still_to_be_filled_in() -> None:
    assert not re.search(r"@[A-Z]+@", README)


def test_every_file_that_the_readme_links_exists() -> None:
    linked = re.findall(r"\]\(([^):]+)\)", README)
    assert linked and all((PROJECT / file).exists() for file in linked)
