"""The tests that Snakemake asks of every executor plugin, with jobs as processes of this machine."""

import snakemake.common.tests
from snakemake_interface_executor_plugins.settings import ExecutorSettingsBase

from snakemake_executor_plugin_submitit import ExecutorSettings


class TestLocal(snakemake.common.tests.TestWorkflowsLocalStorageBase):
    __test__ = True

    def get_executor(self) -> str:
        return "submitit"

    def get_executor_settings(self) -> ExecutorSettingsBase | None:
        return ExecutorSettings(cluster="local", poll=0.2)
