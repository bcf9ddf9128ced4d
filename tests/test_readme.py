"""What README.md tells people to type works."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from bakeoff.config.experiment import Experiment
from tests.photographs import photographs
from tests.workflow.conftest import small

PROJECT = Path(__file__).parents[1]
README = (PROJECT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.slow(seconds=3)
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


def example() -> str:
    return blocks("yaml")[0]


def test_what_the_readme_says_of_classes_and_colours_is_valid() -> None:
    (experiment,) = (Experiment.parse(yaml.safe_load(block)) for block in blocks("yaml")[1:])
    assert experiment.data.layout == "folders" and experiment.task.is_open
    assert experiment.metric.name == "accuracy"


def test_the_variants_that_the_experiment_of_the_readme_leaves_out_are_valid_too() -> None:
    text = re.sub(r"^  # (\w+: \{.*\}).*$", r"  \1", example(), flags=re.MULTILINE)
    variants = Experiment.parse(yaml.safe_load(text)).variants
    assert [variant.model for variant in variants] == ["conv"] * 2 + ["timm/resnet18"] + [
        "conv"
    ] * 2


@pytest.mark.slow(seconds=50)
def test_the_experiment_of_the_readme_ends_in_a_report_at_its_first_start(tmp_path: Path) -> None:
    """As a new user does it: 60 photographs, a table, the block as it stands, the commands as written."""
    workflow = small(tmp_path / "bakeoff")
    photographs(workflow.folder, rows=60, size=120)
    (workflow.folder / "cracks.yaml").write_text(example())
    for command in re.findall(r"`((?:bakeoff|snakemake) [^`]*cracks\.yaml)`", README):
        program, *arguments = shlex.split(command)
        done = subprocess.run(
            [sys.executable, "-m", program, *arguments],
            cwd=workflow.folder,
            env={k: v for k, v in workflow.environment.items() if k != "SNAKEMAKE_PROFILE"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    report = (workflow.folder / "results/cracks/report.html").read_text()
    assert "conv_bn" in report
    runs = workflow.folder / "results/cracks/runs"
    assert {path.parts[-3] for path in runs.glob("*/seed-0/metrics.json")} == {"conv", "conv_bn"}


def test_every_target_of_make_that_the_readme_names_exists() -> None:
    makefile = (PROJECT / "Makefile").read_text()
    for target in set(re.findall(r"`make ([a-z-]+)`", README)):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target


def test_no_figure_is_still_to_be_filled_in() -> None:
    assert not re.search(r"@[A-Z]+@", README)


def test_every_file_that_the_readme_links_exists() -> None:
    linked = re.findall(r"\]\(([^):]+)\)", README)
    assert linked
    for file, _, anchor in (link.partition("#") for link in linked):
        assert (PROJECT / file).exists(), file
        heads = re.findall(r"^#+ (.+)$", (PROJECT / file).read_text(), re.M) if anchor else []
        assert not anchor or anchor in [head.lower().replace(" ", "-") for head in heads]
