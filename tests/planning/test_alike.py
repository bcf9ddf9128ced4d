"""Answers of variants to what their jobs ask."""

from types import SimpleNamespace

from bakeoff.config.experiment import Experiment
from bakeoff.planning.alike import Alike


def gpus(**other: object) -> object:
    of = Experiment.parse(
        {
            "experiment": "test",
            "data": {"source": "synthetic", "labels": "labels.csv", "images": "images"},
            "image": {"size": 128},
            "variants": {"one": {"model": "conv"}, "two": {"model": "conv", **other}},
        }
    )
    alike = Alike(of.variants, lambda wildcards: of.variant(wildcards.variant))
    return alike.answer(lambda variant: variant.resources.gpu or None)


def test_what_all_variants_answer_alike_is_a_value_and_no_function() -> None:
    assert gpus() is None
    assert gpus(resources={"gpu": 0}) is None


def test_where_variants_differ_each_jobs_variant_answers() -> None:
    asked = gpus(resources={"gpu": 2})
    assert callable(asked)
    assert [asked(SimpleNamespace(variant=name)) for name in ("one", "two")] == [None, 2]
