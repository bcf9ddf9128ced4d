"""What sbatch's words mean: a limit that others stand below, a fault of the job, or nobody there."""

import pytest

from snakemake_executor_plugin_submitit.slurm import errors

# sbatch ends with this at every limit of the accounting, whichever it is.
GENERIC = (
    "sbatch: error: Batch job submission failed: Job violates accounting/QOS policy "
    "(job submit limit, user's size and/or time limits)"
)


@pytest.mark.parametrize(
    "limit",
    [
        "AssocMaxSubmitJobLimit",
        "AssocGrpSubmitJobsLimit",
        "AssocMaxJobsLimit",
        "QOSMaxSubmitJobPerUserLimit",
        "QOSGrpSubmitJobsLimit",
        "QOSMaxJobsPerUserLimit",
        "QOSGrpJobsLimit",
        "MaxSubmitJobsPerAccount",
        "MaxJobsPerAccount",
    ],
)
def test_a_limit_on_the_number_of_jobs_is_waited_for(limit: str) -> None:
    assert errors.is_full(f"sbatch: error: {limit}\n{GENERIC}")


@pytest.mark.parametrize(
    "limit",
    [
        "AssocMaxWallDurationPerJobLimit",
        "AssocMaxCpuPerJobLimit",
        "AssocMaxMemPerJob",
        "AssocGrpGRES",
        "QOSMaxWallDurationPerJobLimit",
        "QOSMaxNodePerJobLimit",
        "QOSMaxCpuMinutesPerJobLimit",
        "QOSMaxGRESPerUser",
        "QOSMinCpuNotSatisfied",
        "MaxCpuPerAccount",
    ],
)
def test_a_limit_on_what_one_job_asks_for_is_a_fault_of_the_job(limit: str) -> None:
    assert not errors.is_full(f"sbatch: error: {limit}\n{GENERIC}")


def test_a_limit_that_is_not_named_may_be_one_on_the_number_of_jobs() -> None:
    assert errors.is_full(GENERIC)
    assert errors.is_full(
        "sbatch: error: Batch job submission failed: Invalid job array specification"
    )
    assert not errors.is_full(
        "sbatch: error: Batch job submission failed: Invalid qos specification"
    )
