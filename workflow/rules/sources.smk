# Images that are drawn or fetched first, once for all the ways in which they are split.
if EXPERIMENT.data.source == "synthetic":

    rule synthesize:
        output:
            labels=EXPERIMENT.data.made_last,
        log:
            RESULTS / "logs/synthesize.log",
        conda:
            "../../environment.yml"
        threads: 4
        resources:
            runtime=20,
            mem_mb=2000,
            slurm_account=account,
        params:
            config=passed_on,
            digest=digest.source_data_digest(EXPERIMENT.data),
        shell:
            "bakeoff synthesize {params.config} --workers {threads} --digest {params.digest} > {log} 2>&1"


if EXPERIMENT.data.source == "nih-sample":

    rule fetch:
        output:
            labels=EXPERIMENT.data.labels,
        log:
            RESULTS / "logs/fetch.log",
        localrule: True  # where the internet is: compute nodes have none as a rule
        conda:
            "../../environment.yml"
        resources:
            runtime=120,
            mem_mb=1000,
        params:
            folder=EXPERIMENT.data.labels.parent,
        shell:
            "bakeoff fetch nih-sample --to {params.folder} > {log} 2>&1"
