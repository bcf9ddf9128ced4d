"""What README.md tells people to write and to type works, and the documents stand by themselves."""

import os
import pkgutil
import re
import shlex
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

import snakemake_executor_plugin_submitit
from snakemake_executor_plugin_submitit import ExecutorSettings

ROOT = Path(__file__).parents[1]
# Modules that are only where the jobs of earlier versions look for them.
EARLIER = ("worker", "nested")


def blocks(language: str) -> list[str]:
    text = (ROOT / "README.md").read_text()
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


def test_the_workflow_of_the_readme_runs_by_its_command(tmp_path: Path) -> None:
    (snakefile,), (command,) = blocks("python"), blocks("bash")
    assert snakefile.count("\n") + command.count("\n") <= 15, "15 lines that run"
    (tmp_path / "Snakefile").write_text(snakefile)
    program, *arguments = shlex.split(command, comments=True)
    done = subprocess.run(
        [sys.executable, "-m", program, *arguments],
        cwd=tmp_path,
        env={k: v for k, v in os.environ.items() if k != "SNAKEMAKE_PROFILE"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert {path.name for path in (tmp_path / "counted").iterdir()} == {"conv.txt", "vit.txt"}


def test_the_readme_says_what_each_module_and_folder_is_for() -> None:
    text = (ROOT / "README.md").read_text().partition("## How it is built")[2]
    for found in pkgutil.iter_modules(snakemake_executor_plugin_submitit.__path__):
        if found.name not in EARLIER:
            assert f"`{found.name}{'/' * found.ispkg}`" in text, found.name


def test_every_flag_is_explained() -> None:
    text = (ROOT / "docs/further.md").read_text()
    for setting in fields(ExecutorSettings):
        flag = setting.name.replace("_", "-")
        assert re.search(rf"`(--submitit)?-{flag}`", text), f"--submitit-{flag}"


@pytest.mark.parametrize(
    "page", ["README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]
)
def test_a_page_links_to_nothing_that_the_distribution_lacks(page: str) -> None:
    """The catalogue shows the pages of docs/ alone, so they link to addresses only."""
    for target in re.findall(r"\]\(([^)#]+)", (ROOT / page).read_text()):
        if not target.startswith("https://"):
            assert page == "README.md" and (ROOT / target).is_file(), target
