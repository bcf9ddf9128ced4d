"""What a person sees in MLflow at first sight: views with figures, descriptions, links that lead there."""

import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from bakeoff.errors import TrackingError
from bakeoff.task.binary import BinaryTask
from bakeoff.tracking.delivery.experiment_page import describe_experiment
from bakeoff.tracking.delivery.sync import sync
from bakeoff.tracking.delivery.transfer import export_runs, import_runs
from bakeoff.tracking.mlflow import server as serving
from bakeoff.tracking.mlflow.experiments import find_experiment, find_or_create_experiment
from bakeoff.tracking.mlflow.server import serve_ui
from bakeoff.tracking.mlflow.store import Store
from bakeoff.tracking.presentation import links
from bakeoff.tracking.presentation.notes import NOTE, WRITTEN, code, described
from bakeoff.tracking.presentation.views import RANKING, TAG, VARIANTS
from bakeoff.tracking.records import StoredRun
from tests.browser import shown
from tests.tracking.conftest import Server
from tests.tracking.stored import open_store, runs
from tests.tracking.training import train, write_splits

pytestmark = pytest.mark.slow(seconds=3)

URI = "sqlite:///mlflow.db"
LINK = re.compile(r"\[([^]]+)\]\((#[^)]+)\)")


def bake_off(results: Path) -> None:
    """Two variants with two seeds, a baseline, a comparison and a report, as the stages leave them."""
    write_splits(results)
    (results / "splits/audit.json").write_text("{}")
    for variant, lr in (("slow", 0.001), ("fast", 0.05)):
        for seed in (0, 1):
            train(results, variant, seed, lr)
    majority = results / "baselines/majority"
    shutil.copytree(results / "runs/fast/seed-0/predictions", majority / "predictions")
    shutil.copy(results / "runs/fast/seed-0/metrics.json", majority)
    (majority / "baseline.json").write_text('{"what": "the prevalence in train"}')
    (results / "comparison.csv").write_text("variant\nslow\n")
    (results / "report.html").write_text("<h1>fast leads</h1>")


def views(store: Store, experiment: str) -> dict[str, Mapping[str, object]]:
    """The state of each saved view of an experiment, as MLflow's pages read it."""
    found = find_experiment(store, experiment)
    assert found is not None
    saved = {k.removeprefix(TAG): json.loads(v) for k, v in found.tags.items() if k.startswith(TAG)}
    assert all(isinstance(view["createdAt"], int) and view["name"] for view in saved.values())
    return {key: json.loads(view["state"]) for key, view in saved.items()}


def listed(store: Store, experiment: str, view: Mapping[str, object]) -> list[StoredRun]:
    """The runs of a view, asked for with its own filter and order."""
    order = f"{view['orderByKey']} {'ASC' if view['orderByAsc'] else 'DESC'}"
    found = store.client.search_runs(
        [find_or_create_experiment(store, experiment)], str(view["searchFilter"]), order_by=[order]
    )
    return [store.get(run.info.run_id) for run in found]


def test_the_views_show_variants_with_the_primary_metric_and_no_helper_runs(room: Path) -> None:
    bake_off(Path("results/digits"))
    sync(Path("results/digits"), URI, "digits")
    store = open_store(URI)
    found = views(store, "digits")
    first, ranking = found[VARIANTS], found[RANKING]
    columns = ["metrics.`test/auroc`", "params.`model`", "params.`training.lr`"]
    for view in (first, ranking):
        assert [each for each in view["selectedColumns"] if each in columns] == columns  # type: ignore[attr-defined]
    # MLflow's table has seeds below their variants in the order of creation only.
    assert first["orderByKey"] == "attributes.start_time"
    assert {run.tags["kind"] for run in listed(store, "digits", first)} == {"variant", "run"}
    ranked = listed(store, "digits", ranking)
    assert {run.name for run in ranked} == {"slow", "fast", "majority"}
    figures = [run.metrics["test/auroc"] for run in ranked]
    assert figures == sorted(figures, reverse=True)
    # Without a view, too, charts of epochs begin with the variants: helpers are last, and in one row.
    (comparison,) = runs(store, "digits", kind="comparison")
    assert all(comparison.started <= run.started for run in runs(store, "digits", kind="variant"))
    (majority,) = runs(store, "digits", kind="baseline")
    assert majority.tags["mlflow.parentRunId"] == comparison.id


def test_the_experiments_note_leads_in_one_line_to_the_report_and_the_training_views(
    room: Path,
) -> None:
    bake_off(Path("results/digits"))
    sync(Path("results/digits"), URI, "digits")
    store = open_store(URI)
    found = find_experiment(store, "digits")
    assert found is not None
    lines = found.tags[NOTE].splitlines()
    places = dict(LINK.findall(lines[0]))  # what is shown before the note is unfolded
    assert list(places) == [
        "Variants, seeds below",
        "ranking by test/auroc",
        "learning curves",
        "report",
    ]
    for place in places.values():
        parts = urlsplit(place.removeprefix("#"))
        query = parse_qs(parts.query)
        assert query["workflowType"] == ["machine_learning"]
        assert parts.path.startswith(f"/experiments/{found.id}/runs")
        if parts.path.endswith("/runs"):
            assert query["viewStateShareKey"][0] in views(store, "digits")
            # MLflow passes over a view whose address says something else, too.
            assert not query.keys() & {"searchFilter", "orderByKey", "orderByAsc"}
    run_id, path = re.findall(r"runs/(\w+)/artifacts/([^?]+)", places["report"])[0]
    assert unquote(path) in dict(store.files(run_id))
    assert f"git checkout {'0' * 40}" in lines
    assert "snakemake --configfile config/digits.yaml" in lines


def test_every_run_says_what_it_is_and_what_it_is_from_and_nothing_that_is_not(room: Path) -> None:
    results = Path("results/digits")
    bake_off(results)
    sync(results, URI, "digits")
    store = open_store(URI)
    found = runs(store, "digits")
    assert {run.tags["kind"] for run in found} == {"run", "variant", "baseline", "comparison"}
    for run in found:
        note = run.tags[NOTE]
        assert "of the bake-off `digits`" in note
        assert "From commit `000000000000`, configuration `config/digits.yaml`." in note
        assert f"git checkout {'0' * 40}" in note
        assert "None" not in run.params.values() and "training.clip" not in run.params
    for run in runs(store, "digits", kind="run"):
        assert float(run.tags["seconds"]) > 0
        inputs = {each.context: (each.name, each.rows) for each in store.inputs(run.id)}
        assert inputs == {
            "train": ("train.csv", 150),
            "val": ("val.csv", 100),
            "test": ("test.csv", 107),
        }
    (baseline,) = runs(store, "digits", kind="baseline")
    assert "the prevalence in train" in baseline.tags[NOTE]


def test_a_run_in_progress_has_no_duration_yet(room: Path) -> None:
    results = Path("results/digits")
    train(results, epochs=4, until=1)
    sync(results, URI, "digits")
    store = open_store(URI)
    (run,) = runs(store, "digits", kind="run")
    assert not {"seconds", "finished"} & run.tags.keys()
    assert {each.context for each in store.inputs(run.id)} == {"train", "val"}


def test_what_an_earlier_version_sent_gets_descriptions_and_views_and_stays_the_same_runs(
    room: Path,
) -> None:
    results = Path("results/digits")
    bake_off(results)
    sync(results, URI, "digits")
    store = open_store(URI)
    before = {run.id for run in runs(store, "digits")}
    experiment = find_experiment(store, "digits")
    assert experiment is not None
    # As they were: a note on seeds and experiment only, zero seconds, baselines at the top.
    for run in runs(store, "digits"):
        for key in {NOTE, WRITTEN, "finished"} & run.tags.keys():
            store.client.delete_tag(run.id, key)
        if run.tags["kind"] == "run":
            store.client.set_tag(run.id, "seconds", "0.0")
        if run.tags["kind"] == "baseline":
            store.client.delete_tag(run.id, "mlflow.parentRunId")
    for key in experiment.tags:
        if key.startswith(TAG) or key == WRITTEN:
            store.client.delete_experiment_tag(experiment.id, key)
    store.client.set_experiment_tag(experiment.id, NOTE, "The result is in the run [comparison]")
    for file in results.rglob("*.sent.json"):
        content = json.loads(file.read_text())
        for stored in content["stores"].values():
            stored["extra"] = {
                k: v for k, v in stored["extra"].items() if k in ("scores", "parent")
            }
        file.write_text(json.dumps(content))
    assert sync(results, URI, "digits").events == 0
    after = runs(store, "digits")
    assert {run.id for run in after} == before
    assert all("of the bake-off `digits`" in run.tags[NOTE] for run in after)
    assert all(float(run.tags["seconds"]) > 0 for run in after if run.tags["kind"] == "run")
    assert views(store, "digits").keys() == {VARIANTS, RANKING}
    (majority,) = runs(store, "digits", kind="baseline")
    assert "mlflow.parentRunId" in majority.tags


def test_a_description_that_a_person_wrote_stays(room: Path) -> None:
    results = Path("results/digits")
    bake_off(results)
    sync(results, URI, "digits")
    store = open_store(URI)
    experiment = find_or_create_experiment(store, "digits")
    store.client.set_experiment_tag(experiment, NOTE, "fast goes to the clinic")
    (slow, _) = runs(store, "digits", kind="variant")
    store.client.set_tag(slow.id, NOTE, "too slow")
    train(results, "third")
    sync(results, URI, "digits")
    assert store.get(slow.id).tags[NOTE] == "too slow"
    found = find_experiment(store, "digits")
    assert found is not None and found.tags[NOTE] == "fast goes to the clinic"


def test_a_description_that_was_there_before_bakeoff_stays(room: Path) -> None:
    store = open_store(URI)
    store.client.create_experiment("mine", tags={NOTE: "for the clinic"})
    find_or_create_experiment(store, "mine")
    describe_experiment(store, "mine", BinaryTask().metric())
    found = find_experiment(store, "mine")
    assert found is not None and found.tags[NOTE] == "for the clinic"
    assert described({NOTE: "a person's"}, "ours") == {}


def test_looking_at_what_was_never_run_makes_no_experiment(
    room: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], server: Server
) -> None:
    assert serve_ui(server.url, "never-run") == 0
    said = capsys.readouterr().out
    assert "no run of the experiment 'never-run' yet" in said and "bakeoff sync" in said
    assert f"{server.url}/{links.experiments()}" in said
    with pytest.raises(TrackingError, match="has no experiment 'never-run'"):
        export_runs(room / "plain", server.url, "never-run")
    sync(room / "results/digits", server.url, "never-run")  # splits, and no run
    assert find_experiment(open_store(server.url), "never-run") is None
    assert not (room / "results/digits/tracked.json").exists()
    assert not (room / "plain").exists()
    # The embedded store is served by a process of its own, which this one becomes.
    monkeypatch.setattr(serving.ServerCommand, "run", lambda command: print(command.url))
    serve_ui(None, "never-run", port=0)
    assert find_experiment(open_store(URI), "never-run") is None


ODD = 'it\'s a "50%" bake-off/../`day` \\ 🍞?'


def test_an_experiment_may_have_any_name(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "odd"
    bake_off(results)
    for _ in range(2):
        sync(results, server.url, ODD)
    store = open_store(server.url)
    found = find_experiment(store, ODD)
    assert found is not None
    assert len(runs(store, ODD, kind="run")) == 4
    assert code(ODD) in found.tags[NOTE]
    assert serve_ui(server.url, ODD) == 0
    assert f"{server.url}/{links.runs(found.id, VARIANTS)}" in capsys.readouterr().out
    assert export_runs(tmp_path / "plain", server.url, ODD) == 8
    assert import_runs(tmp_path / "plain", server.url, f"{ODD} again") == 8
    assert len(runs(store, f"{ODD} again", kind="variant")) == 2
    # Tags are compared as they are, however they are written.
    (run, *_) = runs(store, ODD, kind="run")
    for text in ("it's", '"', "'\"", "a\\", "`", "100%", "", "x' or '1", "🍞"):
        store.client.set_tag(run.id, "said", text)
        assert [one.id for one in runs(store, ODD, said=text)] == [run.id]
        assert runs(store, ODD, said=f"{text}.") == []


def test_an_experiment_named_like_a_folder_above_keeps_its_artifacts_below(room: Path) -> None:
    results = Path("results/digits")
    train(results, epochs=1)
    sync(results, URI, "..")
    assert list((room / "mlartifacts").rglob("run.json"))
    assert not [each for each in room.glob("*/artifacts") if each.parent.name != "mlartifacts"]


def test_code_in_a_description_is_whole_whatever_it_holds() -> None:
    assert code("demo") == "`demo`"
    assert code("a`b") == "``a`b``"
    assert code("`") == "`` ` ``"
    assert code("two\nlines") == "`two lines`"


@pytest.mark.slow(seconds=15)
def test_a_new_visitors_browser_shows_the_metric_the_curves_and_the_report(
    server: Server, tmp_path: Path
) -> None:
    results = tmp_path / "seen"
    bake_off(results)
    done = sync(results, server.url, "seen")
    store = open_store(server.url)
    table = shown(done.url, awaited=">training.lr<")
    assert "Model training" in table and "GenAI apps" not in table
    for variant in runs(store, "seen", kind="variant"):
        assert f"{variant.metrics['test/auroc']}"[:8] in table
        assert f">{variant.name}</span>" in table
    for column in ("test/auroc", "test_sd/auroc", "training.lr"):
        assert f">{column}<" in table
    assert ">comparison</span>" not in table and ">majority</span>" not in table
    note = LINK.findall(find_experiment(store, "seen").tags[NOTE])  # type: ignore[union-attr]
    places = {text: links.on(server.url, place) for text, place in note}
    curves = shown(places["learning curves"], awaited="slow (epoch/lr)")
    assert "fast (epoch/lr)" in curves and "slow (epoch/lr)" in curves
    assert "comparison (epoch/" not in curves and "majority (epoch/" not in curves
    report = shown(places["report"], awaited="mlflow-html-iframe")
    assert "mlflow-html-iframe" in report and "Select a file to preview" not in report
