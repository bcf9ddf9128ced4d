"""The jobs of a workflow as Snakemake itself makes them, none of which is run."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from snakemake.api import SnakemakeApi
from snakemake.settings.types import ConfigSettings, OutputSettings, Quietness, ResourceSettings


@contextmanager
def jobs_of(snakefile: Path, folder: Path, configs: Sequence[Path] = ()) -> Iterator[list[Any]]:
    """The jobs of a Snakefile's default target, with `folder` as working directory."""
    with SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
        workflow = api.workflow(
            resource_settings=ResourceSettings(cores=1),
            config_settings=ConfigSettings(configfiles=list(configs)),
            snakefile=snakefile,
            workdir=folder,
        )
        workflow.dag().list_untracked()
        yield list(workflow._workflow.dag.jobs)
