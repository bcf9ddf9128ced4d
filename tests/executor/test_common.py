"""The tests that Snakemake asks of every executor plugin, on the real SLURM."""

import pytest
import snakemake.common.tests
from snakemake_interface_executor_plugins.settings import ExecutorSettingsBase

from snakemake_executor_plugin_submitit import ExecutorSettings


@pytest.mark.cluster
@pytest.mark.slow
@pytest.mark.usefixtures("slurm")
class TestSlurm(snakemake.common.tests.TestWorkflowsLocalStorageBase):
    __test__ = True

    def get_executor(self) -> str:
        return "submitit"

    def get_executor_settings(self) -> ExecutorSettingsBase | None:
        return ExecutorSettings(cluster="slurm", poll=0.2)
