"""What MLflow's pages say of what bakeoff put there: what it is, where it is from, what to do with it."""

from collections.abc import Mapping, Sequence

from bakeoff.tracking import links
from bakeoff.tracking.notes import code
from bakeoff.tracking.reproduction import origin, reproduction, whole
from bakeoff.tracking.scores import PRIMARY
from bakeoff.tracking.stored import ModelVersion, StoredRun
from bakeoff.tracking.story import LONGEST_NOTE, Story
from bakeoff.tracking.views import RANKING, VARIANTS

Tags = Mapping[str, str]

ALIAS = "champion"
"""The alias of a registered model's best version."""
LONGEST = 4900  # characters of a registered model's description: its column has 5,000

SEARCHES = (
    "A variant is a run whose figures are means over its seeds (`test_sd/` is their spread); its seeds "
    "are the runs below it. The baselines are below the run `comparison`. Useful searches: "
    "`tags.superseded = 'no'` hides what a changed configuration replaced, `tags.kind = 'variant'` "
    "shows one row per variant, `tags.kind = 'run'` every seed, `tags.kind = 'pretraining'` what "
    "variants started from (their param `options.weights`)."
)


def of_experiment(
    experiment_id: str, name: str, runs: Sequence[Tags], comparisons: Sequence[StoredRun]
) -> str:
    """An experiment's description; its first line is what the page shows before it is unfolded.

    `runs` are the tags of the trained runs, `comparisons` the runs that have the reports: one, unless
    bake-offs share an experiment.
    """
    places = {
        "Variants, seeds below": links.runs(experiment_id, VARIANTS),
        f"ranking by {PRIMARY}": links.runs(experiment_id, RANKING),
        "learning curves": links.runs(experiment_id, VARIANTS, charts=True),
    }
    for comparison in comparisons:
        report = "report" if len(comparisons) == 1 else f"report of {comparison.tags['results']}"
        places[report] = links.artifact(experiment_id, comparison.id, "report.html")
    shown = " · ".join(f"[{text}]({place})" for text, place in places.items())
    variants = dict.fromkeys(tags.get("variant", "") for tags in runs)
    counts = f": {_count(len(variants), 'variant')}, {_count(len(runs), 'run')}" if runs else ""
    what = f"The bake-off {code(name)}{counts}. {origin(runs)}"
    return "\n".join([shown, "", what.strip(), "", *whole(runs), "", SEARCHES])


def of_variant(seeds: Sequence[Story]) -> str:
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
    says = {
        "report.html": "the report",
        "comparison.csv": "a row per variant and baseline",
        "splits/audit.json": "what was checked of the splits",
    }
    files = "; ".join(f"`{path}` is {says[path]}" for path in paths)
    what = (
        f"The comparison of the bake-off {code(name)}, from the split to the report. Among its "
        f"artifacts {files}. {origin(runs)}"
    )
    return "\n".join([what.strip(), "", *whole(runs)])


def of_baseline(name: str, variant: str, what: str, runs: Sequence[Tags]) -> str:
    """The description of a baseline; `what` are its own words of what it predicts from."""
    said = f"The baseline {code(variant)} of the bake-off {code(name)}, which sees no image"
    text = f"{said}{': ' + what if what else ''}. {origin(runs)}"
    return "\n".join([text.strip(), "", *whole(runs)])


def of_model(name: str, experiment: str) -> str:
    """The description of a registered model: it stands while versions come and go."""
    return (
        f"The best variants of the bake-off {code(experiment)}, by their mean AUROC over seeds on the test "
        f"images. The version with the alias `{ALIAS}` is the best one so far; each says what it is.\n\n"
        f"{_load(f'models:/{name}@{ALIAS}')}"
    )


def of_version(name: str, version: ModelVersion, run: StoredRun) -> str:
    """The description of a version of a registered model, made of the weights of `run`."""
    tags = version.tags
    what = (
        f"The variant `{tags.get('variant', '?')}`, with the weights of seed {tags.get('seed', '?')}, "
        f"which was the best one on validation: the run "
        f"[{run.name}]({links.run(run.experiment_id, run.id)}). {origin([run.tags])}"
    )
    again = "\n".join(reproduction([run.tags]))
    return f"{what.strip()}\n\n{_load(f'models:/{name}/{version.number}')}\n\n{again}".strip()[
        :4900
    ]


def _number(story: Story) -> int:
    return story.run.seed if story.run else 0


def _load(uri: str) -> str:
    return (
        "Load it with\n\n```python\nfrom pathlib import Path\n\nimport mlflow\nimport pandas\n\n"
        f"model = mlflow.pyfunc.load_model({uri!r})\n"
        'model.predict(pandas.DataFrame({"image": [Path("one.png").read_bytes()]}))\n```\n\n'
        "It takes whole PNG or JPEG files and gives each a `score`, the probability of the positive "
        "class. MLFLOW_TRACKING_URI has to be the address of this MLflow."
    )


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
