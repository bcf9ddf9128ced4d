# Published weights that variants start from, one job each.
if PUBLISHED:

    rule weights:
        output:
            file=EXPERIMENT.weights_folder / "{published}.safetensors",
        log:
            RESULTS / "logs/weights-{published}.log",
        wildcard_constraints:
            published="|".join(map(re.escape, PUBLISHED)),
        # First of all: where there is no internet, this should be known at once.
        priority: 1
        # Where the internet is: compute nodes have none as a rule, and training fetches nothing.
        localrule: True
        conda:
            "../../environment.yml"
        resources:
            runtime=120,
            mem_mb=6000,
        params:
            config=passed_on,
        shell:
            "bakeoff weights {params.config} --only {wildcards.published} > {log} 2>&1"
