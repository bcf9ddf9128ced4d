"""Where the pickles of jobs that earlier versions submitted look for their worker: it is `job.worker`."""

from snakemake_executor_plugin_submitit.job.worker import Worker

__all__ = ["Worker"]
