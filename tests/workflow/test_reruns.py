"""What runs again, and what does not: asked of Snakemake itself, after a real bake-off."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import save_file

from bakeoff.models.weights_header import header
from bakeoff.tracking.journal.journal import NAME, read
from tests.models.hub import serve
from tests.tracking.stored import open_store, runs
from tests.workflow.conftest import SAID, Workflow

pytestmark = pytest.mark.slow

AFTER_EVALUATE = {"compare": 1, "report": 1, "track": 1, "register": 1}
VARIANTS = ("conv", "conv_bn")
TAG = "test_byobnet.r160_in1k"


def test_a_bake_off_ends_with_its_results(finished: Workflow) -> None:
    expected = ["comparison.csv", "report.html", "splits/audit.json", "tracked.json"]
    expected.append("registered.json")
    for variant in VARIANTS:
        run = f"runs/{variant}/seed-0"
        expected += [f"{run}/{name}" for name in ("run.json", "history.csv", "best.safetensors")]
        expected += [f"{run}/{name}" for name in ("metrics.json", "train.log", "journal.jsonl")]
        expected.append(f"{run}/figures/index.json")
    assert [name for name in expected if not (finished.results / name).is_file()] == []


def test_the_pictures_of_each_run_are_in_the_report_and_in_mlflow(finished: Workflow) -> None:
    report = (finished.results / "report.html").read_text()
    store = open_store(finished.environment["MLFLOW_TRACKING_URI"])
    for variant in VARIANTS:
        assert f"Grad-CAM, {variant}, seed 0" in report
        begun = read(finished.results / f"runs/{variant}/seed-0" / NAME)[0]
        (run,) = runs(store, "small", journal=begun.journal)
        sent = {path for path, _ in store.files(run.id, "figures")}
        assert {"figures/index.json", "figures/grad-cam.png", "figures/sanity.png"} <= sent


def test_nothing_changed_runs_nothing(finished: Workflow) -> None:
    assert finished.would_run() == {}
    said = finished.snakemake("--cores", "1").stderr
    assert "Nothing to be done" in said
    assert re.search(
        r"\nsmall: 2 of 2 runs finished\.\n  report  results/small/report.html \(of", said
    )


def last_words(said: str) -> str:
    """What stands below all that Snakemake itself says, and its bars are drawn nowhere below it."""
    begin, words = said.rpartition("\nsmall: ")[1:]
    assert len(words.splitlines()) < 15 and "Workflow Progress" not in words
    return begin + words


def test_the_last_words_of_a_success_name_the_report_and_mlflow(finished: Workflow) -> None:
    words = last_words((finished.folder / SAID).read_text())
    assert words == (
        "\nsmall: 2 of 2 runs finished.\n"
        "  report  results/small/report.html\n"
        "  MLflow  bakeoff ui --config config.yaml    # on http://127.0.0.1:5000\n"
    )


def test_another_learning_rate_runs_that_variant_and_what_follows(finished: Workflow) -> None:
    variants = {
        "conv": {"model": "conv"},
        "conv_bn": {"model": "conv", "norm": "batch", "training": {"lr": 0.01}},
    }
    changed = finished.with_config(variants=variants)
    assert changed.would_run() == {"train": 1, "evaluate": 1, "pictures": 1, **AFTER_EVALUATE}


def test_a_seed_added_runs_only_its_runs(finished: Workflow) -> None:
    training = {**finished.config["training"], "seeds": [0, 1]}
    changed = finished.with_config(training=training)
    assert changed.would_run() == {"train": 2, "evaluate": 2, "pictures": 2, **AFTER_EVALUATE}


def test_more_memory_runs_nothing(finished: Workflow) -> None:
    assert finished.with_config(resources={"mem_mb": 9000, "runtime": 5}).would_run() == {}


def test_every_job_on_the_cluster_is_charged_to_the_experiments_account(finished: Workflow) -> None:
    own = {"model": "conv", "resources": {"slurm_account": "grant"}}
    paid = finished.with_config(
        resources={"slurm_account": "research"},
        variants={**finished.config["variants"], "own": own},
    )
    said = paid.snakemake("-n", "--forceall").stdout
    local = ("all", "track", "register")
    _, *parts = re.split(r"^ *(?:local)?rule (\w+):", said, flags=re.MULTILINE)
    jobs = zip(parts[::2], parts[1::2], strict=True)
    charged = {
        name: "slurm_account=research" in about
        for name, about in jobs
        if "variant=own" not in about
    }
    assert charged == {name: name not in local for name in charged} and len(charged) == 12
    assert said.count("slurm_account=grant") == 3, "training, evaluation and pictures of its own"


def test_another_split_runs_everything_but_the_data(finished: Workflow) -> None:
    changed = finished.with_config(split={**finished.config["split"], "seed": 1})
    everything = {"split": 1, "pack": 1, "train": 2, "evaluate": 2, "pictures": 2, "baselines": 1}
    assert changed.would_run() == {**everything, **AFTER_EVALUATE}


def test_the_report_deleted_runs_only_the_report(copied: Workflow) -> None:
    (copied.results / "report.html").unlink()
    assert copied.would_run() == {"report": 1}


@pytest.mark.slow(seconds=50)
def test_a_server_that_is_down_fails_no_bake_off_and_gets_what_it_missed_later(
    copied: Workflow,
) -> None:
    for name in ("tracked.json", "registered.json"):
        (copied.results / name).unlink()
    with socket.create_server(("127.0.0.1", 0)) as closed:
        uri = f"http://127.0.0.1:{closed.getsockname()[1]}"
    away = copied.with_config(tracking={"uri": uri})
    said = last_words(away.snakemake("--cores", "2").stderr)  # it succeeds
    assert f"MLflow at {uri} does not answer" in said
    assert "for MLflow, later: bakeoff sync --config config.yaml" in said
    assert (
        "does not answer" in json.loads((copied.results / "registered.json").read_text())["pending"]
    )
    assert away.would_run().keys() == {"track", "register"}  # the next start tries again
    copied.bakeoff("sync", "--config", "config.yaml")  # or the person does
    assert json.loads((copied.results / "registered.json").read_text())["version"] == "1"
    assert copied.would_run() == {}


@pytest.mark.parametrize("deleted", ["comparison.csv", "splits/audit.json", "figures/roc.svg"])
def test_a_deleted_result_is_made_again(copied: Workflow, deleted: str) -> None:
    (copied.results / deleted).unlink()
    assert copied.would_run() != {}


def test_forcing_evaluate_runs_it_and_what_follows(finished: Workflow) -> None:
    assert finished.would_run("-R", "evaluate") == {"evaluate": 2, "pictures": 2, **AFTER_EVALUATE}


def test_what_grows_while_a_run_trains_is_no_declared_output(finished: Workflow) -> None:
    """A Snakemake that starts while a job starts again takes a file that goes for write-protected."""
    said = finished.snakemake("-n", "-R", "train").stdout
    outputs = re.findall(
        r"^rule train:.*?^ *output: ([^\n]*)", said, flags=re.MULTILINE | re.DOTALL
    )
    assert len(outputs) == 2
    for output in outputs:
        names = [Path(file).name for file in output.split(", ")]
        assert names == ["best.safetensors", "run.json"]


def test_editing_documentation_or_an_unrelated_module_runs_nothing(copied: Workflow) -> None:
    for name in ("README.md", "src/bakeoff/report/__init__.py", "src/bakeoff/models/conv.py"):
        file = copied.folder / name
        file.write_text(file.read_text() + "\n# Nothing that matters.\n")
    assert copied.would_run() == {}


def test_editing_a_model_runs_its_variants(copied: Workflow) -> None:
    model = copied.folder / "src/bakeoff/models/conv.py"
    model.write_text(model.read_text().replace("nn.ReLU()", "nn.GELU()"))
    assert copied.would_run() == {"train": 2, "evaluate": 2, "pictures": 2, **AFTER_EVALUATE}


@pytest.mark.slow(seconds=90)
def test_a_variant_that_fails_leaves_the_others_and_the_report_says_what_is_missing(
    copied: Workflow,
) -> None:
    bad = {"model": "conv", "training": {"lr": 1e12, "optimizer": "sgd"}}
    good = {"model": "conv", "training": {"lr": 2e-3}}
    failing = copied.with_config(
        variants={**copied.config["variants"], "bad": bad}, tracking={"live": False}
    )
    others = copied.results / "runs/conv/seed-0/metrics.json"
    others.unlink()
    status, said = failing.on_a_terminal("--profile", "profiles/local", "--cores", "2")
    assert status != 0 and others.is_file(), said
    words = last_words(said.replace("\r\n", "\n"))
    assert words.startswith("\nsmall: 2 of 3 runs finished; 1 job failed.\n")
    assert re.search(r"  failed  train variant=bad seed=0: the loss is .*training\.clip", words)
    assert "\n          results/small/runs/bad/seed-0/train.log\n" in words
    assert "\n  report  results/small/report.html (it says what is missing)\n" in words
    assert "\n  MLflow  bakeoff ui --config config.yaml    # on http://127.0.0.1:5000\n" in words
    command = "snakemake --configfile config.yaml --profile profiles/local --cores 2"
    assert f"\n  go on   {command}    # once that is mended" in words
    report = (copied.results / "report.html").read_text()
    assert "bad" in report and "the loss is" in report
    # Snakemake's own report has the table without the failed run, which is made again all the same.
    failing.snakemake("--report", "report.zip")
    with zipfile.ZipFile(copied.folder / "report.zip") as packed:
        tables = [name for name in packed.namelist() if name.endswith("comparison.csv")]
        assert tables and b"bad" in packed.read(tables[0])
    without = copied.with_config().would_run()  # the failed variant is given up
    assert {"compare", "report"} <= without.keys() and "train" not in without
    mended = {**failing.config["variants"], "bad": good}
    expected = {"train": 1, "evaluate": 1, "pictures": 1, **AFTER_EVALUATE}
    assert failing.with_config(variants=mended).would_run() == expected


def test_what_fails_at_the_very_end_takes_nothing_away(copied: Workflow) -> None:
    (copied.results / "registered.json").unlink()
    broken = copied.folder / "src/bakeoff/serving/registration.py"
    code = broken.read_text()
    broken.write_text(code + "\nraise RuntimeError('the registry is on fire')\n")
    table = (copied.results / "comparison.csv").stat().st_mtime_ns
    with (copied.folder / "out.txt").open("w") as out:  # what `nohup snakemake &` leaves
        status = copied.snakemake("--cores", "1", check=False, out=out).returncode
    words = last_words((copied.folder / "out.txt").read_text())
    assert status != 0
    assert words.startswith("\nsmall: 2 of 2 runs finished; 1 job failed.\n")
    assert "  failed  register: RuntimeError: the registry is on fire\n" in words
    assert "          results/small/logs/register.log\n" in words
    assert "  report  results/small/report.html (of" in words
    assert "  go on   snakemake --configfile config.yaml --cores 1" in words
    assert (copied.results / "comparison.csv").stat().st_mtime_ns == table
    broken.write_text(code)
    assert copied.would_run() == {"register": 1}


def test_an_interrupt_ends_the_bake_off_and_reports_nothing(copied: Workflow) -> None:
    long = copied.with_config(training={**copied.config["training"], "epochs": 5000})
    long.write_config()
    reported = (copied.results / "report.html").stat().st_mtime_ns
    command = [sys.executable, "-m", "snakemake", "--configfile", "config.yaml", "--cores", "1"]
    process = subprocess.Popen(
        command,
        cwd=copied.folder,
        env=long.environment,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    attempts = [
        copied.results / f"runs/{name}/seed-0/checkpoints/attempts.log" for name in VARIANTS
    ]
    before = [path.read_text() for path in attempts]
    try:
        while [path.read_text() for path in attempts] == before:
            assert process.poll() is None
            time.sleep(0.1)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        _, said = process.communicate(timeout=60)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert process.returncode != 0 and "on user request" in said
    words = last_words(said)
    assert words.startswith("\nsmall: interrupted; ") and "What was saved is kept." in words
    assert "failed" not in words and "  report  results/small/report.html is of " in words
    assert "bakeoff report --config config.yaml" in words
    assert words.endswith("  go on   snakemake --configfile config.yaml --cores 1\n")
    assert (copied.results / "report.html").stat().st_mtime_ns == reported
    assert (copied.results / "comparison.csv").exists()


def test_a_mistake_in_the_config_is_a_message_not_a_traceback(finished: Workflow) -> None:
    done = finished.with_config(trainingg={}).snakemake("-n", check=False)
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert "config.yaml: trainingg: unknown key. Did you mean 'training'?" in said
    assert "Traceback" not in said


def test_the_plan_is_printed_before_it_starts(copied: Workflow) -> None:
    training = {**copied.config["training"], "seeds": [0, 1]}
    done = copied.with_config(training=training).snakemake("--cores", "1", "--until", "split", "-f")
    assert "small: 4 training runs (2 variants), at most 4 h of job time." in done.stderr


def write_weights(file: Path, seed: int) -> None:
    torch.manual_seed(seed)
    save_file(timm.create_model(TAG).state_dict(), file)


def with_variant(workflow: Workflow, **spec: Any) -> Workflow:
    probe = {"model": "timm/test_byobnet", "train": "head", **spec}
    return workflow.with_config(variants={**workflow.config["variants"], "probe": probe})


def test_another_file_of_weights_runs_its_variants_and_a_missing_one_stops_at_once(
    copied: Workflow,
) -> None:
    file = copied.folder / "weights.safetensors"
    write_weights(file, seed=0)
    workflow = with_variant(copied, weights=file.name)
    workflow.snakemake("--cores", "1", "--until", "train")
    after_train = {"evaluate": 1, "pictures": 1, **AFTER_EVALUATE}
    assert workflow.would_run() == after_train
    write_weights(file, seed=1)
    assert workflow.would_run() == {"train": 1, **after_train}
    file.unlink()
    done = workflow.snakemake("-n", check=False)
    said = done.stdout + done.stderr
    assert done.returncode != 0 and "Traceback" not in said
    assert "variants.probe.weights: weights.safetensors: no such file" in said


def test_published_weights_are_fetched_by_the_first_job_that_needs_no_cluster(
    copied: Workflow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_weights(tmp_path / "model.safetensors", seed=0)
    workflow = with_variant(copied, pretrained=True)
    with serve() as hub:
        hub.publish(f"timm/{TAG}", tmp_path / "model.safetensors")
        monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
        monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
        done = workflow.snakemake("--cores", "1", "--until", "weights")
    assert "localrule weights:" in done.stdout + done.stderr
    file = workflow.folder / f"data/weights/{TAG}.safetensors"
    assert header(file)["name"] == f"timm/{TAG}"
