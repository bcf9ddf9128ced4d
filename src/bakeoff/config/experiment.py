"""An experiment: its sections, and the variants that its grids expand to, each fully resolved."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from bakeoff.config.accepted import planned_pretraining_digest
from bakeoff.config.load import parse
from bakeoff.config.packing import Packing
from bakeoff.config.pretraining import Pretraining, mismatch, parse_pretraining
from bakeoff.config.rounds import read_rounds, with_added
from bakeoff.config.schema import Compare, Data, Name, Section, Split, Task, Tracking
from bakeoff.config.task import fit_training, with_task
from bakeoff.config.variants import OVERRIDABLE, Run, Variant, expand
from bakeoff.errors import ConfigError
from bakeoff.layout import Layout
from bakeoff.spelling import did_you_mean
from bakeoff.task.classification import ClassificationTask, Metric
from bakeoff.task.kinds import recorded_task
from bakeoff.weights.source import Weights

__all__ = ["Experiment", "Run", "Variant"]  # what an experiment is made of, from one place


class Top(Section):
    """A whole configuration as written; sections that variants override are checked with each of them."""

    experiment: Name  # its results go to a folder of this name
    results: Path = Path("results")  # the folder above that
    weights_folder: Path = Path("data/weights")  # where published weights are kept
    task: Task = Task()
    data: Data
    split: Split = Split()
    compare: Compare = Compare()
    image: dict[str, Any] = {}
    training: dict[str, Any] = {}
    resources: dict[str, Any] = {}
    tracking: Tracking = Tracking()
    pretraining: dict[str, Any] = {}
    variants: dict[str, Any]  # what is compared: names, each with a model


@dataclass(frozen=True)
class Experiment:
    """A whole bake-off, every default filled in and every grid expanded."""

    name: str
    results: Path
    weights_folder: Path
    data: Data
    split: Split
    tracking: Tracking
    variants: tuple[Variant, ...]
    pretrainings: tuple[Pretraining, ...] = ()
    slurm_account: str | None = None  # of the stages that belong to no variant
    compare: Compare = field(default_factory=Compare)
    files: tuple[Path, ...] = ()  # that it was read from
    parts: tuple["Experiment", ...] = ()  # where the data is split several ways: each way
    split_as: str = ""  # the name of this way, where it is one of several

    @classmethod
    def parse(cls, values: Mapping[str, Any], source: str = "config") -> "Experiment":
        """Check a configuration read from `source` (a file's name, for the errors).

        Where it splits the data several ways (split.repeats, folds, designs), each way is one of `parts`, an
        experiment of its own that is named experiment/part; with `split.part` it is that one.
        Raises ConfigError that lists each key with what is wrong and the nearest valid one.
        """
        top = parse(Top, values, where="", source=source)
        if top.split.part is not None:
            return cls._parse(_part(top, top.split.part), source, top.split.part)
        found = cls._parse(top, source)
        parts = [cls._parse(_part(top, name), source, name) for name in top.split.part_names]
        return replace(found, parts=tuple(parts))

    @classmethod
    def _parse(cls, top: Top, source: str, split_as: str = "") -> "Experiment":
        layout = Layout(top.results / top.experiment)
        data = with_task(top.data, top.task, source).recording(recorded_task(layout.audit))
        task = data.classification
        try:
            metric = task.metric(top.compare.metric)
        except ValueError as error:
            raise ConfigError(
                f"{source}: compare.metric: {error}.{_recorded(data, layout)}"
            ) from None
        if metric.bounded and top.compare.margin is not None and top.compare.margin >= 1:
            raise ConfigError(
                f"{source}: compare.margin: {top.compare.margin:g} is no smaller than any difference in "
                f"{metric}, which is in 0..1: expected a difference that does not matter, for example 0.02."
            )
        base = {key: getattr(top, key) for key in OVERRIDABLE}
        base["training"] = {**fit_training(task), **base["training"]}
        for key, section in OVERRIDABLE.items():
            parse(section, base[key], where=key, source=source)  # errors once, not per variant
        if not top.variants:
            raise ConfigError(f"{source}: variants: expected at least one variant, found none.")
        pretrainings = {}
        made = {}
        for name, spec in top.pretraining.items():
            one = parse_pretraining(str(name), spec, base, source, task)
            pretrainings[one.name] = one
            folder = layout.pretraining(one.name)
            digest = planned_pretraining_digest(one, folder)
            made[one.name] = Weights("pretraining", one.weights, folder.best, digest)
        sources = (top.weights_folder, made)
        variants: dict[str, Variant] = {}
        for name, spec in top.variants.items():
            for variant in expand(str(name), spec, base, sources, source, task):
                if variant.name in variants:
                    raise ConfigError(f"{source}: variants.{variant.name}: named twice.")
                variants[variant.name] = variant
                start = variant.pretraining
                if start and (why := mismatch(variant, pretrainings[start])):
                    raise ConfigError(f"{source}: variants.{variant.name}.weights: {start}: {why}.")
        if top.compare.until is not None:
            _require_room(top.compare, variants.values(), source)
        split = top.split
        if "group_by" not in split.model_fields_set:
            split = split.model_copy(update={"group_by": data.patient_column})
        return cls(
            name=top.experiment,
            results=top.results,
            weights_folder=top.weights_folder,
            data=data,
            split=split,
            tracking=top.tracking,
            variants=tuple(variants.values()),
            pretrainings=tuple(pretrainings.values()),
            slurm_account=base["resources"].get("slurm_account"),
            compare=top.compare,
            split_as=split_as,
        )

    @property
    def root(self) -> Path:
        """The folder of its results."""
        return self.results / self.name

    @property
    def each(self) -> tuple["Experiment", ...]:
        """The experiments that are run: its parts, or where the data is split one way, itself."""
        return self.parts or (self,)

    def compared_parts(self) -> tuple[str | None, list[tuple[str, Iterator[Run], Compare]]]:
        """By which key of `split` there are parts, and each with its runs and how they are compared."""
        parts = [(one.split_as, one.runs(), one.compare) for one in self.parts]
        return self.split.several, parts

    def with_part(self, overrides: Iterable[str]) -> tuple[str, ...]:
        """What overrides the configuration (`--set`) so that it is this experiment, a part too."""
        named = f"split.part={self.split_as}"
        return (*overrides, named) if self.split_as and named not in overrides else (*overrides,)

    @property
    def adaptive(self) -> bool:
        """Whether seeds are added round by round."""
        return self.compare.until is not None

    def with_rounds(self, most: int | None = None) -> "Experiment":
        """The experiment with the seeds that its rounds, or the first `most` of them, have added so far."""
        if not self.adaptive:
            return self
        if self.parts:
            return replace(self, parts=tuple(one.with_rounds(most) for one in self.parts))
        rounds = read_rounds(Layout(self.root))[:most]
        return replace(self, variants=with_added(self.variants, rounds))

    @property
    def tracked_as(self) -> str:
        """The name of the experiment in MLflow."""
        return self.tracking.experiment or self.name

    @property
    def alone(self) -> str:
        """The name that one of its runs gets as an experiment by itself: no folder below another."""
        return self.name.replace("/", "-")

    @property
    def task(self) -> ClassificationTask:
        """What is to be told apart; its classes are known once there is a split."""
        return self.data.classification

    @property
    def metric(self) -> Metric:
        """The metric by which variants are compared."""
        return self.task.metric(self.compare.metric)

    def unmeasurable(self, task: ClassificationTask) -> list[str]:
        """What is asked for that the task, with the classes of the data, has no metric for, key by key.

        Before the data is read such a task may have any number of classes, and nothing is refused.
        """
        asked: list[tuple[str, Callable[[], object]]] = [
            ("compare.metric", partial(task.metric, self.compare.metric))
        ]
        for variant in self.variants:
            key = f"variants.{variant.name}.training.select_on"
            asked.append((key, partial(task.selection, variant.training.select_on)))
        source = " + ".join(map(str, self.files))
        problems = []
        for key, ask in asked:
            try:
                ask()
            except ValueError as error:
                problems.append(f"{source}: {key}: {error}.".removeprefix(": "))
        return problems

    def require_measured(self, task: ClassificationTask) -> None:
        """Raise ConfigError for all that is `unmeasurable`."""
        if problems := self.unmeasurable(task):
            raise ConfigError("\n".join(problems))

    def runs(self) -> Iterator[Run]:
        """Every run, in the order of the configuration."""
        for variant in self.variants:
            for seed in variant.training.seeds:
                yield Run(variant, seed)

    def settings(self, variant: Variant) -> dict[str, Any]:
        """The whole configuration of a run of that variant, in the format of run.json: plain JSON values."""
        return {
            **variant.model_dump(mode="json", exclude={"name"}),
            "data": self.data.model_dump(mode="json"),
            "split": self.split.settings(),
            "task": self.task.as_json(),
        }

    def weights(self) -> dict[str, Weights]:
        """The weights of each variant that does not start afresh, by the variant's name."""
        return {v.name: v.weights for v in self.variants if v.weights is not None}

    def expected_seeds(self) -> list[tuple[str, tuple[int, ...]]]:
        """The seeds that each variant should have, by its name."""
        return [(variant.name, variant.training.seeds) for variant in self.variants]

    def packings(self) -> list[Packing]:
        """How the images are packed for the variants and their pretrainings, each way once."""
        needed = [*self.variants, *(one.variant for one in self.started_from())]
        images = [variant.image for variant in needed]
        ways = {way for image in images for way in (image.packing, image.training_packing)}
        return sorted(ways, key=lambda way: (way.size, way.kind))

    def started_from(self) -> list[Pretraining]:
        """The pretrainings that a variant starts from; the others are not run."""
        names = {variant.pretraining for variant in self.variants}
        return [one for one in self.pretrainings if one.name in names]

    def variant(self, name: str) -> Variant:
        """The variant of that name; ConfigError with the known names where there is none."""
        if name in self._by_name:
            return self._by_name[name]
        known = ", ".join(variant.name for variant in self.variants)
        hint = did_you_mean(name, (variant.name for variant in self.variants))
        raise ConfigError(
            f"variant '{name}': not in experiment '{self.name}', which has {known}. {hint}".rstrip()
        )

    @cached_property
    def _by_name(self) -> dict[str, Variant]:
        return {variant.name: variant for variant in self.variants}

    def pretraining(self, name: str) -> Pretraining:
        """The pretraining of that name; ConfigError with the known names where there is none."""
        for pretraining in self.pretrainings:
            if pretraining.name == name:
                return pretraining
        known = ", ".join(pretraining.name for pretraining in self.pretrainings) or "none"
        hint = did_you_mean(name, (pretraining.name for pretraining in self.pretrainings))
        raise ConfigError(
            f"pretraining '{name}': experiment '{self.name}' has {known}. {hint}".rstrip()
        )

    def run(self, name: str, seed: int) -> Run:
        """The run of that variant and seed; ConfigError with the known seeds where there is none."""
        variant = self.variant(name)
        if seed not in variant.training.seeds:
            known = ", ".join(map(str, variant.training.seeds))
            raise ConfigError(f"variant '{name}': seed {seed} is not one of its seeds {known}.")
        return Run(variant, seed)


def _part(top: Top, name: str) -> Top:
    """The configuration of one of the ways in which the data is split."""
    tracked_as = top.tracking.experiment
    tracking = {"experiment": f"{tracked_as}/{name}"} if tracked_as else {}
    return top.model_copy(
        update={
            "experiment": f"{top.experiment}/{name}",
            "split": top.split.of_part(name),
            "tracking": top.tracking.model_copy(update=tracking),
        }
    )


def _require_room(compare: Compare, variants: Iterable[Variant], source: str) -> None:
    """Raise ConfigError where a variant begins with more seeds than any may come to have."""
    for variant in variants:
        if len(variant.training.seeds) > compare.most_seeds:
            raise ConfigError(
                f"{source}: compare.max_seeds: {compare.most_seeds} is less than the "
                f"{len(variant.training.seeds)} seeds of {variant.name} (training.seeds)."
            )


def _recorded(data: Data, layout: Layout) -> str:
    """Where the classes were found that an error is about, if the configuration leaves them to the data."""
    if not data.written_task.is_open or data.classification.is_open:
        return ""
    return (
        f" The classes are those of {layout.audit}; if the data has others by now, delete "
        f"{layout.splits} first."
    )
