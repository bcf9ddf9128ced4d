"""The command line as a person meets it: its list of commands, its errors, its exit codes."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml
from click.testing import CliRunner

from bakeoff.cli import cli
from bakeoff.models.registry import Task, build
from tests.config.test_experiment import config
from tests.photographs import photographs

PROJECT = Path(__file__).parents[2]
SMALL = {"depth": 2, "width": 48, "heads": 4}
STAGES = [
    "synthesize",
    "fetch",
    "weights",
    "split",
    "pack",
    "train",
    "evaluate",
    "baselines",
    "compare",
]


def bakeoff(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "bakeoff", *arguments], capture_output=True, text=True
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A valid configuration whose labels and results are in the test's folder."""
    data = {"labels": str(tmp_path / "labels.csv"), "images": str(tmp_path / "images")}
    values = config(data=data, results=str(tmp_path / "results"), image={"size": 96})
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(values))
    return path


def test_help_lists_the_stages_in_the_order_of_the_data() -> None:
    said = CliRunner().invoke(cli, ["--help"]).output
    positions = [said.index(f"  {stage} ") for stage in STAGES]
    assert positions == sorted(positions)


def test_every_help_fits_80_columns_and_every_command_has_a_whole_line_in_a_section() -> None:
    said = CliRunner().invoke(cli, ["--help"]).output
    assert "..." not in said.partition("ARGS]...")[2]
    for name in cli.commands:
        assert f"\n  {name} " in said, name
        lines = CliRunner().invoke(cli, [name, "--help"]).output.splitlines()
        assert max(map(len, [*lines, *said.splitlines()])) <= 80, name


def test_the_zoo_refers_to_nothing_that_nobody_can_look_up() -> None:
    listed = CliRunner().invoke(cli, ["models"]).output
    one = CliRunner().invoke(cli, ["models", "vit_b16"]).output
    assert "arXiv 2010.11929" in listed and "arXiv 2010.11929" in one
    assert not re.search(r"\bD\d(:\d|\b)", listed + one)


@pytest.mark.slow(seconds=2)
def test_help_and_light_stages_import_neither_torch_nor_mlflow() -> None:
    code = (
        "import sys; from click.testing import CliRunner; from bakeoff.cli import cli;"
        "assert CliRunner().invoke(cli, ['split', '--help']).exit_code == 0;"
        "assert not {'torch', 'mlflow', 'timm', 'snakemake'} & set(sys.modules), sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.slow(seconds=3)
def test_a_configuration_and_the_zoo_are_shown_without_torch() -> None:
    code = (
        "import sys; from click.testing import CliRunner; from bakeoff.cli import cli;"
        "said = CliRunner().invoke(cli, ['plan', '--config', 'config/demo.yaml']);"
        "assert said.exit_code == 0, said.output;"
        "said = CliRunner().invoke(cli, ['models']); assert '85,406,978' in said.output, said.output;"
        "assert 'torch' not in sys.modules and 'timm' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=PROJECT)


@pytest.mark.slow(seconds=2)
def test_a_model_is_described_with_its_options_or_the_nearest_is_named() -> None:
    said = CliRunner().invoke(cli, ["models", "vpt_deep", "timm/resnet18"]).output
    assert "93,698 of them train" in said and "arXiv 2203.12119" in said
    assert "prompts    10  (integer)" in said and "train      all  (all | head)" in said
    done = bakeoff("models", "vit_b61")
    assert done.returncode == 1 and "Did you mean vit_b16" in done.stderr


def test_a_configurations_variants_are_counted(file: Path) -> None:
    said = CliRunner().invoke(cli, ["models", "--config", str(file)]).output
    assert "392,834" in said and "96 px" in said


@pytest.mark.slow(seconds=8)
@pytest.mark.parametrize("module", ["training.train", "inference.predict", "pictures.draw"])
def test_a_gpu_nodes_work_imports_nothing_that_it_may_lack_or_that_takes_seconds(
    module: str,
) -> None:
    """Its environment need not have the first three; timm is for models of timm."""
    code = (
        f"import sys, torch, bakeoff.{module};"
        "from bakeoff.training.randomness import make_deterministic;"
        "make_deterministic(1, deterministic=True);"
        "assert torch.are_deterministic_algorithms_enabled();"
        "heavy = {'sklearn', 'scipy', 'timm', 'torch._dynamo'};"
        "print(*({'mlflow', 'snakemake', 'submitit'} | heavy) & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == []


@pytest.mark.slow(seconds=4)
@pytest.mark.parametrize("optimizer", ["adamw", "adam", "sgd"])
def test_an_optimizer_takes_torchs_steps_and_imports_no_compiler(optimizer: str) -> None:
    code = (
        "import sys, torch; from bakeoff.config.schema import Training;"
        "from bakeoff.training.optimization import make_optimizer;"
        "from bakeoff.training.without_compiler import take_step;"
        f"training = Training(optimizer='{optimizer}', weight_decay=0.1);"
        "torch.manual_seed(0); ours = torch.nn.Linear(3, 2); torch.manual_seed(0);"
        "theirs = torch.nn.Linear(3, 2); found = []\n"
        "for model in (ours, theirs):\n"
        "    optimizer = make_optimizer(model.parameters(), training)\n"
        "    for _ in range(3):\n"
        "        optimizer.zero_grad(); model(torch.ones(4, 3)).square().mean().backward()\n"
        "        take_step(optimizer) if model is ours else optimizer.step()\n"
        "    optimizer.load_state_dict(optimizer.state_dict())\n"
        "    found.append('torch._dynamo' in sys.modules)\n"
        "same = all(map(torch.equal, ours.parameters(), theirs.parameters()))\n"
        "print(found[0], same)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["False", "True"]


@pytest.mark.slow(seconds=2)
def test_an_error_is_a_message_without_a_traceback(file: Path) -> None:
    done = bakeoff("split", "--config", str(file))
    assert done.returncode == 1
    assert done.stderr.startswith("bakeoff: error: ") and "labels.csv" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (file.parent / "results").exists()


@pytest.mark.slow(seconds=2)
def test_an_override_is_named_in_the_error(file: Path) -> None:
    done = bakeoff("plan", "--config", str(file), "--set", "training.epochs=0")
    assert done.returncode == 1
    assert "config.yaml + --set: training.epochs: input should be greater" in done.stderr


@pytest.mark.slow(seconds=2)
def test_a_stage_planned_with_another_config_refuses_to_start(file: Path) -> None:
    run = ["--variant", "conv", "--seed", "0"]
    done = bakeoff("train", "--config", str(file), *run, "--digest", "000000000000")
    assert done.returncode == 1
    assert "train conv seed 0: the configuration or the model's code changed" in done.stderr


@pytest.mark.slow(seconds=8)
def test_a_stage_whose_input_is_missing_says_which_stage_makes_it(file: Path) -> None:
    done = bakeoff("train", "--config", str(file), "--variant", "conv", "--seed", "0")
    assert done.returncode == 1
    assert "images.npy" in done.stderr and "Run the pack stage" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow(seconds=3)
def test_the_plan_counts_runs_and_what_they_ask_for(file: Path) -> None:
    photographs(file.parent / "own")
    keys = {"image_column": "image", "label_column": "label", "patient_column": "null"}
    keys |= {"labels": f"{file.parent}/own/labels.csv", "images": f"{file.parent}/own/photos"}
    keys |= {"negative": "[intact]", "positive": "[crack]"}
    overrides = [word for key, value in keys.items() for word in ("--set", f"data.{key}={value}")]
    split = ["--set", "split={train: 36, val: 12, test: 12}"]
    done = bakeoff("plan", "--config", str(file), *overrides, *split)
    assert done.returncode == 0, done.stderr
    assert "test: 2 training runs (1 variant), at most 2 h of job time." in done.stdout
    assert "photos fit the configuration: split train 36, val 12, test 12." in done.stdout


@pytest.mark.slow(seconds=3)
def test_a_plan_whose_data_is_not_there_says_so_after_what_it_would_run(file: Path) -> None:
    done = bakeoff("plan", "--config", str(file))
    assert done.returncode == 1 and "2 training runs" in done.stdout
    assert "labels.csv: cannot be read" in done.stderr and "images: no such folder" in done.stderr


def test_the_plan_tells_of_threads_without_cores(file: Path) -> None:
    keys = ["--set", "training.threads=4", "--set", "resources.cpus_per_task=2"]
    told = "warning: conv: training.threads is 4, and resources.cpus_per_task asks for 2: "
    assert told in CliRunner().invoke(cli, ["plan", "--config", str(file), *keys]).output
    alike = [*keys[:2], "--set", "resources.cpus_per_task=4"]
    assert "threads" not in CliRunner().invoke(cli, ["plan", "--config", str(file), *alike]).output


def test_the_plan_shows_what_a_recipe_came_to(file: Path) -> None:
    overrides = ["--set", "training.recipe=vit_imagenet", "--set", "training.batch_size=32"]
    done = CliRunner(env={"COLUMNS": "200"}).invoke(
        cli, ["plan", "--config", str(file), *overrides]
    )
    came_to = "adamw 2.34e-05, decay 0.3, cosine, warm-up 0.105, clip 1 (vit_imagenet)"
    assert came_to in done.output


def test_the_plan_says_which_weights_are_there_and_how_to_get_the_others(
    file: Path, tmp_path: Path
) -> None:
    values = yaml.safe_load(file.read_text())
    there = tmp_path / "there.pth"
    torch.save(build("vit_b16", Task(3, 80, 2), SMALL).state_dict(), there)
    values["variants"] = {
        "a": {"model": "timm/resnet18", "pretrained": True},
        "b": {"model": "timm/resnet18", "weights": "a1_in1k", "train": "head"},
        "c": {"model": "vit_b16", **SMALL, "weights": str(there)},
        "d": {"model": "vit_b16", **SMALL, "depth": 3, "weights": str(there)},
        "e": {"model": "vit_b16", "weights": "gone.pth"},
    }
    file.write_text(yaml.safe_dump(values))
    done = CliRunner().invoke(cli, ["plan", "--config", str(file)])
    said, wrong = done.output, str(done.exception)
    fetched = "data/weights/resnet18.a1_in1k.safetensors"
    assert f"a, b: {fetched} is not there yet. Run `bakeoff weights`" in said
    assert f"c, d: {there} is there" in said
    assert f"variants.d.weights: {there}: not the weights of this model" in wrong
    assert "Set 'depth: 2'" in wrong and "variants.e.weights: gone.pth: no such file" in wrong
    assert "variants.a" not in wrong and "variants.c" not in wrong


def test_weights_that_no_variant_names_are_not_fetched(file: Path) -> None:
    said = CliRunner().invoke(cli, ["weights", "--config", str(file)])
    assert said.exit_code == 0 and "nothing to fetch" in said.output
    said = CliRunner().invoke(cli, ["weights", "--config", str(file), "--only", "resnet18.a1_in1k"])
    assert "--only resnet18.a1_in1k: no variant names it" in str(said.exception)


@pytest.mark.slow(seconds=4)
@pytest.mark.parametrize("command", ["split", "report"])
def test_a_subgroup_of_a_column_that_is_not_there_names_those_that_are(
    file: Path, command: str
) -> None:
    table = "Image Index,Finding Labels,Patient ID,Patient Gender\na.png,No Finding,1,F\n"
    (file.parent / "labels.csv").write_text(table)
    values = yaml.safe_load(file.read_text()) | {"compare": {"subgroups": ["Patient Sex"]}}
    file.write_text(yaml.safe_dump(values))
    splits = file.parent / "results" / values["experiment"] / "splits"
    if command == "report":
        splits.mkdir(parents=True)
        (splits / "test.csv").write_text(table)
    done = bakeoff(command, "--config", str(file))
    assert done.returncode == 1
    for word in ("compare.subgroups", "'Patient Sex'", "There are:", "Patient Gender"):
        assert word in done.stderr
