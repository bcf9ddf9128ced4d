"""A pretraining in the configuration: what it may say, and what its digest hears of it."""

from pathlib import Path
from typing import Any

import pytest

from bakeoff.config.digest import pretraining_digest, run_digest
from bakeoff.config.experiment import Experiment
from bakeoff.errors import ConfigError
from bakeoff.planning.summary import summarise
from tests.config.test_experiment import parse


def pretraining(changes: dict[str, Any] | None = None, **top: Any) -> Experiment:
    spec = {"model": "vit_b16", "depth": 2, "training": {"epochs": 5}, **(changes or {})}
    return parse(pretraining={"mpp": spec}, **top)


def test_it_has_the_experiments_sections_under_its_own() -> None:
    found = pretraining({"masked": 0.4, "image": {"channels": 3}}).pretraining("mpp")
    assert (found.variant.image.size, found.variant.image.channels) == (224, 3)
    assert (found.variant.training.epochs, found.variant.training.lr) == (5, 1e-4)
    assert (found.variant.options["depth"], found.variant.options["width"]) == (2, 768)
    assert (found.masking.masked, found.masking.images, found.run.seed) == (0.4, None, 0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "vit_b17"}, "pretraining.mpp: model 'vit_b17' is not in the zoo. Did you mean"),
        ({"model": "conv"}, "pretraining.mpp.depth: unknown key"),
        ({"deep": 3}, "pretraining.mpp.deep: unknown key. Did you mean 'depth'?"),
        ({"mask": 0.1}, "pretraining.mpp.mask: unknown key. Did you mean 'masked'?"),
        ({"masked": 0}, "pretraining.mpp.masked: input should be greater than 0, found 0"),
        ({"patient_pattern": "("}, "pretraining.mpp.patient_pattern: '(' is no regular expression"),
        ({"patient_pattern": r"\\d+"}, "needs one group, the patient, and has 0"),
        ({"training": {"seeds": [1]}}, "training.seeds: means nothing here"),
        ({"training": {"loss": "bce"}}, "training.loss: means nothing here"),
        ({"training": {"epochs": 0}}, "pretraining.mpp.training.epochs: input should be greater"),
        (
            {"model": "r50_vit_b16"},
            "pretraining.mpp.model: masked-patch pretraining needs a Vision",
        ),
        ({"stride": 8}, "pretraining.mpp.stride: patches of 16 pixels every 8 overlap"),
        ({"train": "head"}, "pretraining.mpp.train: 'head' freezes what is to be pretrained"),
        ({"weights": "some.safetensors"}, "pretraining.mpp.weights: a pretraining starts afresh"),
    ],
)
def test_a_mistake_is_named_with_the_way_out(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        pretraining(changes)
    assert str(error.value).startswith("config/test.yaml: pretraining.mpp") and message in str(
        error.value
    )


def vit(**keys: Any) -> dict[str, Any]:
    return {"vit": {"model": "vit_b16", "depth": 2, "weights": "pretraining/mpp", **keys}}


def test_a_variant_names_the_pretraining_that_it_starts_from(tmp_path: Path) -> None:
    experiment = pretraining(results=str(tmp_path), variants={**vit(), "conv": {"model": "conv"}})
    weights = experiment.variant("vit").weights
    assert weights is not None
    assert weights.file == tmp_path / "test/pretraining/mpp/weights.safetensors"
    assert [v.pretraining for v in experiment.variants] == ["mpp", None]
    assert [one.name for one in experiment.started_from()] == ["mpp"]
    assert pretraining().started_from() == []


def test_another_pretraining_is_another_run_of_the_variants_that_start_from_it() -> None:
    variants = {**vit(), "conv": {"model": "conv"}}
    before, same, after = (
        [run_digest(run, made.data) for run in made.runs()]
        for made in (
            pretraining(changes, variants=variants)
            for changes in ({}, {"resources": {"gpu": 1}}, {"masked": 0.3})
        )
    )
    assert before == same
    assert [one == other for one, other in zip(before, after, strict=True)] == [False] * 2 + [
        True
    ] * 2


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (
            {"weights": "pretraining/other"},
            "weights: 'pretraining/other': the section 'pretraining' has mpp",
        ),
        ({"depth": 3}, "variants.vit.weights: mpp: it has depth 2 (here 3): give both the same"),
        ({"patch": 8, "width": 96}, "it has patch 16 (here 8), width 768 (here 96)"),
        ({"image": {"channels": 3}}, "it has image.channels 1 (here 3)"),
        ({"model": "r50_vit_b16"}, "model 'r50_vit_b16' has no weights for raw patches"),
        ({"model": "vpt_deep", "backbone": "vit_l16"}, "it has width 768 (here 1024), heads 12"),
    ],
)
def test_weights_that_cannot_fit_are_refused_before_anything_runs(
    keys: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError) as error:
        pretraining(variants=vit(**keys))
    assert str(error.value).startswith("config/test.yaml: variants.vit") and message in str(
        error.value
    )


@pytest.mark.parametrize(
    "keys",
    [
        {"stride": 8},
        {"image": {"size": 256}},
        {"model": "vit_b32", "patch": 16},
        {"model": "si_vit"},
        {"model": "vpt_shallow"},
        {"train": "head", "dropout": 0.1},
    ],
)
def test_what_the_weights_fit_may_start_from_them(keys: dict[str, Any]) -> None:
    assert pretraining(variants=vit(**keys)).started_from()


def test_it_is_counted_and_its_size_is_packed() -> None:
    changes = {"image": {"size": 96}, "resources": {"gpu": 1, "runtime": 120}}
    experiment = pretraining(changes, variants=vit())
    assert summarise(experiment) == (
        "test: 2 training runs (1 variant) and 1 pretraining, at most 4 h of job time and 2 GPU hours."
    )
    assert [one.size for one in experiment.packings()] == [96, 224]


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="pretraining 'other': experiment 'test' has mpp"):
        pretraining().pretraining("other")
    with pytest.raises(ConfigError, match="experiment 'test' has none"):
        parse().pretraining("other")


@pytest.mark.parametrize(
    "changes",
    [
        {"masked": 0.2},
        {"seed": 1},
        {"images": "folder"},
        {"depth": 3},
        {"training": {"epochs": 6}},
        {"image": {"size": 96}},
    ],
)
def test_what_changes_the_weights_changes_the_digest(changes: dict[str, Any]) -> None:
    assert digest(pretraining(changes)) != digest(pretraining())


@pytest.mark.parametrize(
    "top",
    [
        {"training": {"epochs": 9, "seeds": [3, 4], "select_on": "loss", "loss": "bce"}},
        {"resources": {"gpu": 1, "mem_mb": 64000}},
    ],
)
def test_what_does_not_change_the_weights_leaves_the_digest(top: dict[str, Any]) -> None:
    assert digest(pretraining(**top)) == digest(pretraining())


def digest(experiment: Experiment) -> str:
    return pretraining_digest(experiment.pretraining("mpp"))
