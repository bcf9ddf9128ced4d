"""Descriptions of experiments, runs and models in MLflow: what they are, their origin, how to use them."""

from collections.abc import Mapping, Sequence

from bakeoff.data.image_kinds import KINDS
from bakeoff.task.classification import Metric
from bakeoff.tracking.journal.run_state import RunState
from bakeoff.tracking.presentation import links
from bakeoff.tracking.presentation.metric_names import shown_as
from bakeoff.tracking.presentation.notes import LONGEST_NOTE, code
from bakeoff.tracking.presentation.reproduction import origin, reproduction, whole
from bakeoff.tracking.presentation.version_tags import metric_in, task_in
from bakeoff.tracking.presentation.views import RANKING, VARIANTS
from bakeoff.tracking.records import ModelVersion, StoredRun
from bakeoff.wording import plural

Tags = Mapping[str, str]

ALIAS = "champion"
"""The alias of a registered model's best version."""
LONGEST = 4900  # characters of a model's or an experiment's description: MLflow takes 5,000

MODEL = "The best variants of the bake-off"
"""The first words of a registered model's description, in every version of bakeoff."""

SEARCHES = (
    "A variant is a run whose figures are means over its seeds (`test_sd/` is their spread); its seeds "
    "are the runs below it. The baselines are below the run `comparison`. Useful searches: "
    "`tags.superseded = 'no'` hides what a changed configuration replaced, `tags.kind = 'variant'` "
    "shows one row per variant, `tags.kind = 'run'` every seed, `tags.kind = 'pretraining'` what "
    "variants started from (their param `options.weights`)."
)


def of_experiment(
    experiment_id: str,
    name: str,
    runs: Sequence[Tags],
    comparisons: Sequence[StoredRun],
    metric: Metric,
) -> str:
    """An experiment's description; the page shows its first line until it is unfolded.

    `runs` are the tags of the trained runs, `comparisons` the runs that have the reports: one, unless
    bake-offs share an experiment. `metric` is the primary one.
    """
    places = {
        "Variants, seeds below": links.runs(experiment_id, VARIANTS),
        f"ranking by {shown_as(metric)}": links.runs(experiment_id, RANKING),
        "learning curves": links.runs(experiment_id, VARIANTS, charts=True),
    }
    for comparison in comparisons:
        report = (
            "report"
            if len(comparisons) == 1
            else f"report of {comparison.tags.get('results', comparison.name)}"
        )
        places[report] = links.artifact(experiment_id, comparison.id, "report.html")
    shown = " · ".join(f"[{text}]({place})" for text, place in places.items())
    variants = dict.fromkeys(tags.get("variant", "") for tags in runs)
    counts = f": {plural(len(variants), 'variant')}, {plural(len(runs), 'run')}" if runs else ""
    what = f"The bake-off {code(name)}{counts}. {origin(runs)}"
    return "\n".join([shown, "", what.strip(), "", *whole(runs), "", SEARCHES])[:LONGEST]


def of_variant(seeds: Sequence[RunState]) -> str:
    """The description of a variant's parent run."""
    run = seeds[0].run
    assert run is not None
    tags = [seed.tags for seed in sorted(seeds, key=_number)]
    numbers = ", ".join(str(number) for number in sorted(s.run.seed for s in seeds if s.run))
    what = (
        f"The variant {code(run.variant)} of the bake-off {code(run.experiment)}: means over its seeds "
        f"({numbers}), which are the runs below it; `test_sd/` and `val_sd/` are their standard "
        f"deviations. {origin(tags)}"
    )
    return "\n".join([what.strip(), "", *reproduction(tags)])[:LONGEST_NOTE]


def of_comparison(name: str, runs: Sequence[Tags], paths: Sequence[str]) -> str:
    """The description of the run that has the files `paths`: the report, its table, the audit."""
    contents = {
        "report.html": "the report",
        "report.json": "every figure of it for programs",
        "comparison.csv": "a row per variant and baseline",
        "conclusion.json": "which may be the best, which differ, which to take",
        "splits/audit.json": "what was checked of the splits",
    }
    files = "; ".join(f"`{path}` is {contents[path]}" for path in paths)
    what = (
        f"The comparison of the bake-off {code(name)}, from the split to the report. Among its "
        f"artifacts {files}. {origin(runs)}"
    )
    return "\n".join([what.strip(), "", *whole(runs)])[:LONGEST_NOTE]


def of_baseline(name: str, variant: str, what: str, runs: Sequence[Tags]) -> str:
    """The description of a baseline; `what` is its text in baseline.json."""
    intro = f"The baseline {code(variant)} of the bake-off {code(name)}, which sees no image"
    text = f"{intro}{': ' + what if what else ''}. {origin(runs)}"
    return "\n".join([text.strip(), "", *whole(runs)])[:LONGEST_NOTE]


def of_model(
    name: str, experiment: str, champion: ModelVersion | None = None, run: StoredRun | None = None
) -> str:
    """The description of a registered model whose alias is at `champion`, made of the weights of `run`."""
    tags: Tags = champion.tags if champion else {}
    what = (
        f"{MODEL} {code(experiment)}, by their mean {metric_in(tags)} over seeds on the test images, version "
        "after version: each says what it is, from which commit and configuration, and how it is made again."
    )
    best = f"The alias `{ALIAS}` is at the best version so far"
    if champion is not None:
        best += f": version {champion.number}, the variant {code(tags.get('variant', '?'))}"
    best = f"{best}. {origin([run.tags] if run else [])}".strip()
    return f"{what}\n\n{best}\n\n{_load(f'models:/{name}@{ALIAS}', tags)}"[:LONGEST]


def of_version(name: str, version: ModelVersion, run: StoredRun) -> str:
    """The description of a version of a registered model, made of the weights of `run`."""
    tags = version.tags
    what = (
        f"The variant `{tags.get('variant', '?')}`, with the weights of seed {tags.get('seed', '?')}, "
        f"which was the best one on validation: the run "
        f"[{run.name}]({links.run(run.experiment_id, run.id)}). {origin([run.tags])}"
    )
    again = "\n".join(reproduction([run.tags]))
    load = _load(f"models:/{name}/{version.number}", tags)
    return f"{what.strip()}\n\n{load}\n\n{again}".strip()[:LONGEST]


def _number(run_state: RunState) -> int:
    return run_state.run.seed if run_state.run else 0


def _load(uri: str, tags: Tags) -> str:
    return (
        "Load it with\n\n```python\nfrom pathlib import Path\n\nimport mlflow\nimport pandas\n\n"
        f"model = mlflow.pyfunc.load_model({uri!r})\n"
        'model.predict(pandas.DataFrame({"image": [Path("one.png").read_bytes()]}))\n```\n\n'
        f"It takes whole {KINDS} files and gives each {task_in(tags).answer}. MLFLOW_TRACKING_URI has to be "
        "the address of this MLflow."
    )
