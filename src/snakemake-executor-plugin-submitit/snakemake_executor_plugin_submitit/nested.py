"""What the commands of nested jobs that earlier versions submitted start: it is `job.nested`."""

from snakemake_executor_plugin_submitit.job.nested import main

if __name__ == "__main__":
    main()
