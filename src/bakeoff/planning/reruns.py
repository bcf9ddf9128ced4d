"""Which finished runs and pretrainings Snakemake would train again, and why: told before it happens.

A digest only says that something changed. What it was is worked out from run.json: the configuration of
then against that of now, key by key; and the code, by its digest or, where an earlier version noted none,
by what the configuration of then is planned with today. Files that are newer than what was made of them
make Snakemake run stages too; that is not told here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from bakeoff.config.accepted import planned_digest, planned_pretraining_digest
from bakeoff.config.changes import changes, section_changes
from bakeoff.config.digest import CODE_LETTERS, PRETRAINER, TRAINER
from bakeoff.config.experiment import Experiment, Run, Variant
from bakeoff.config.pretraining import MEANINGLESS, Pretraining
from bakeoff.config.schema import UNCOUNTED, Data, Image, Masking, Split, Training
from bakeoff.errors import ConfigError
from bakeoff.layout import Layout, PretrainingFolder, RunFolder
from bakeoff.models import equivalent
from bakeoff.planning.planned_then import planned_then, pretraining_planned_then
from bakeoff.planning.recorded import Recorded, recorded
from bakeoff.weights.source import PREFIX

Kind = Literal["code", "trainer", "configuration", "data", "weights", "unknown"]
CODE: tuple[Kind, ...] = ("code", "trainer")
NOT_COUNTED = ("seeds", "recipe", *UNCOUNTED)  # of `training`: no reason to train again


@dataclass(frozen=True)
class Reason:
    """One thing that changed since; only another code, the model's or the trainer's, may compute the same."""

    kind: Kind
    text: str


@dataclass(frozen=True)
class Rerun:
    """A finished run or pretraining that would be trained again."""

    name: str  # the variant's; of a pretraining `pretraining/<name>`
    seed: int | None  # a pretraining has none
    folder: RunFolder
    recorded: Recorded
    reasons: tuple[Reason, ...]

    @property
    def by_code_alone(self) -> bool:
        """Whether it may be kept, if the code of now computes the same."""
        return all(reason.kind in CODE for reason in self.reasons)

    @property
    def why(self) -> str:
        """The reasons, in words."""
        return "; ".join(reason.text for reason in self.reasons)

    def __str__(self) -> str:
        return self.name if self.seed is None else f"{self.name}, seed {self.seed}"


def reruns(experiment: Experiment, layout: Layout) -> list[Rerun]:
    """Every finished pretraining and run that would be trained again, in the configuration's order.

    Opens run.json, accepted.json and files of pretrained weights, nothing else. ConfigError where the
    record of acceptances cannot be read.
    """
    found: list[Rerun] = []
    for one in experiment.started_from():
        place = layout.pretraining(one.name)
        if (then := recorded(place)) is not None:
            reasons = tuple(_of_pretraining(then, one, place, experiment))
            found += [Rerun(one.weights, None, place, then, reasons)] if reasons else []
    started = {rerun.name: rerun for rerun in found}
    for run in experiment.runs():
        folder = layout.run(run.variant.name, run.seed)
        if (then := recorded(folder)) is not None:
            start = started.get(f"{PREFIX}{run.variant.pretraining}")
            reasons = tuple(_of_run(then, run, folder, experiment, layout, start))
            found += [Rerun(run.variant.name, run.seed, folder, then, reasons)] if reasons else []
    return found


def _of_run(
    then: Recorded,
    run: Run,
    folder: RunFolder,
    experiment: Experiment,
    layout: Layout,
    start: Rerun | None,
) -> list[Reason]:
    variant, data = run.variant, experiment.data
    reasons = [*_of_data(then, experiment)]
    if start is not None:
        kind: Kind = "code" if start.by_code_alone else "weights"
        reasons.append(Reason(kind, f"it starts from {start.name}, which would be made again"))
    if then.planned != planned_digest(run, data, folder):
        reasons += [*_of_variant(then, variant), *_of_weights(then, variant)]
        reasons += [*_of_code(then, variant, planned_then(then, run, data, layout), reasons)]
    return reasons


def _of_pretraining(
    then: Recorded, pretraining: Pretraining, folder: PretrainingFolder, experiment: Experiment
) -> list[Reason]:
    reasons = [*_of_data(then, experiment)]
    if then.planned != planned_pretraining_digest(pretraining, folder):
        masking, earlier = pretraining.masking.model_dump(mode="json"), then.config.get("masking")
        reasons += [*_of_variant(then, pretraining.variant, MEANINGLESS)]
        reasons += [*_edits(section_changes(Masking, "masking", earlier or {}, masking))]
        if then.pretrainer != PRETRAINER:
            text = f"version {then.pretrainer} -> {PRETRAINER} (trained by {then.origin})"
            reasons.append(Reason("trainer", f"the pretrainer changed, {text}"))
        now = pretraining_planned_then(then, pretraining)
        reasons += [*_of_code(then, pretraining.variant, now, reasons)]
    return reasons


def _of_data(then: Recorded, experiment: Experiment) -> Iterator[Reason]:
    """What splits, packs and so trains again."""
    data, split = experiment.data.model_dump(mode="json"), experiment.split.settings()
    for section, name, now in ((Data, "data", data), (Split, "split", split)):
        if earlier := then.config.get(name):
            for text in section_changes(section, name, earlier, now):
                # A section of its own in configurations.
                yield Reason(
                    "data", text.removeprefix("data.") if text.startswith("data.task.") else text
                )


def _of_variant(then: Recorded, now: Variant, unused: Sequence[str] = ()) -> Iterator[Reason]:
    """What was edited of the model, its options, the images and the training."""
    config = then.config
    if config.get("model") != now.model:
        yield Reason("configuration", f"model {config.get('model')} -> {now.model}")
    else:
        yield from _edits(changes(config.get("options") or {}, now.options))
    image, training = now.image.model_dump(mode="json"), now.training.model_dump(mode="json")
    yield from _edits(section_changes(Image, "image", config.get("image") or {}, image))
    counted = training.keys() - {*NOT_COUNTED, *unused}
    earlier = config.get("training") or {}
    yield from _edits(section_changes(Training, "training", earlier, training, counted))


def _edits(texts: Iterator[str]) -> Iterator[Reason]:
    yield from (Reason("configuration", text) for text in texts)


def _of_weights(then: Recorded, variant: Variant) -> Iterator[Reason]:
    """Another file under the name that the run started from."""
    weights, before = variant.weights, then.weights.get("sha256")
    same_name = weights is not None and then.weights.get("name") == weights.name
    # Published weights are their name.
    if weights is None or not same_name or weights.kind == "timm":
        return
    try:
        now = weights.content()
    except ConfigError as error:
        yield Reason("weights", str(error))
        return
    if now != before:
        texts = f"SHA-256 {str(before)[:12]} -> {now[:12]}"
        yield Reason("weights", f"{weights.file} is another file ({texts})")


def _of_code(
    then: Recorded, variant: Variant, planned: str | None, reasons: Sequence[Reason]
) -> Iterator[Reason]:
    """Whether the code is another: `planned` is what the configuration of then is planned with today."""
    model, by = str(then.config.get("model")), f"trained by {then.origin}"
    kinds = {reason.kind for reason in reasons}
    if then.trainer != TRAINER:
        kinds.add("trainer")
        yield Reason("trainer", f"the trainer changed, version {then.trainer} -> {TRAINER} ({by})")
    if then.code is not None and model == variant.model:
        if then.code != (now := equivalent.code(model)[:CODE_LETTERS]):
            yield Reason("code", f"the code of model {model} changed, {then.code} -> {now} ({by})")
        elif not kinds:
            yield Reason("unknown", f"its digest was {then.planned}; run.json does not say why")
    elif then.planned is None:
        return  # made by hand: Snakemake knows nothing of it, and keeps it
    elif planned is None:
        yield Reason("unknown", f"run.json is of another version, and cannot be read whole ({by})")
    elif not kinds & {"weights", "trainer"} and planned != then.planned:
        # With other weights, or another trainer, nothing follows from the digest of then.
        yield Reason("code", f"the code of model {model} changed ({by})")
