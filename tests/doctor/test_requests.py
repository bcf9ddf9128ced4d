"""What an experiment asks of SLURM: its variants, and the pretrainings that they start from."""

from bakeoff.doctor.requests import job_requests
from tests.config.test_experiment import parse


def test_a_pretraining_asks_too_if_a_variant_starts_from_it() -> None:
    pretraining = {
        name: {"model": "vit_b16", "resources": {"gpu": 1, "runtime": minutes}}
        for name, minutes in (("used", 90), ("unused", 70))
    }
    variants = {"vit": {"model": "vit_b16", "weights": "pretraining/used"}}
    experiment = parse(pretraining=pretraining, variants=variants)
    asking = {request.who: request for request in job_requests(experiment, {}, "", "")}
    assert asking.keys() == {"a light stage", "vit", "pretraining/used"}
    assert asking["pretraining/used"].request.runtime == 90


def test_the_experiments_account_pays_for_the_light_stages_too_and_its_partition_is_for_training() -> (
    None
):
    resources = {"slurm_account": "research", "slurm_partition": "gpus"}
    experiment = parse(resources=resources)
    light, training = job_requests(experiment, {}, "", "")
    assert (light.option("account"), light.option("partition")) == ("research", "")
    assert (training.option("account"), training.option("partition")) == ("research", "gpus")
    light, _ = job_requests(experiment, {}, "other", "")
    assert light.option("account") == "other"
