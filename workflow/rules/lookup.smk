# What the rules look up: the experiment, where its files are, and how its config is passed on.
from functools import partial
from inspect import signature

from bakeoff.config import digest
from bakeoff.config.accepted import planned_digest, planned_pretraining_digest
from bakeoff.config.arguments import config_arguments, read_snakemake, source_of
from bakeoff.config.experiment import Experiment
from bakeoff.config.packing import Packing
from bakeoff.config.rounds import read_rounds
from bakeoff.config.run_packs import run_packs
from bakeoff.planning.summary import gpu_hint, require_ready, summarise
from bakeoff.weights.source import require_files
from bakeoff.data.class_folders import listing_digest
from bakeoff.errors import BakeoffError
from bakeoff.layout import Layout
from bakeoff.planning.alike import Alike
from bakeoff.planning.left_packs import had_packs, left_pack
from bakeoff.task.words import words_of
from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

# Snakemake's own `config` has text where `--config` nests values; these are its files and arguments as written.
# In a module, which is one of the ways in which the data is split, `config` has its name: see parts.smk.
IS_PART = list(config) == ["part"]
WRITTEN = (
    workflow.configfiles,
    [
        *workflow.config_settings.config_args,
        *([f"split.part={config['part']}"] if IS_PART else []),
    ],
)

try:
    EXPERIMENT = Experiment.parse(read_snakemake(*WRITTEN), source_of(*WRITTEN))
    require_files(EXPERIMENT.weights())
    if workflow.is_main_process and not EXPERIMENT.parts:
        require_ready(EXPERIMENT, workflow.configfiles)
except BakeoffError as error:
    raise WorkflowError(str(error)) from None

RESULTS = EXPERIMENT.root
LAYOUT = Layout(RESULTS)
CONFIG = config_arguments(*WRITTEN)
RUNS = list(EXPERIMENT.runs())
PACKS = run_packs(RUNS)
PACK_OF = {run.name: number for number, pack in PACKS.items() for run in pack}
TASK = EXPERIMENT.task
PUBLISHED = {
    w.published_as: w.file for w in EXPERIMENT.weights().values() if w.kind == "timm"
}


wildcard_constraints:
    # Not the names themselves: Snakemake writes this into every path, and searches them for every job.
    variant=r"[^/]+",
    pretraining=r"[^/]+",
    seed=r"\d+",
    size=r"\d+",
    kind=r"-(colour|crop)[a-z0-9.-]*",
    number=r"\d+",
    pack=r"\d+",


def passed_on(wildcards, output):
    """The config as arguments, for `params`.

    Snakemake does not compare parameters that are derived from `output`, and so does not run a job
    again because of another file's name: what changed is in the job's digest.
    """
    return CONFIG


# Snakemake asks for the parameters of a function three times for every job; this it finds at once.
passed_on.__signature__ = signature(passed_on)


def run_of(wildcards):
    return EXPERIMENT.with_rounds().run(wildcards.variant, int(wildcards.seed))


def planned_run(wildcards):
    """The digest of a run, or the one that it was trained under where `bakeoff accept` kept it."""
    run = run_of(wildcards)
    return planned_digest(run, EXPERIMENT.data, LAYOUT.run(run.variant.name, run.seed))


def planned_pretraining(wildcards):
    return planned_pretraining_digest(
        pretraining_of(wildcards), LAYOUT.pretraining(wildcards.pretraining)
    )


def pack_of(wildcards):
    """The runs of a job that trains several."""
    return PACKS[int(wildcards.pack)]


def planned_pack(wildcards):
    """Each run of a pack with its digest, as options."""
    return " ".join(
        f"--run {run.name}@{planned_digest(run, EXPERIMENT.data, LAYOUT.run(run.variant.name, run.seed))}"
        for run in pack_of(wildcards)
    )


def of_pack(files):
    """What each run of a pack takes, each file once; `files` looks at the variant alone."""

    def of(wildcards):
        every = [files(run.variant) for run in pack_of(wildcards)]
        return list(
            dict.fromkeys(
                one
                for found in every
                for one in (found if isinstance(found, list) else [found])
            )
        )

    return of


def trained(name):
    """A file that a run's training makes, once the pack of the run, if it has one, was trained."""
    file = RESULTS / "runs/{variant}/seed-{seed}" / name
    if not PACKS:
        return file

    def of(wildcards):
        if (
            number := PACK_OF.get(f"{wildcards.variant}/seed-{wildcards.seed}")
        ) is not None:
            checkpoints.train_pack.get(pack=number)
        return str(file).format(variant=wildcards.variant, seed=wildcards.seed)

    return of


def alone(files):
    """The inputs of a run's training by itself, and those of one that its pack trained: as old as they may be.

    What the pack made of them has no job of its own that Snakemake knows of, so their times would count.
    """
    if not PACKS:
        return files

    def of(wildcards):
        found = files(wildcards) if callable(files) else files
        packed = f"{wildcards.variant}/seed-{wildcards.seed}" in PACK_OF
        return ancient(found) if packed and found else found

    return of


def out_of_pack(wildcards):
    """What a run's training by itself has as input since the run left its pack."""
    packed = f"{wildcards.variant}/seed-{wildcards.seed}" in PACK_OF
    planned = None if packed else planned_run(wildcards)
    return left_pack(LAYOUT, wildcards.variant, int(wildcards.seed), planned)


# Not asked for each run where there never was a pack.
HAD_PACKS = had_packs(LAYOUT)


def variant_of(wildcards):
    """The variant of a run, or of the first one of a pack; a pretraining has one of its own."""
    if hasattr(wildcards, "pack"):
        return pack_of(wildcards)[0].variant
    if hasattr(wildcards, "pretraining"):
        return pretraining_of(wildcards).variant
    return EXPERIMENT.variant(wildcards.variant)


ALIKE = Alike(
    [*EXPERIMENT.variants, *(one.variant for one in EXPERIMENT.pretrainings)],
    variant_of,
)


def packs_of(variant):
    """The packs of a run: of images to train on there may be a larger one."""
    ways = dict.fromkeys((variant.image.packing, variant.image.training_packing))
    return [way.folder(LAYOUT) / "images.npy" for way in ways]


def start_of(variant):
    return [] if variant.weights is None else variant.weights.file


packed_for = ALIKE.answer(packs_of)
weights_for = ALIKE.answer(start_of)
threads_of = ALIKE.answer(lambda variant: variant.training.threads)


def packing_of(wildcards):
    """What a pack holds that its folder names so: see `Packing`."""
    ways = (packing for packing in EXPERIMENT.packings() if packing.kind)
    name = f"size-{wildcards.size}{wildcards.kind}"
    return next(way for way in ways if f"size-{way.size}{way.kind}" == name)


def packed_otherwise(wildcards, output):
    """The config, and the options of such a pack."""
    return passed_on(wildcards, output) + packing_of(wildcards).options()


def pretraining_of(wildcards):
    return EXPERIMENT.pretraining(wildcards.pretraining)


def pretrained_on(wildcards):
    if pretraining_of(wildcards).masking.images is None:
        return packs_of(variant_of(wildcards))
    return RESULTS / f"pretraining/{wildcards.pretraining}/packed/images.npy"


def patients_of(wildcards):
    return pretraining_of(wildcards).masking.patients or []


def asks(name):
    """What a run asks of the cluster; Snakemake leaves a resource that is None unset."""
    return ALIKE.answer(lambda variant: variant.resources.asked().get(name) or None)


def account(wildcards):
    """Who pays for a light stage; its partition is not that of the training jobs, with their GPUs."""
    return EXPERIMENT.slurm_account


def in_captions(wildcards, output):
    """The words of the report's captions; derived, so that other words make no report again."""
    return {"metric": EXPERIMENT.metric, "task": TASK, "words": words_of(TASK)}


def of_runs(runs, file):
    return [RESULTS / f"runs/{run.variant.name}/seed-{run.seed}/{file}" for run in runs]


def of_every_run(file, made_by_packs=False):
    """By a function: a named list Snakemake would hash as a whole for every file in it."""
    if made_by_packs and PACKS:
        return lambda wildcards: of_runs(every_trained(), file)
    if not EXPERIMENT.adaptive:
        return lambda wildcards: of_runs(RUNS, file)
    # Which runs there are is known when the last round is decided.
    return lambda wildcards: of_runs(every_run(), file)


def every_trained():
    """Every run, once the packs are trained."""
    for number in PACKS:
        checkpoints.train_pack.get(pack=number)
    return every_run() if EXPERIMENT.adaptive else RUNS


def every_run():
    """The runs of the configuration and those that rounds have added; waits for the rounds."""
    number = 1
    while True:
        checkpoints.round.get(number=number)
        if read_rounds(LAYOUT)[number - 1].ended:
            return list(EXPERIMENT.with_rounds(number).runs())
        number += 1


def runs_of_round(wildcards):
    """The validation predictions that a round decides on, and the round before it."""
    before = int(wildcards.number) - 1
    if before:
        checkpoints.round.get(number=before)
    runs = EXPERIMENT.with_rounds(before).runs()
    last = [LAYOUT.round(before)] if before else []
    return of_runs(runs, "predictions/val.csv") + last


def compared_runs(wildcards, input):
    """The digest of all runs that are compared, once they are known."""
    return digest.runs_digest(EXPERIMENT.with_rounds().runs(), EXPERIMENT.compare)


def made_in_the_end():
    """All that a bake-off is to make; where the data is split several ways, of each way and of all together."""
    if EXPERIMENT.parts:
        every = [getattr(rules, f"{part.split_as}_all") for part in EXPERIMENT.parts]
        return [
            *rules.compare.output,
            *rules.report.output,
            *(f for one in every for f in one.input),
        ]
    every = of_every_run if EXPERIMENT.adaptive else partial(of_runs, RUNS)
    return [
        RESULTS / "report.html",
        RESULTS / "report.json",
        RESULTS / "comparison.csv",
        RESULTS / "conclusion.json",
        rules.report.output.figures,
        RESULTS / "splits/audit.json",
        (
            of_every_run("best.safetensors", made_by_packs=True)
            if PACKS
            else every("best.safetensors")
        ),
        every("predictions/test.csv"),
        RESULTS / "tracked.json",
        RESULTS / "registered.json",
        every("figures/index.json"),
    ]


onstart:
    # Not print: Snakemake's rich bars exchange sys.stdout in a thread, which crashes a print that is going on.
    logger.info(summarise(EXPERIMENT))
    if workflow.non_local_exec and gpu_hint(EXPERIMENT):
        logger.info(gpu_hint(EXPERIMENT))
